"""The search: a remedy is chosen by rows that the proof does not see, and only if it beats its own noise."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vouch.auditing.clock import Clock
from vouch.auditing.search import NOTHING, Aim, Choice, Ground, Pace, said_of, search
from vouch.contracts.case import BudgetSpent, Lesson, Remedy
from vouch.contracts.recipe import Recipe
from vouch.contracts.split import Split
from vouch.statistics.evidence import Truth
from vouch.tasks.metrics import BY_TASK

METRICS = {spec.name: spec for spec in BY_TASK["binary"]}
LOSS, AREA = METRICS["log_loss"], METRICS["roc_auc"]
ROWS = np.arange(400)
TRUTH = np.random.default_rng(0).integers(0, 2, 400)


@dataclass
class Taught:
    """A case whose networks are as sure of the truth as the recipe's dropout says; ``trainings`` of them are left."""

    trainings: int = 100

    def retrain(self, lesson: Lesson, rows: np.ndarray) -> np.ndarray:
        if self.trainings <= 0:
            raise BudgetSpent("no time")
        self.trainings -= 1
        rng = np.random.default_rng(int(10_000 * lesson.recipe.dropout))
        sure = np.clip(lesson.recipe.dropout + 0.1 * rng.normal(size=len(rows)), 0.01, 0.99)
        p = np.where(TRUTH[rows] == 1, sure, 1 - sure)
        return np.stack([1 - p, p], axis=1)


def dropout(*strengths: float) -> Remedy[Any]:
    return Remedy(
        "raise_dropout", "More.", "recipe", lambda _: strengths, lambda _, recipe, s: replace(recipe, dropout=s)
    )


def found(case: Any, *remedies: Remedy[Any], max_loss: float | None = None, start: float = 0.7) -> Choice:
    lesson: Any = SimpleNamespace(recipe=Recipe(dropout=start))
    one = Lesson(lesson.recipe, None, None, ROWS, ROWS)  # type: ignore[arg-type]
    ground = Ground((one,), (ROWS,))
    return search(case, remedies, Aim(LOSS, AREA, max_loss), ground, Truth("binary", ("a", "b"), TRUTH, None, "valid"))


def test_the_best_strength_is_chosen_and_marked() -> None:
    choice = found(Taught(), dropout(0.75, 0.9, 0.8))
    assert (choice.remedy.name if choice.remedy else None, choice.strength) == ("raise_dropout", 0.9)
    assert [one.strength for one in choice.trials if one.chosen] == ["0.9"]


def test_doing_nothing_stands_first_and_is_what_others_are_held_against() -> None:
    choice = found(Taught(), dropout(0.9))
    assert (choice.trials[0].remedy, choice.trials[0].error) == (NOTHING, 0)


def test_what_is_no_better_than_nothing_is_not_chosen() -> None:
    choice = found(Taught(), dropout(0.5, 0.6))
    assert choice.remedy is None
    assert len(choice.trials) == 3


def test_a_gain_within_its_noise_is_not_chosen() -> None:
    choice = found(Taught(), dropout(0.7001, 0.7002, 0.7003, 0.7004, 0.7005))
    gains = [choice.trials[0].score - one.score for one in choice.trials[1:]]
    assert any(0 < gain < one.error for gain, one in zip(gains, choice.trials[1:], strict=True))
    assert all(gain > one.error for gain, one in zip(gains, choice.trials[1:], strict=True) if one.chosen)


def test_candidates_for_which_there_is_no_time_are_named() -> None:
    choice = found(Taught(trainings=2), dropout(0.9, 0.95, 0.97))
    assert (len(choice.trials), choice.strength) == (2, 0.9)
    assert choice.left_out == ("raise_dropout 0.95", "raise_dropout 0.97")


def test_where_time_is_short_every_remedy_is_tried_before_any_is_tried_at_two_strengths() -> None:
    other = replace(dropout(0.75, 0.85), name="other")
    choice = found(Taught(trainings=4), dropout(0.8, 0.9), other)
    assert [(one.remedy, one.strength) for one in choice.trials[1:]] == [
        ("raise_dropout", "0.8"), ("raise_dropout", "0.9"), ("other", "0.75"),
    ]  # fmt: skip
    assert choice.left_out == ("other 0.85",)


