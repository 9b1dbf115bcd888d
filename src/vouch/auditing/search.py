"""Choose a remedy and its strength, on rows that the proof will not see."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from vouch.contracts.bundle import BundleValue
from vouch.contracts.case import BudgetSpent, Case, Lesson, Remedy, Strength
from vouch.contracts.proof import Trial
from vouch.statistics.evidence import Truth
from vouch.statistics.intervals import bootstrap
from vouch.tasks.metrics import MetricSpec

Rows: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
NOTHING = "nothing"

_FOLDS = 5
_RESAMPLES = 200


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The rows on which remedies are compared: parts of the rows that are not sealed, each held out once.

    Args:
        lessons: what is learned from, for each part.
        held: the rows that are scored, for each part.
        doubted: rows whose target a remedy calls wrong: it cannot say which remedy is best.
    """

    lessons: tuple[Lesson, ...]
    held: tuple[Rows, ...]
    doubted: Rows = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def rows(self) -> Rows:
        """All held rows, part after part."""
        return np.concatenate(self.held)

    @property
    def trusted(self) -> Floats:
        """1 for every held row whose target is not doubted, else 0 (n,); all count where all are doubted."""
        trusted = ~np.isin(self.rows, self.doubted)
        return np.where(trusted if trusted.any() else ~trusted, 1.0, 0.0)


@dataclass(frozen=True, slots=True)
class Aim:
    """What a remedy is to make better, and what it may cost.

    Args:
        spec: the metric by which remedies are chosen.
        main: the main metric of the task.
        max_loss: share of the main metric that may be lost; none when anything may.
    """

    spec: MetricSpec
    main: MetricSpec
    max_loss: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What the search came to.

    Args:
        trials: everything that was tried; the first is doing nothing.
        remedy: the best remedy; none when nothing was better than doing nothing.
        strength: of the remedy.
        left_out: candidates for which there was no time.
    """

    trials: tuple[Trial, ...]
    remedy: Remedy[Any] | None = None
    strength: Strength = ""
    left_out: int = 0


def search(case: Case, remedies: Sequence[Remedy[Any]], aim: Aim, ground: Ground, truth: Truth) -> Choice:
    """Try every remedy at every strength on rows kept for choosing, and take the best that is better than nothing.

    Where targets are doubted, the best is the one that is best on the other rows, if it is not clearly worse on all.

    Args:
        case: what is to be treated.
        remedies: of one kind: those that train anew, or those that change the trained bundle.
        aim: what is to become better.
        ground: the rows to choose by.
        truth: of those rows, in their order.

    Returns:
        The choice, with every trial.
    """
    trains = remedies[0].changes != "bundle"
    before = np.concatenate(_trained(case, ground, lambda one: one) if trains else _plain(case, ground))
    judge = _Judge(aim, truth, ground.trusted, before)
    trials = [judge.trial(NOTHING, "", before, 0.0)]
    best: tuple[Remedy[Any], Strength] | None = None
    highest, chosen, left_out = 0.0, trials[0], 0
    for remedy in remedies:
        for strength in remedy.strengths(case):
            started = time.perf_counter()
            try:
                after = np.concatenate(_treated(case, ground, remedy, strength))
            except BudgetSpent:
                left_out += 1
                continue
            trials.append(judge.trial(remedy.name, _said(strength), after, time.perf_counter() - started))
            order = judge.order(trials[-1], trials[0], after)
            if order > highest:
                best, highest, chosen = (remedy, strength), order, trials[-1]
    if best is None:
        return Choice(tuple(trials), left_out=left_out)
    marked = tuple(replace(one, chosen=one is chosen) for one in trials)
    return Choice(marked, *best, left_out)


def ground_of_bundle(case: Case, rng: np.random.Generator) -> Ground:
    """For remedies that change a trained bundle: validation rows, dealt into folds."""
    valid = rng.permutation(case.split.valid)
    held = tuple(np.sort(part) for part in np.array_split(valid, min(_FOLDS, len(valid))))
    lesson = case.lesson
    return Ground(tuple(replace(lesson, valid=np.setdiff1d(valid, part)) for part in held), held)


def _treated(case: Case, ground: Ground, remedy: Remedy[Any], strength: Strength) -> list[Floats]:
    if remedy.changes == "recipe":
        return _trained(case, ground, lambda one: replace(one, recipe=remedy.treat(case, one.recipe, strength)))
    if remedy.changes == "lesson":
        return _trained(case, ground, lambda one: remedy.treat(case, one, strength))
    answered = []
    for lesson, held in zip(ground.lessons, ground.held, strict=True):
        view = case.choosing(lesson.valid)
        bundle: BundleValue = remedy.treat(view, view.bundle, strength)
        answered.append(case.answered(bundle, held))
    return answered


def _trained(case: Case, ground: Ground, change: Callable[[Lesson], Lesson]) -> list[Floats]:
    return [case.retrain(change(one), held) for one, held in zip(ground.lessons, ground.held, strict=True)]


def _plain(case: Case, ground: Ground) -> list[Floats]:
    return [case.answered(case.bundle, held) for held in ground.held]


@dataclass(frozen=True, slots=True, eq=False)
class _Judge:
    """What trials are judged by: the rows, which of them count (n,), and what is predicted when nothing is done."""

    aim: Aim
    truth: Truth
    trusted: Floats
    before: Floats

    def trial(self, name: str, strength: str, after: Floats, seconds: float) -> Trial:
        """Score predictions on the rows that count."""
        spec, main = self.aim.spec, self.aim.main
        score, said = (self._value(one, after, self.trusted) for one in (spec, main))
        return Trial(name, strength, score, self._error(after, self.trusted), said, seconds)

    def order(self, trial: Trial, nothing: Trial, after: Floats) -> float:
        """How much better than nothing for all we know; minus infinity for what is too dear, or worse on all rows.

        One standard error is taken off the gain, so that of many candidates not the luckiest wins but one that can be
        relied on (the one-standard-error rule: Breiman and others, 1984).
        """
        main, most = self.aim.main, self.aim.max_loss
        lost = -_gain(main, nothing.main, trial.main) / max(abs(nothing.main), 1e-12)
        sure = _gain(self.aim.spec, nothing.score, trial.score) - trial.error
        too_dear = most is not None and lost > most
        return sure if np.isfinite(sure) and not too_dear and not self._worse(after) else -np.inf

    def _worse(self, after: Floats) -> bool:
        """Whether the doubted rows turn the balance by more than a standard error."""
        if self.trusted.all():
            return False
        every = np.ones_like(self.trusted)
        gain = _gain(self.aim.spec, *(self._value(self.aim.spec, one, every) for one in (self.before, after)))
        return gain < -self._error(after, every)

    def _value(self, spec: MetricSpec, predicted: Floats, counted: Floats) -> float:
        return float(spec.function(self.truth.values, predicted, counted[None])[0])

    def _error(self, after: Floats, counted: Floats) -> float:
        """Standard error of the difference over the rows, by the paired bootstrap."""
        spec, values = self.aim.spec, self.truth.values

        def difference(weights: Floats) -> Floats:
            drawn = weights * counted
            return spec.function(values, after, drawn) - spec.function(values, self.before, drawn)

        return float(
            np.nanstd(bootstrap(difference, self.truth.rows, resamples=_RESAMPLES, groups=self.truth.groups).draws)
        )


def _gain(spec: MetricSpec, before: float, after: float) -> float:
    return after - before if spec.higher_is_better else before - after


def _said(strength: Strength) -> str:
    return f"{strength:g}" if isinstance(strength, float) else str(strength)
