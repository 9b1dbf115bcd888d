"""What is asked of explanations: whether they are true, of the network, the same each time, and how simple it is."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.inspection import permutation_importance
from torch import nn

import vouch
from explainers.asked import bundle
from helpers import rows
from vouch.api.casing import LiveCase
from vouch.auditing import Clock
from vouch.challenges.black_box import CHALLENGE
from vouch.challenges.black_box.attributed import asked, attributed, best, suitable
from vouch.challenges.black_box.faithful import faithful_explanations
from vouch.challenges.black_box.leaning import leans_on_one_column
from vouch.challenges.black_box.permuted import knows_the_target, permuted
from vouch.challenges.black_box.randomised import knows_the_weights, shuffled
from vouch.challenges.black_box.rowwise import row_by_row
from vouch.challenges.black_box.stable import stable_explanations, without_least
from vouch.challenges.black_box.surrogate import grown, rules, simple_rules
from vouch.contracts.case import BudgetSpent
from vouch.contracts.explaining import Attribution, Question
from vouch.explainers.occlusion import Occlusion
from vouch.testing import case_for, small_case


@cache
def table() -> LiveCase:
    """Two classes that follow one column much and three others less, beside one that says nothing."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(800, 4))
    steep = np.array([3.0, 1.5, 1.0, 0.0])
    target = np.where(x @ steep + rng.logistic(size=800) > 0, "yes", "no")
    kind = np.where(rng.random(800) < 0.5, "a", "b")
    data = pl.DataFrame({**{f"x{k}": x[:, k] for k in range(4)}, "kind": kind, "target": target})
    settings = {"epochs": 15, "learning_rate": 0.01, "members": 2, "width": 32}
    return case_for(vouch.fit(data, "target", settings=settings)).under("black_box")


@cache
def parcels(name: str) -> LiveCase:
    """A small network of pictures, of texts, or of all together."""
    network, _ = bundle(name)
    return case_for(network).under("black_box")


class Blind(Occlusion):
    """Contributions that follow from the place of a part and from nothing else."""

    name: ClassVar[str] = "blind"

    def attribute(self, question: Question) -> Attribution:
        found = super().attribute(question)
        return replace(found, values=np.tile(np.arange(found.values.shape[1]) ** 2.0, (question.rows, 1)))


class Contrary(Occlusion):
    """The contrary of what is true."""

    name: ClassVar[str] = "contrary"

    def attribute(self, question: Question) -> Attribution:
        found = super().attribute(question)
        return replace(found, values=-found.values)


class Fickle(Occlusion):
    """Contributions that are drawn anew at each seed."""

    name: ClassVar[str] = "fickle"

    def attribute(self, question: Question) -> Attribution:
        found = super().attribute(question)
        rng = np.random.default_rng([question.seed, int(question.inputs[0].double().abs().sum() * 1000)])
        return replace(found, values=rng.normal(size=found.values.shape))


def test_a_network_that_learned_something_has_a_faithful_explanation() -> None:
    check = faithful_explanations(table())
    assert check.verdict == "pass"
    assert check.estimates[0].low > 0.2
    assert f"[{best(table()).name}]" in check.estimates[0].name


def test_contributions_to_sealed_rows_are_drawn_as_dots_and_those_of_patches_are_not() -> None:
    case = table()
    drawn = next(one for one in faithful_explanations(case).figures if one.name == "row_by_row")
    dots = drawn.spec["data"]["values"]
    assert len(dots) == 5 * len(asked(case, "test").rows)
    assert "“x0” moves the answer most" in drawn.says
    some = asked(parcels("picture"), "test")
    assert row_by_row(parcels("picture"), some, attributed(parcels("picture"), "test", Occlusion())) == ()


def test_the_method_is_chosen_on_validation_rows_and_measured_on_sealed_ones() -> None:
    case = table()
    scores = {method.name: attributed(case, "valid", method).shares.mean() for method in suitable(case)}
    assert best(case).name == max(scores, key=lambda name: scores[name])
    assert set(asked(case, "valid").rows) <= set(case.split.valid)
    assert set(asked(case, "test").rows) <= set(case.split.test)
    found = faithful_explanations(case).estimates[0]
    assert found.value == pytest.approx(attributed(case, "test", best(case)).shares.mean())


def test_the_contrary_of_the_truth_fails_and_is_named() -> None:
    case = fresh(table())
    assert faithful_explanations(case, (Contrary(),)).verdict == "fail"
    both = faithful_explanations(fresh(table()), (Contrary(), Occlusion()))
    assert both.verdict == "pass"
    assert "not better than chance: contrary" in both.headline


