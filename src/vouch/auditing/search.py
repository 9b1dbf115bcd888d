"""Choose a remedy and its strength, on rows that the proof will not see."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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
    """

    lessons: tuple[Lesson, ...]
    held: tuple[Rows, ...]

    @property
    def rows(self) -> Rows:
        """All held rows, part after part."""
        return np.concatenate(self.held)


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
    trials = [_trial(NOTHING, "", aim, truth, (before, before), 0.0)]
    best: tuple[Remedy[Any], Strength] | None = None
    left_out = 0
    for remedy in remedies:
        for strength in remedy.strengths(case):
            started = time.perf_counter()
            try:
                after = np.concatenate(_treated(case, ground, remedy, strength))
            except BudgetSpent:
                left_out += 1
                continue
            trial = _trial(remedy.name, _said(strength), aim, truth, (before, after), time.perf_counter() - started)
            trials.append(trial)
            if _is_best(trial, trials[:-1], aim):
                best = (remedy, strength)
    if best is None:
        return Choice(tuple(trials), left_out=left_out)
    chosen = max(trials[1:], key=lambda one: _order(one, trials[0], aim))
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


def _trial(name: str, strength: str, aim: Aim, truth: Truth, pair: tuple[Floats, Floats], seconds: float) -> Trial:
    before, after = pair
    ones = np.ones((1, truth.rows))
    score, main = (float(spec.function(truth.values, after, ones)[0]) for spec in (aim.spec, aim.main))
    return Trial(name, strength, score, _error(aim.spec, truth, before, after), main, seconds)


def _error(spec: MetricSpec, truth: Truth, before: Floats, after: Floats) -> float:
    """Standard error of the difference over the rows, by the paired bootstrap."""

    def difference(weights: Floats) -> Floats:
        return spec.function(truth.values, after, weights) - spec.function(truth.values, before, weights)

    drawn = bootstrap(difference, truth.rows, resamples=_RESAMPLES, groups=truth.groups).draws
    return float(np.nanstd(drawn))


def _is_best(trial: Trial, others: Sequence[Trial], aim: Aim) -> bool:
    """Better than nothing and than all that went before, and not too dear."""
    order = _order(trial, others[0], aim)
    return order > 0 and all(order > _order(one, others[0], aim) for one in others[1:])


def _order(trial: Trial, nothing: Trial, aim: Aim) -> float:
    """How much better than nothing for all we know; minus infinity for what costs too much of the main metric.

    One standard error is taken off the gain, so that of many candidates not the luckiest wins but one that can be
    relied on (the one-standard-error rule: Breiman and others, 1984).
    """
    sign = 1 if aim.main.higher_is_better else -1
    lost = sign * (nothing.main - trial.main) / max(abs(nothing.main), 1e-12)
    if aim.max_loss is not None and lost > aim.max_loss:
        return -np.inf
    gain = trial.score - nothing.score if aim.spec.higher_is_better else nothing.score - trial.score
    return gain - trial.error if np.isfinite(gain - trial.error) else -np.inf


def _said(strength: Strength) -> str:
    return f"{strength:g}" if isinstance(strength, float) else str(strength)
