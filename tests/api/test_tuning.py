"""Tuning: the default comes first and is never lost, sealed rows choose nothing, and the proof is a real one."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

import vouch
from helpers import rows
from vouch.api import concluding, deciding, measuring, searching
from vouch.contracts.search import Attempt
from vouch.errors import TooFewRowsError, TrainingError, UsageError
from vouch.training import search as searches
from vouch.training.loop import Job
from vouch.training.search import Trained

QUICK: dict[str, Any] = {"epochs": 2, "members": 2, "batch_size": 32}
FEW: dict[str, Any] = {"trials": 4, "settings": QUICK, "device": "cpu"}


def tune(data: object, **options: Any) -> vouch.Bundle:
    """A search of a few quick attempts, but for what is said."""
    asked: dict[str, Any] = {**FEW, **options}
    return vouch.tune(data, "y", **asked)


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """No networks are trained as one, so that what is put in the place of training sees each."""
    monkeypatch.setattr(searches, "can_batch", lambda _: False)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> vouch.Bundle:
    """A bundle after a search of ten attempts."""
    folder = tmp_path_factory.mktemp("tuned")
    rows(300).write_csv(folder / "table.csv")
    return tune(folder / "table.csv", out=folder / "table.vouch", trials=10)


def test_the_first_attempt_is_the_recipe_that_fit_would_use(tuned: vouch.Bundle) -> None:
    assert tuned.search is not None
    first, *others = tuned.search.attempts
    assert first.default
    assert not any(one.default for one in others)
    assert len(others) == 9
    plain = vouch.recipe(rows(300), "y", settings=QUICK)[1]
    assert first.settings == {one.name: getattr(plain, one.name) for one in tuned.search.space}
    assert first.score == pytest.approx(min(e[2] for e in vouch.fit(rows(300), "y", settings=QUICK).run.history))


def test_what_is_chosen_is_no_worse_than_the_default_on_validation_rows(tuned: vouch.Bundle) -> None:
    assert tuned.search is not None
    best, default = tuned.search.best, tuned.search.default
    assert best is not None
    assert default is not None
    assert best.score <= default.score
    assert len(best.again) == len(default.again) == searching.ROUNDS
    assert np.mean(best.again) <= np.mean(default.again)
    assert {one.number for one in tuned.search.attempts if one.again} == {
        default.number,
        *(one.number for one in searches.best_few(tuned.search.attempts, searching.BEST)),
    }


def test_the_bundle_has_the_chosen_recipe_and_fit_makes_it_again(tuned: vouch.Bundle) -> None:
    assert tuned.search is not None
    assert tuned.search.best is not None
    for name, value in tuned.search.best.settings.items():
        assert getattr(tuned.recipe, name) == value
    assert tuned.place is not None
    again = vouch.fit(tuned.place.with_name("table.csv"), "y", recipe=tuned.place)
    assert again.recipe == tuned.recipe
    mine = tuned.network.state_dict()
    assert all(value.equal(mine[name]) for name, value in again.network.state_dict().items())
    assert again.predictions.equals(tuned.predictions)


def test_the_proof_is_kept_with_its_look(tuned: vouch.Bundle) -> None:
    assert tuned.audit is not None
    (proof,) = tuned.audit.proofs
    assert isinstance(proof, vouch.Proof)
    assert (proof.challenge, proof.criterion, proof.chosen_by) == ("tuning", "log_loss", "log_loss")
    if proof.differences:
        assert proof.seeds == (0, 1, 2)
        assert proof.differences[0].n == len(tuned.split.test)
        assert "the tuned recipe" in proof.headline.lower()
        assert [one.by for one in tuned.looks] == ["fit", "tune"]
    assert proof.trials[0].remedy == "default recipe"
    assert sum(trial.chosen for trial in proof.trials) == 1


def test_a_stored_bundle_remembers_the_search(tuned: vouch.Bundle) -> None:
    assert tuned.place is not None
    kept = vouch.load(tuned.place)
    assert kept.search == tuned.search
    assert kept.audit == tuned.audit
    assert kept.looks == tuned.looks
    report = (tuned.place / "report.html").read_text(encoding="utf-8")
    assert "How its settings were found" in report
    assert "search_parallel_coordinates" in json.loads((tuned.place / "figures.json").read_text(encoding="utf-8"))


def test_the_same_search_gives_the_same_bundle(tuned: vouch.Bundle) -> None:
    again = tune(rows(300), trials=10)
    assert tuned.search is not None
    assert again.search is not None
    assert [one.settings for one in again.search.attempts] == [one.settings for one in tuned.search.attempts]
    assert again.recipe == tuned.recipe
    assert again.predictions.equals(tuned.predictions)


def test_sealed_rows_choose_nothing() -> None:
    """With other targets on the sealed rows all is as it was, but for the figures on those."""
    train, test = rows(240), rows(120, seed=1)
    shuffled = test.with_columns(pl.col("y").shuffle(seed=3))
    found = [tune(train, test=sealed, trials=6) for sealed in (test, shuffled)]
    searched = [one.search for one in found]
    assert searched[0] is not None
    assert searched[1] is not None
    assert [one.score for one in searched[0].attempts] == [one.score for one in searched[1].attempts]
    assert [one.again for one in searched[0].attempts] == [one.again for one in searched[1].attempts]
    assert found[0].recipe == found[1].recipe
    assert found[0].evidence.metrics != found[1].evidence.metrics


def test_nothing_predicts_a_sealed_row_before_the_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    scored: list[np.ndarray] = []
    plain = measuring.predicted

    def seen(ready: Any, at: np.ndarray) -> Any:
        scored.append(at)
        return plain(ready, at)

    def concluded(quest: Any, *rest: Any) -> Any:
        assert scored
        assert not any(np.isin(at, quest.ready.split.test).any() for at in scored)
        return concluding.concluded(quest, *rest)

    monkeypatch.setattr(deciding, "predicted", seen)
    monkeypatch.setattr("vouch.api.tuning.concluded", concluded)
    tune(rows(300), trials=10)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_every_task_is_tuned_by_its_own_score(task: str) -> None:
    bundle = tune(rows(200, task=task))
    assert bundle.search is not None
    assert bundle.audit is not None
    assert bundle.search.metric == bundle.audit.proofs[0].criterion == {"regression": "rmse"}.get(task, "log_loss")


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_labels_are_smoothed_where_there_are_classes(task: str) -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (120, 8, 8), np.uint8)
    bundle = tune({"x": pictures, "y": rows(120, task=task)["y"]}, trials=1, settings={"epochs": 1})
    assert bundle.search is not None
    names = {one.name for one in bundle.search.space}
    assert {"mixup", "warmup"} <= names
    assert ("label_smoothing" in names) == (task == "binary")


def test_text_and_table_in_one_network_are_tuned_together() -> None:
    words = np.random.default_rng(0).choice(["good", "bad", "fine", "poor"], (120, 6))
    frame = rows(120).with_columns(said=pl.Series([" ".join(row) for row in words]))
    bundle = tune(frame, types={"said": "text"})
    assert bundle.search is not None
    assert {"width", "number_embedding", "text_width"} <= {one.name for one in bundle.search.space}
    assert "ensemble" in bundle.recipe.network


def test_where_nothing_is_better_the_default_is_kept_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding, "best_few", lambda *_: [])
    bundle = tune(rows(200))
    assert bundle.search is not None
    assert bundle.audit is not None
    assert bundle.search.best == bundle.search.default
    assert "none was better than the default recipe" in bundle.search.said
    (proof,) = bundle.audit.proofs
    assert (proof.remedy, proof.verdict, proof.differences) == ("nothing", "no evidence", ())
    assert [one.by for one in bundle.looks] == ["fit"], "nothing was proved, so nobody looked once more"


@pytest.mark.usefixtures("one_by_one")
def test_what_was_lucky_once_does_not_win(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipe that looks good with the seed of the search, and is bad with every other one."""
    plain = searches._train

    def trained(job: Job) -> Trained:
        if job.recipe.weight_decay != 1.0:
            return plain(job)
        if job.recipe.seed == 0:
            return plain(replace(job, evaluate=lambda network: job.evaluate(network) / 2))
        one = plain(job)
        for weights in one.network.parameters():
            weights.data.mul_(3)
        return one

    monkeypatch.setattr(searches, "_train", trained)
    bundle = tune(rows(200), trials=3)
    assert bundle.search is not None
    every = bundle.search.attempts
    lucky = min(every, key=lambda one: one.score)
    assert lucky.settings["weight_decay"] == 1.0
    assert np.mean(lucky.again) > 2 * lucky.score
    assert not lucky.chosen


