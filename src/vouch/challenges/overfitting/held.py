"""Parts of the rows as the metrics want them, and figures of two parts held against each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from scipy.special import ndtr

from vouch.contracts.case import Case, Scored
from vouch.contracts.finding import Check, Estimate, Part, Threshold
from vouch.statistics.evidence import Truth
from vouch.statistics.intervals import RESAMPLES, Floats, bootstrap, enough_resamples, wilson
from vouch.tasks.metrics import MetricSpec
from vouch.wording import count

FEWEST = 50
_MOST = 20_000
_Z = 1.959964
_ROUNDING = 1e-12


Ends: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Facts:
    """What an estimate says of itself, beside its figures: rows, split and unit."""

    n: int
    split: str
    unit: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Rows that were predicted, beside what is true of them.

    Args:
        scored: what was predicted.
        truth: what is true, with the groups of these rows.
    """

    scored: Scored
    truth: Truth

    def measured(self, spec: MetricSpec, seed: int, most: int = RESAMPLES) -> Ends:
        """A metric on these rows: its value, and the ends of its interval from so many resamples; groups stay whole."""
        value, low, high = self._ends(
            lambda weights: spec.function(self.truth.values, self.scored.decoded, weights), seed, most
        )
        if spec.unit != "share" or high - low > _ROUNDING or not 0 <= value <= 1:
            return value, low, high
        # No resample moved it, as with no error at all: Wilson's interval for so many rows, or groups.
        groups = self.truth.groups
        n = self.truth.rows if groups is None else len(np.unique(groups))
        return value, *(float(end) for end in wilson(value * n, n))

    def mean_loss(self, seed: int) -> Ends:
        """How wrong a row is in the mean, with the ends of its interval."""
        losses = self.scored.losses
        return self._ends(lambda weights: weights @ losses / weights.sum(axis=1), seed)

    def _ends(self, statistic: Callable[[Floats], Floats], seed: int, most: int = RESAMPLES) -> Ends:
        draws = min(enough_resamples(self.truth.rows, max(1.0, len(self.truth.classes) / 10)), most)
        found = bootstrap(statistic, self.truth.rows, resamples=draws, seed=seed, groups=self.truth.groups)
        value, (low, high) = float(found.value[0]), found.interval()
        return value, min(value, float(low[0])), max(value, float(high[0]))


def held(case: Case, scored: Scored) -> Held:
    """Scored rows with their groups; of more than 20 000 rows so many, drawn at random."""
    if len(scored.rows) > _MOST:
        kept = np.sort(case.random(f"overfitting {scored.part}").choice(len(scored.rows), _MOST, replace=False))
        scored = Scored(
            scored.rows[kept], scored.decoded[kept], scored.truth[kept], scored.losses[kept], scored.part,
            scored.fold[kept],
        )  # fmt: skip
    groups = None if case.groups is None else case.groups[scored.rows]
    task = case.bundle.task
    unit = "" if task.classes else case.bundle.schema.target.name
    return Held(scored, Truth(task.name, task.classes, scored.truth, groups, scored.part, unit))


def difference(name: str, first: Ends, second: Ends, about: Facts) -> Estimate:
    """The first figure less the second, which rests on other rows.

    Each end takes from both intervals the half that points there, so that skewed intervals stay skewed (MOVER: Zou and
    Donner, "Construction of confidence limits about effect measures", 2008).

    Args:
        name: of the estimate.
        first: value, low and high of a figure.
        second: the same of another, from independent rows.
        about: what else the estimate says of itself.

    Returns:
        The difference, of which less is better.

    Example:
        >>> found = difference("gap", (0.9, 0.87, 0.92), (0.8, 0.76, 0.84), Facts(100, "test"))
        >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
        (0.1, 0.05, 0.145)
    """
    (a, a_low, a_high), (b, b_low, b_high) = first, second
    low = a - b - float(np.hypot(a - a_low, b_high - b))
    high = a - b + float(np.hypot(a_high - a, b - b_low))
    return Estimate(name, a - b, low, high, about.n, about.unit, False, about.split, "mover")


def excess(name: str, first: Ends, second: Ends, about: Facts) -> Estimate:
    """The first figure over the second, less 1, from other rows: the difference of their logarithms."""
    logs = [np.log(np.maximum(np.array(ends), 1e-12)) for ends in (first, second)]
    found = difference(name, *(tuple(map(float, ends)) for ends in logs), about)  # type: ignore[arg-type]
    value, low, high = np.expm1([found.value, found.low, found.high]).tolist()
    return replace(found, value=value, low=low, high=high)


def normal(name: str, value: float, error: float, n: int, split: Part) -> Estimate:
    """A figure, of which less is better, with a normal interval from its standard error."""
    return Estimate(name, value, value - _Z * error, value + _Z * error, n, "", False, split, "normal")


def p_beyond(estimate: Estimate, threshold: Threshold) -> float:
    """One-sided p-value of the hypothesis that a figure is no larger than the level of warning.

    The standard error is read off the interval.

    Example:
        >>> round(p_beyond(normal("gap", 0.2, 0.05, 100, "test"), Threshold("gap", warn=0.1, fail=0.2)), 3)
        0.023
    """
    error = (estimate.high - estimate.low) / (2 * _Z)
    if error <= 0:
        return float(estimate.value <= threshold.warn)
    return float(ndtr((threshold.warn - estimate.value) / error))


def too_few(name: str, rows: int, part: str, fewest: int = FEWEST) -> Check:
    """What is said when a part has too few rows to tell anything."""
    return Check(
        name,
        "inconclusive",
        f"Nothing can be told from {count(rows, f'{part} row')}.",
        f"at least {fewest} {part} rows are needed",
    )


def relative(spec: MetricSpec) -> bool:
    """Whether a metric has a unit, so that only ratios of it can be held against a level."""
    return spec.unit != "share"
