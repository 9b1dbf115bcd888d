"""The case: what is cross-fitted has never been seen, what was paid for is kept, and a treated lesson is remembered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import vouch
from helpers import FAST, rows
from vouch.api.casing import LiveCase, narrowed, retaught, taught_by
from vouch.api.gathering import case_of
from vouch.api.measuring import predicted
from vouch.auditing import Clock
from vouch.contracts.case import BudgetSpent
from vouch.contracts.finding import Threshold
from vouch.explainers.asking import questions
from vouch.explainers.occlusion import Occlusion
from vouch.testing import case_for


@pytest.fixture(scope="module")
def bundle() -> vouch.Bundle:
    return vouch.fit(rows(200), "y", settings=FAST)


def test_out_of_fold_rows_are_all_that_are_not_sealed_and_none_was_learned_from(bundle, monkeypatch) -> None:
    lessons: list[tuple[np.ndarray, np.ndarray]] = []
    plain = LiveCase.retrain

    def watched(self: LiveCase, lesson: Any, held: np.ndarray) -> np.ndarray:
        lessons.append((np.concatenate([lesson.train, lesson.valid]), held))
        return plain(self, lesson, held)

    monkeypatch.setattr(LiveCase, "retrain", watched)
    scored = case_for(bundle).out_of_fold()
    assert np.array_equal(scored.rows, np.sort(np.concatenate([bundle.split.train, bundle.split.valid])))
    assert len(lessons) == 2
    for learned, held in lessons:
        assert not np.isin(held, learned).any()
        assert not np.isin(np.concatenate([learned, held]), bundle.split.test).any()


def test_rows_that_belong_together_are_in_one_fold() -> None:
    frame = rows(200).with_columns(who=np.arange(200) // 5)
    scored = case_for(vouch.fit(frame, "y", group="who", settings=FAST)).out_of_fold()
    folds = {}
    for row, fold in zip(scored.rows.tolist(), scored.fold.tolist(), strict=True):
        folds.setdefault(row // 5, set()).add(fold)
    assert all(len(some) == 1 for some in folds.values())


def test_the_same_case_gives_the_same_predictions(bundle) -> None:
    first, second = (case_for(bundle).out_of_fold() for _ in range(2))
    assert first.decoded.tobytes() == second.decoded.tobytes()


def test_what_was_cross_fitted_is_shared_and_is_kept_in_the_bundle(tmp_path: Path) -> None:
    made = vouch.fit(rows(200), "y", settings=FAST, out=tmp_path / "a.vouch")
    vouch.audit(made, only=["data_quality"])
    again = vouch.load(tmp_path / "a.vouch")
    assert again.out_of_fold is not None
    case = case_of(again.known(None, made.at_hand), {}, Clock(0.0, 60))
    scored = case.out_of_fold()
    assert scored.part == "out of fold"
    assert scored.decoded.sum(axis=1) == pytest.approx(1)
    assert scored.losses == pytest.approx(again.task.losses(scored.decoded, scored.truth))


def test_a_training_that_is_not_affordable_is_refused(bundle) -> None:
    with pytest.raises(BudgetSpent, match="no time"):
        case_for(bundle, trainings=0.5).out_of_fold()


def test_half_of_the_rows_are_half_a_training(bundle) -> None:
    case = case_for(bundle)
    lesson = case.lesson
    assert case.share_of(lesson) == pytest.approx(1.0)
    assert case.share_of(replace(lesson, train=lesson.train[::2])) == pytest.approx(0.5, abs=0.01)


def test_a_network_that_was_paid_for_is_not_trained_again(tmp_path: Path, monkeypatch) -> None:
    made = vouch.fit(rows(120), "y", settings=FAST, out=tmp_path / "a.vouch")
    first = case_for(made)
    found = first.retrain(first.lesson, made.split.test)
    monkeypatch.setattr(LiveCase, "learned", lambda *_: pytest.fail("it was trained again"))
    second = case_for(made)
    assert np.array_equal(second.retrain(second.lesson, made.split.test), found)
    second.means.kept.end()


def test_retraining_the_lesson_of_the_bundle_gives_its_own_predictions(bundle) -> None:
    case = case_for(bundle)
    again = case.retrain(case.lesson, bundle.split.test)
    assert again == pytest.approx(case.scored("test").decoded, abs=1e-6)


def test_explanations_of_a_network_that_is_trained_again_are_those_of_the_bundle(bundle) -> None:
    told = {"a": [0.1 * i for i in range(80)], "b": ["x", "y"] * 40, "y": ["no"] * 40 + ["yes"] * 40}
    started = vouch.fit({**told, "b": ["z", "y"] * 40}, "y", start=vouch.fit(told, "y", settings=FAST), settings=FAST)
    for one in (bundle, started):
        case = case_for(one)
        some, others = ([block.encoded[rows] for block in case.blocks] for rows in (one.split.test[:5], range(16)))
        asked = questions(one, some, others, np.ones(5, np.int64))
        found = case.attributions(case.lesson, [Occlusion()], asked)[0][0]
        wanted = Occlusion().attribute(asked[0])
        assert found.values == pytest.approx(wanted.values, abs=1e-6)
        assert np.abs(wanted.values).max() > 1e-3
        with pytest.raises(BudgetSpent):
            case.attributions(case.lesson, [Occlusion()], asked)


def test_rows_that_count_more_change_the_network(bundle) -> None:
    case = case_for(bundle, trainings=9)
    weights = np.where(case.truth(np.arange(200)) == 1, 5.0, 1.0)
    heavier = case.retrain(replace(case.lesson, weights=weights), bundle.split.test)
    assert heavier[:, 1].mean() > case.scored("test").decoded[:, 1].mean()


def test_a_treated_lesson_is_remembered_as_it_was(bundle) -> None:
    case = case_for(bundle)
    frame, name = case.dataset.frame, "y"
    weights = np.ones(200)
    weights[[3, 5]] = 0.1
    target = frame[name].scatter([0, 7], ["yes", "no"])
    changed = replace(case.dataset, frame=frame.with_columns(target))
    taught = taught_by(replace(case.lesson, dataset=changed, weights=weights), case.dataset)
    assert taught is not None
    again = retaught(case.lesson, taught)
    assert again.dataset.frame[name].equals(target)
    assert again.weights is not None
    assert np.array_equal(again.weights, weights)
    assert taught_by(case.lesson, case.dataset) is None


def test_thresholds_of_the_user_take_the_place_of_the_defaults(bundle) -> None:
    case = case_of(bundle, {}, Clock(1, 60), {"overfitting": {"gap": {"warn": 0.3}}}).under("overfitting")
    default = Threshold("gap", 0.1, 0.2)
    assert case.threshold(default, "gap") == replace(default, warn=0.3)
    assert case.threshold(default, "other") == default
    assert case.under("calibration").threshold(default, "gap") == default


def test_checks_draw_at_random_without_disturbing_each_other(bundle) -> None:
    case = case_for(bundle).under("overfitting")
    draws = [case.random(what).random() for what in ("a", "b", "a")]
    assert draws[0] == draws[2] != draws[1]


def test_embeddings_are_the_vectors_before_the_head(bundle) -> None:
    case = case_for(bundle)
    found = case.embeddings(bundle.split.test)
    assert found.shape == (len(bundle.split.test), FAST["members"] * FAST["width"])
    assert np.isfinite(found).all()
    earlier = case.embeddings(bundle.split.test, before="trunk")
    assert earlier.shape == (len(bundle.split.test), sum(bundle.network.sizes))
    with torch.inference_mode():
        trunk = bundle.network.trunk(torch.from_numpy(earlier).float()).flatten(1)
    assert trunk.numpy() == pytest.approx(found, abs=1e-5)


def test_vectors_of_rows_that_were_scored_are_not_computed_again(bundle, monkeypatch) -> None:
    case, fresh = case_for(bundle), case_for(bundle)
    for part in ("train", "test"):
        case.scored(part)
    rows = np.random.default_rng(0).permutation(200)
    wanted = fresh.embeddings(rows)
    asked: list[int] = []
    plain = LiveCase._inputs
    monkeypatch.setattr(LiveCase, "_inputs", lambda self, some: asked.append(len(some)) or plain(self, some))
    assert case.embeddings(rows) == pytest.approx(wanted, abs=1e-5)
    assert asked == [len(bundle.split.valid)]


def test_scores_are_those_of_the_whole_network_with_or_without_room_for_vectors(bundle, monkeypatch) -> None:
    roomy = case_for(bundle).scored("test").decoded
    monkeypatch.setattr("vouch.api.casing._MOST_KEPT", 0)
    case = case_for(bundle)
    assert case.scored("test").decoded == pytest.approx(roomy, abs=1e-6)
    assert case.means.memo["vectors"] == []


def test_rows_that_nobody_asks_for_change_nothing(bundle) -> None:
    case = case_for(bundle)
    held = case.split.train[::5]
    weights = np.linspace(0.5, 2.0, 200)
    lesson = replace(case.lesson, train=np.setdiff1d(case.split.train, held)[::2], weights=weights)
    whole = predicted(case.learned(lesson)[0], held)
    only, at = narrowed(lesson, held)
    assert only.dataset.frame.height < 200
    assert np.array_equal(case.retrain(lesson, held), whole)
    assert only.dataset.frame["size"][at].to_list() == case.dataset.frame["size"][held].to_list()


def test_folds_stop_where_the_network_itself_has_shown_that_they_may(bundle, monkeypatch) -> None:
    history = tuple((i + 1, 1.0, abs(i - 3) + 0.5, 0.1) for i in range(8))
    recipe = replace(bundle.recipe, epochs=60, patience=4)
    stopped = replace(bundle, recipe=recipe, run=replace(bundle.run, history=history))
    lessons: list[Any] = []
    said = lambda _, lesson, held: lessons.append(lesson) or np.full((len(held), 2), 0.5)  # noqa: E731
    monkeypatch.setattr(LiveCase, "retrain", said)
    replace(case_for(bundle), bundle=stopped).out_of_fold()
    # The best epoch was the fourth; two more are half of the patience.
    assert {(lesson.recipe.epochs, lesson.recipe.patience) for lesson in lessons} == {(6, 2)}


def test_choosing_from_some_validation_rows_forgets_the_others(bundle) -> None:
    case = case_for(bundle)
    case.scored("valid")
    some = bundle.split.valid[:7]
    assert np.array_equal(case.choosing(some).scored("valid").rows, some)
    assert len(case.scored("valid").rows) == len(bundle.split.valid)