@pytest.mark.usefixtures("one_by_one")
def test_when_every_attempt_fails_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: Job) -> Trained:
        raise TrainingError("the loss is not a number any more", where="epoch 1")

    monkeypatch.setattr(searches, "_train", failing)
    with pytest.raises(TrainingError, match=r"every attempt failed, .* got the loss is not a number any more, epoch 1"):
        tune(rows(200))


@pytest.mark.usefixtures("one_by_one")
def test_when_only_the_default_fails_the_best_is_kept_without_a_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = searches._train

    def failing(job: Job) -> Trained:
        if job.recipe.weight_decay == 1e-4:
            raise torch.OutOfMemoryError("tried to allocate 20 GiB")
        return plain(job)

    monkeypatch.setattr(searches, "_train", failing)
    bundle = tune(rows(200))
    assert bundle.search is not None
    assert bundle.audit is not None
    assert bundle.search.default is not None
    assert bundle.search.default.why.startswith("out of memory")
    assert bundle.search.best is not None
    assert "could not be trained" in bundle.audit.proofs[0].headline
    assert bundle.audit.proofs[0].verdict == "no evidence"


@pytest.mark.usefixtures("one_by_one")
def test_a_finalist_that_fails_with_another_seed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, seen = searches._train, []

    def failing(job: Job) -> Trained:
        seen.append(job.recipe)
        if job.recipe.seed >= 1000 and replace(job.recipe, seed=0) != seen[0]:
            raise TrainingError("the loss is not a number any more", where="epoch 1")
        return plain(job)

    monkeypatch.setattr(searches, "_train", failing)
    bundle = tune(rows(200), trials=6)
    assert bundle.search is not None
    finalists = [one for one in bundle.search.attempts if one.again and not one.default]
    assert finalists, "the search found something to try again"
    assert bundle.search.best == bundle.search.default
    assert any("Failed with another seed" in note for note in bundle.search.notes)