def test_what_costs_too_much_of_the_main_metric_is_not_chosen() -> None:
    class Sharp(Taught):
        def retrain(self, lesson: Lesson, rows: np.ndarray) -> np.ndarray:
            p = super().retrain(lesson, rows)
            return p if lesson.recipe.dropout < 0.8 else np.where(rows[:, None] % 7 == 0, p[:, ::-1], p)

    free, held = (found(Sharp(), dropout(0.9), max_loss=loss) for loss in (None, 0.01))
    assert free.trials[1].main < 0.95 * free.trials[0].main
    assert held.remedy is None


class Halting(Taught):
    """Networks that are right about 88 rows in a hundred, and with more dropout about 86."""

    def retrain(self, lesson: Lesson, rows: np.ndarray) -> np.ndarray:
        wrong = np.arange(400) % 100 < (12 if lesson.recipe.dropout < 0.8 else 14)
        p = np.where((TRUTH == 1) != wrong, 0.9, 0.1)[rows]
        return np.stack([1 - p, p], axis=1)


@pytest.mark.parametrize(("most", "why"), [(0.02, ""), (0.019, "costs more than 1.9 points of accuracy")])
def test_of_a_share_as_many_points_may_be_lost_as_are_said(most: float, why: str) -> None:
    one = Lesson(Recipe(dropout=0.7), None, None, ROWS, ROWS)  # type: ignore[arg-type]
    aim, truth = Aim(LOSS, METRICS["accuracy"], most), Truth("binary", ("a", "b"), TRUTH, None, "valid")
    choice = search(Halting(), [dropout(0.9)], aim, Ground((one,), (ROWS,)), truth)  # type: ignore[arg-type]
    assert [round(trial.main, 6) for trial in choice.trials] == [0.88, 0.86]
    assert choice.trials[1].why == why


def test_of_a_metric_with_a_unit_of_its_own_the_share_that_is_said_may_be_lost() -> None:
    root = BY_TASK["regression"][0]
    assert Aim(root, root).lost(50.0, 51.0) == pytest.approx(0.02)
    assert Aim(LOSS, LOSS).lost(0.5, 0.49) == pytest.approx(-0.02)
    assert (said_of(root, 0.02), said_of(METRICS["accuracy"], 0.01)) == ("2 % of RMSE", "1 point of accuracy")


@pytest.mark.parametrize("task", BY_TASK)
def test_metrics_whose_loss_is_told_in_points_lie_between_0_and_1(task: str) -> None:
    told = {spec.name for spec in BY_TASK[task] if spec.in_points}
    own_unit = {"log_loss", "brier", "ece", "rmse", "mae", "r2", "error_q50", "error_q90"}
    assert told == {spec.name for spec in BY_TASK[task]} - own_unit


def test_a_remedy_of_the_bundle_is_judged_on_rows_that_it_was_not_fitted_on() -> None:
    seen: list[tuple[set[int], set[int]]] = []

    class Fitted:
        split = Split(np.arange(300), np.arange(300, 400), np.arange(0), "random", "")
        lesson = Lesson(Recipe(), None, None, np.arange(300), np.arange(300, 400))  # type: ignore[arg-type]
        bundle: Any = "plain"

        def choosing(self, rows: np.ndarray) -> Any:
            return SimpleNamespace(rows=rows, bundle="plain")

        def answered(self, bundle: Any, rows: np.ndarray) -> np.ndarray:
            if bundle != "plain":
                seen.append((set(bundle), set(rows.tolist())))
            return np.stack([1 - TRUTH[rows] * 0.5, TRUTH[rows] * 0.5], axis=1)

    case: Any = Fitted()
    held = tuple(np.arange(300 + at, 400, 5) for at in range(5))
    ground = Ground(tuple(replace(case.lesson, valid=np.setdiff1d(case.split.valid, part)) for part in held), held)
    remedy = Remedy("scale", "Scales.", "bundle", lambda _: ("once",), lambda view, *_: view.rows.tolist())
    truth = Truth("binary", ("a", "b"), TRUTH[ground.rows], None, "valid")
    search(case, [remedy], Aim(LOSS, AREA), ground, truth)
    assert len(seen) == 5
    assert all(not learned & held for learned, held in seen)
    assert set().union(*(held for _, held in seen)) == set(range(300, 400))