def test_an_explanation_that_does_not_look_at_the_network_is_caught() -> None:
    check = knows_the_weights(fresh(table()), (Blind(),))
    assert check.verdict == "fail"
    assert check.estimates[0].value == pytest.approx(1.0)
    assert check.tables[0].rows[0][-1] == "blind to the weights"
    assert knows_the_weights(table()).verdict == "pass"


def test_shuffling_keeps_the_numbers_of_each_weight_and_leaves_the_network_alone() -> None:
    network = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    first = next(network.parameters()).clone()
    before = [weight.clone() for weight in network.parameters()]
    other = shuffled(network, 1)
    for own, known, moved in zip(network.parameters(), before, other.parameters(), strict=True):
        assert torch.equal(own, known)
        assert torch.equal(moved.flatten().sort().values, known.flatten().sort().values)
    assert not torch.equal(next(other.parameters()), first)
    assert torch.equal(next(shuffled(network, 1).parameters()), next(other.parameters()))


def test_an_explanation_that_does_not_know_the_target_is_caught() -> None:
    check = knows_the_target(fresh(table()), (Blind(),))
    assert check.verdict == "fail"
    assert check.estimates[0].value == pytest.approx(1.0)
    assert check.tables[0].rows[0][-1] == "blind to the target"
    found = [knows_the_target(fresh(table()), (Occlusion(),)) for _ in range(2)]
    assert found[0].verdict == "pass"
    assert found[0].estimates == found[1].estimates


def test_targets_are_exchanged_among_the_rows_that_are_named_and_nowhere_else() -> None:
    lesson = table().lesson
    before, rows = lesson.dataset.frame, lesson.train[::2]
    after = permuted(lesson, rows, np.random.default_rng(0)).dataset.frame
    others = np.setdiff1d(np.arange(before.height), rows)
    assert after["target"][others].equals(before["target"][others])
    assert not after["target"][rows].equals(before["target"][rows])
    assert after["target"][rows].sort().equals(before["target"][rows].sort())
    assert after.drop("target").equals(before.drop("target"))
    assert lesson.dataset.frame.equals(before)


@pytest.mark.parametrize(("trainings", "share"), [(0.6, 1 / 2), (0.3, 1 / 4), (0.125, 1 / 8)])
def test_less_time_is_spent_on_fewer_rows_with_permuted_targets(trainings: float, share: float) -> None:
    case = replace(fresh(table()), budget=Clock(trainings, 100))
    rows = knows_the_target(case, (Occlusion(),)).tables[1].rows[0][0]
    assert rows == int(share * len(case.split.train))
    assert case.budget.spent == pytest.approx(share, abs=0.01)


def test_without_time_to_learn_from_permuted_targets_nothing_is_said_of_them() -> None:
    with pytest.raises(BudgetSpent, match="no time for a fit with permuted targets"):
        knows_the_target(replace(fresh(table()), budget=Clock(0.1, 100)), (Occlusion(),))


def test_a_network_that_learns_to_answer_all_rows_alike_is_compared_with_nothing(monkeypatch) -> None:
    plain = LiveCase.attributions

    def alike(self: LiveCase, *told: Any) -> list[list[Attribution]]:
        return [[replace(one, answers=0 * one.answers + 0.4) for one in some] for some in plain(self, *told)]

    monkeypatch.setattr(LiveCase, "attributions", alike)
    check = knows_the_target(fresh(table()), (Blind(),))
    assert check.verdict == "not applicable"
    assert "answers all rows alike" in check.headline


def test_an_explanation_that_is_drawn_at_random_is_unstable() -> None:
    assert stable_explanations(fresh(table()), (Fickle(),)).verdict == "fail"
    assert stable_explanations(table()).verdict == "pass"


@pytest.mark.parametrize("name", ["table", "picture", "text", "mixed"])
def test_only_the_least_part_is_exchanged(name: str) -> None:
    question = asked(table() if name == "table" else parcels(name), "test").questions[0]
    values = np.random.default_rng(0).normal(size=(question.rows, len(question.names)))
    found = Attribution(values, np.zeros(question.rows), np.zeros(question.rows), np.zeros_like(values), False)
    other = without_least(question, found, np.random.default_rng(1))
    starts = np.cumsum([0, *(len(some.names) for some in question.parts)])
    for row in range(question.rows):
        least = int(np.abs(values[row]).argmin())
        for block, some in enumerate(question.parts):
            changed = question.inputs[block][row] != other.inputs[block][row]
            allowed = some.owner == least - int(starts[block])
            assert not (changed & ~allowed).any()