def test_settings_that_are_given_are_left_as_they_are() -> None:
    bundle = tune(rows(200), settings={**QUICK, "dropout": 0.3})
    assert bundle.search is not None
    names = {one.name for one in bundle.search.space}
    assert not names & {"dropout", "members", "batch_size", "epochs"}
    assert (bundle.recipe.dropout, bundle.recipe.members, bundle.recipe.epochs) == (0.3, 2, 2)


def test_a_search_goes_on_from_its_storage_and_counts_its_looks(tmp_path: Path) -> None:
    whole = tune(rows(200), trials=7)
    first = tune(rows(200), out=tmp_path / "a.vouch")
    second = tune(rows(200), out=tmp_path / "a.vouch", trials=7, resume=True)
    assert whole.search is not None
    assert first.search is not None
    assert second.search is not None
    assert [one.settings for one in second.search.attempts] == [one.settings for one in whole.search.attempts]
    assert [one.score for one in second.search.attempts][:4] == [one.score for one in first.search.attempts]
    proofs = [one.audit.proofs[0] for one in (first, second) if one.audit is not None]
    proved = [proof for proof in proofs if proof.differences]
    assert [proof.look for proof in proved] == list(range(1, len(proved) + 1))
    assert sum(one.by == "tune" for one in second.looks) == len(proved)
    assert (tmp_path / "a.vouch.tune.db").is_file()