@dataclass
class Both(Taught):
    """Networks whose answers a bundle may sharpen by what other rows say; it is written down who learned from which."""

    said: tuple[np.ndarray, np.ndarray] | None = None
    rows: np.ndarray | None = None
    seen: list[tuple[set[int], set[int]]] = field(default_factory=list)
    bundle: Any = 1.0

    def speaking(self, rows: np.ndarray, decoded: np.ndarray) -> Both:
        return replace(self, said=(rows, decoded))

    def choosing(self, rows: np.ndarray) -> Both:
        return replace(self, rows=rows)

    def answered(self, bundle: Any, rows: np.ndarray) -> np.ndarray:
        assert self.said is not None
        sharp, learned = bundle
        self.seen.append((set(learned), set(rows.tolist())))
        order = np.argsort(self.said[0])
        p = self.said[1][order][np.searchsorted(self.said[0][order], rows)] ** sharp
        return p / p.sum(axis=1, keepdims=True)


def sharpen(*strengths: float) -> Remedy[Any]:
    return Remedy("sharpen", "More.", "bundle", lambda _: strengths, lambda view, _, s: (s, view.rows.tolist()))


@pytest.mark.parametrize(("sharp", "dropped", "chosen"), [(3.0, 0.72, "sharpen"), (0.5, 0.9, "raise_dropout")])
def test_both_kinds_of_remedies_compete_on_the_same_rows(sharp: float, dropped: float, chosen: str) -> None:
    case: Any = Both()
    parts = ROWS[::2], ROWS[1::2]
    lessons = tuple(Lesson(Recipe(dropout=0.7), None, None, part, part) for part in parts)  # type: ignore[arg-type]
    ground = Ground(lessons, parts[::-1])
    truth = Truth("binary", ("a", "b"), TRUTH[ground.rows], None, "valid")
    choice = search(case, [sharpen(sharp), dropout(dropped)], Aim(LOSS, AREA), ground, truth)
    assert (choice.remedy.name if choice.remedy else None) == chosen
    assert len(choice.trials) == 3


def test_a_remedy_of_the_bundle_costs_no_training_and_learns_from_other_parts_alone() -> None:
    case: Any = Both()
    parts = ROWS[::2], ROWS[1::2]
    lessons = tuple(Lesson(Recipe(dropout=0.7), None, None, part, part) for part in parts)  # type: ignore[arg-type]
    truth = Truth("binary", ("a", "b"), TRUTH[np.concatenate(parts)], None, "valid")
    before = case.trainings
    search(case, [sharpen(1.5, 2.0), dropout(0.71)], Aim(LOSS, AREA), Ground(lessons, parts), truth)
    runs = 5
    assert before - case.trainings == 2 * 2 * runs
    assert case.seen
    assert all(not learned & held and len(learned | held) == len(ROWS) for learned, held in case.seen)


@dataclass
class Doubting:
    """Networks for a set of which every fourth label is wrong: right on the true classes, or true to the labels."""

    labels: np.ndarray
    true_to_labels: float = 0.0

    def retrain(self, lesson: Lesson, rows: np.ndarray) -> np.ndarray:
        truth = TRUTH[rows]
        if lesson.recipe.dropout > 0.5:
            # The treated network knows the true class, and is as far from wrong labels as it is asked to be.
            sure = np.where(self.labels[rows] == truth, 0.9, 0.9 - self.true_to_labels)
            p = np.where(truth == 1, sure, 1 - sure)
        else:
            p = np.where(self.labels[rows] == 1, 0.7, 0.3)
        return np.stack([1 - p, p], axis=1)