def test_what_the_network_rests_on_is_what_scikit_learn_finds() -> None:
    case = table()
    check = leans_on_one_column(case)
    found = {row[0]: row[1] for row in check.tables[0].rows}

    class Wrapped:
        def fit(self) -> None: ...

        def score(self, x: np.ndarray, y: np.ndarray) -> float:
            decoded = case.bundle.task.decode(case.bundle.network(*_split(case, x)).detach())
            return -float(case.bundle.task.losses(decoded, y).mean())

    test = case.split.test
    flat = np.concatenate([block.encoded[torch.from_numpy(test)].double().numpy() for block in case.blocks], axis=1)
    other = permutation_importance(Wrapped(), flat, case.truth(test), n_repeats=10, random_state=0)  # type: ignore[arg-type]
    names = [name for encoder in case.bundle.encoders for name in encoder.columns]
    for name, mean, spread in zip(names, other.importances_mean, other.importances_std, strict=True):
        assert found[name] == pytest.approx(mean, abs=4 * spread + 0.01), name
    assert check.verdict == "pass"
    assert check.headline.startswith("Shuffling “x0” costs most")


def _split(case: LiveCase, x: np.ndarray) -> list[torch.Tensor]:
    widths = np.cumsum([block.encoded.shape[1] for block in case.blocks])[:-1]
    parts = np.split(x, widths, axis=1)
    return [torch.from_numpy(part).to(block.encoded.dtype) for part, block in zip(parts, case.blocks, strict=True)]


def test_one_column_that_decides_alone_is_told() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(700, 3))
    data = pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": np.where(x[:, 1] > 0, "yes", "no")})
    case = case_for(vouch.fit(data, "y", settings={"epochs": 15, "learning_rate": 0.01})).under("black_box")
    check = leans_on_one_column(case)
    assert check.verdict in ("warn", "fail")
    assert "“b”" in check.headline
    rule = simple_rules(case)
    assert rule.verdict == "pass"
    assert rule.estimates[0].value > 0.8


def test_rules_cover_every_row_once_and_say_what_the_tree_says() -> None:
    from vouch.challenges.black_box.readable import Readable

    rng = np.random.default_rng(2)
    x = np.stack([rng.normal(size=600), rng.integers(0, 3, 600).astype(float)], axis=1)
    tree = grown(x, (x[:, 0] > 0) * 1.0 + (x[:, 1] > 1) * 2.0, 0)
    columns = [Readable("size", x[:, 0]), Readable("plan", x[:, 1], ("free", "basic", "full"))]
    leaves = rules(tree, columns, 0)
    place = tree.apply(x.astype(np.float32))
    assert {leaf.number for leaf in leaves} == set(place)
    for leaf in leaves:
        assert np.allclose(tree.predict(x[place == leaf.number]), leaf.answer)
    assert [round(leaf.answer) for leaf in leaves] == [3, 2, 1, 0]
    assert leaves[0].rule[1].startswith("size > ") or leaves[0].rule[0].startswith("size > ")
    assert any("plan is full" in part for part in leaves[0].rule)


@pytest.mark.parametrize("name", ["picture", "text", "mixed"])
def test_every_check_has_an_answer_for_every_kind_of_column(name: str) -> None:
    finding = CHALLENGE.diagnose(parcels(name))
    assert not [check.name for check in finding.checks if "could not run" in check.headline]
    told = {check.name: check.verdict for check in finding.checks}
    assert told["faithful_explanations"] in ("pass", "warn", "fail", "inconclusive")
    if name == "picture":
        assert told["simple_rules"] == "not applicable"


def test_one_column_alone_has_nothing_to_weigh() -> None:
    finding = CHALLENGE.diagnose(small_case().under("black_box"))
    assert {check.verdict for check in finding.checks} <= {"not applicable", "inconclusive"}


def test_numbers_are_explained_too() -> None:
    data = rows(300, task="regression")
    case = case_for(vouch.fit(data, "y", settings={"epochs": 8, "learning_rate": 0.01})).under("black_box")
    finding = CHALLENGE.diagnose(case)
    assert not [check.name for check in finding.checks if "could not run" in check.headline]


def fresh(case: LiveCase) -> LiveCase:
    """The same case, of which nothing was computed, and with all of its time."""
    return replace(case, means=replace(case.means, memo={}), budget=Clock(1.5, 60.0))