def test_a_later_fix_knows_that_the_sealed_rows_were_looked_at(tuned: vouch.Bundle) -> None:
    looked = sum(one.by == "tune" for one in tuned.looks)
    assert vouch.fix(tuned, "calibration").look == 1 + looked


def test_without_resume_the_file_beside_the_bundle_is_begun_afresh(tmp_path: Path) -> None:
    for count in (3, 2):
        bundle = tune(rows(200), out=tmp_path / "a.vouch", trials=count)
        assert bundle.search is not None
        assert len(bundle.search.attempts) == count


def test_the_time_is_kept_and_a_search_that_goes_on_has_time_of_its_own(tmp_path: Path) -> None:
    for again, budget in ((False, "12s"), (True, "8s")):
        started = time.monotonic()
        bundle = vouch.tune(rows(300), "y", budget=budget, device="cpu", out=tmp_path / "a.vouch", resume=again)
        assert time.monotonic() - started < 40
        assert bundle.search is not None
        assert bundle.search.attempts[0].default
        assert len(bundle.search.attempts) > 1 + again
        assert "epochs" in {one.name for one in bundle.search.space}


def test_a_search_in_memory_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert tune(rows(200), trials=1).place is None
    assert not list(tmp_path.iterdir())


def test_attempts_are_told_as_they_are_made() -> None:
    told: list[dict[str, Any]] = []
    tune(rows(200), progress=lambda event, /, **facts: told.append({"event": event, **facts}))
    made = [one for one in told if one["event"] == "trial"]
    assert [one["number"] for one in made] == [0, 1, 2, 3]
    assert all({"state", "score", "epochs", "seconds", "why", "best"} <= one.keys() for one in made)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"trails": 3}, "Did you mean 'trials'?"),
        ({"trials": 0}, "too few trials"),
        ({"workers": 0}, "too few workers"),
        ({"budget": "soon"}, "the budget is not a time"),
        ({"settings": {"dropuot": 1}}, "Did you mean 'dropout'?"),
        ({"workers": 2}, "several workers read the data by themselves"),
        ({"ensemble": 5}, "Tune first; then give fit the bundle: --recipe NAME.vouch --ensemble 5."),
        ({"settings": {"folds": 5}}, "a search trains one network for each recipe"),
        ({"storage": "mysql://me@here/base"}, "there is no storage of the kind 'mysql'"),
    ],
)
def test_what_cannot_be_asked_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        tune(rows(200), **options)
    assert said in str(caught.value)


def test_when_everything_is_fixed_there_is_nothing_to_search() -> None:
    bundle = tune(rows(200), trials=1)
    assert bundle.search is not None
    fixed = {one.name: getattr(bundle.recipe, one.name) for one in bundle.search.space}
    with pytest.raises(UsageError, match="no setting is left to be searched"):
        tune(rows(200), settings={**QUICK, **fixed})


def test_without_sealed_rows_nothing_can_be_proved() -> None:
    with pytest.raises(TooFewRowsError, match="too few sealed rows to prove anything"):
        tune(rows(200), settings={**QUICK, "test_fraction": 0})


def test_resuming_needs_a_search_that_was_begun(tmp_path: Path) -> None:
    for out in (None, tmp_path / "a.vouch"):
        with pytest.raises(TrainingError, match="there is no search to resume"):
            tune(rows(200), out=out, resume=True)
    assert not list(tmp_path.iterdir())


def test_only_the_best_networks_are_held() -> None:
    held = searching.Held()
    every = tuple(Attempt(n, "done", 9.0 - n, 1, 1.0, {}, default=n == 0) for n in range(6))
    for one in every:
        held.add(one.number, Trained(vouch.fit, []), every[: one.number + 1])  # type: ignore[arg-type]
    assert set(held.networks) == {0, 3, 4, 5}