@pytest.mark.parametrize(
    ("doubted", "true_to_labels", "chosen"),
    [(True, 0.0, False), (True, 0.23, True), (False, 0.23, False)],
)
def test_doubted_rows_do_not_choose_but_may_object(*, doubted: bool, true_to_labels: float, chosen: bool) -> None:
    wrong = np.arange(400) % 4 == 0
    case = Doubting(np.where(wrong, 1 - TRUTH, TRUTH), true_to_labels)
    ground = Ground((Lesson(Recipe(dropout=0.1), None, None, ROWS, ROWS),), (ROWS,))  # type: ignore[arg-type]
    if doubted:
        ground = replace(ground, doubted=np.flatnonzero(wrong))
    truth = Truth("binary", ("a", "b"), case.labels, None, "valid")
    choice = search(case, (dropout(0.9),), Aim(LOSS, LOSS), ground, truth)  # type: ignore[arg-type]
    assert (choice.remedy is not None) == chosen
    assert choice.doubted == 100 * doubted


@dataclass
class Moody:
    """Networks of which a remedy makes the first run lucky and all others worse than nothing."""

    trainings: int = 100
    seeds: tuple[int, ...] = ()

    def retrain(self, lesson: Lesson, rows: np.ndarray) -> np.ndarray:
        if self.trainings <= 0:
            raise BudgetSpent("no time")
        self.trainings -= 1
        self.seeds = (*self.seeds, lesson.recipe.seed)
        lucky = {0.9: 0.9 if lesson.recipe.seed == 0 else 0.5, 0.8: 0.8}.get(lesson.recipe.dropout, 0.7)
        p = np.where(TRUTH[rows] == 1, lucky, 1 - lucky)
        return np.stack([1 - p, p], axis=1)


def test_the_best_are_trained_again_so_that_luck_does_not_choose() -> None:
    assert found(Moody(3), dropout(0.9, 0.8)).strength == 0.9
    case = Moody()
    choice = found(case, dropout(0.9, 0.8))
    assert choice.strength == 0.8
    assert set(case.seeds) == {0, 1000, 2000, 3000, 4000}
    lucky = next(one for one in choice.trials if one.strength == "0.9")
    assert lucky.error > 0.1


def test_what_cannot_be_chosen_is_not_trained_again() -> None:
    case = Moody()
    assert found(case, dropout(0.1), max_loss=-2.0).remedy is None
    assert len(case.seeds) == 2


def test_a_round_that_time_does_not_suffice_for_counts_for_no_one() -> None:
    choice = found(Moody(5), dropout(0.9, 0.8))
    assert choice.strength == 0.9
    assert choice.left_out == ()


def test_up_to_half_of_the_time_is_kept_for_training_the_best_again() -> None:
    @dataclass
    class Counted(Moody):
        clock: Clock = field(default_factory=lambda: Clock(trainings=20, seconds=1e6))

        def retrain(self, lesson: Lesson, rows: np.ndarray) -> np.ndarray:
            if not self.clock.fits(1.0):
                raise BudgetSpent("no time")
            self.clock.spend(1.0)
            return super().retrain(lesson, rows)

    case = Counted()
    lesson = Lesson(Recipe(dropout=0.1), None, None, ROWS, ROWS)  # type: ignore[arg-type]
    truth = Truth("binary", ("a", "b"), TRUTH, None, "valid")
    many = dropout(*(0.2 + 0.01 * i for i in range(30)), 0.8)
    heard: list[tuple[str, dict]] = []
    pace = Pace(case.clock, lambda event, /, **facts: heard.append((event, facts)))
    choice = search(case, (many,), Aim(LOSS, AREA), Ground((lesson,), (ROWS,)), truth, pace)  # type: ignore[arg-type]
    assert [kind for kind, _ in heard] == [*["trying"] * 31, "again"]
    assert heard[1][1] == {"candidate": 2, "of": 31, "remedy": many.name + " " + f"{many.strengths(case)[1]:g}"}
    # One for nothing, 8 kept for two more runs of four, 11 for candidates.
    assert (len(choice.trials) - 1, len(choice.left_out), case.clock.spent) == (11, 20, 20)


def test_where_every_row_is_doubted_all_count() -> None:
    lesson = Lesson(Recipe(), None, None, ROWS, ROWS)  # type: ignore[arg-type]
    assert Ground((lesson,), (ROWS,), ROWS).trusted.sum() == len(ROWS)
