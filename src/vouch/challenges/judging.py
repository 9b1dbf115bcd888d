"""From a figure with its interval to a verdict: who may say "pass", who may not, and who is not asked at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy.special import ndtr

from vouch.contracts.finding import Check, Estimate, Part, Threshold, Verdict
from vouch.wording import number

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from vouch.contracts.case import Case, Scored

SIGNIFICANT = 0.05
FEWEST_ROWS = 100
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and why it is this one."""

    verdict: Verdict
    reason: str


def judge(estimate: Estimate, threshold: Threshold, p_value: float | None = None) -> Judgement:
    """Hold a figure against its threshold, by its whole interval.

    It fails, or warns, when all of the interval lies beyond the level; it passes when the interval excludes the level
    of failing; else the rows are too few to tell, and that is what is said. A p-value that chance explains takes a
    warning and a failure back.

    Args:
        estimate: the figure.
        threshold: the levels.
        p_value: of the hypothesis that there is nothing to find, after correction.

    Returns:
        The verdict with its reason.

    Example:
        >>> gap = Threshold("gap", warn=0.05, fail=0.15)
        >>> judge(Estimate("gap", 0.10, 0.07, 0.13, 500), gap).verdict
        'warn'
        >>> judge(Estimate("gap", 0.10, -0.07, 0.27, 20), gap).verdict
        'inconclusive'
    """
    sign = 1 if threshold.higher_is_worse else -1
    mild, worst = sorted((sign * estimate.low, sign * estimate.high))
    warn, fail = sign * threshold.warn, sign * threshold.fail
    shown = f"95 % interval {number(estimate.low)} to {number(estimate.high)}"
    chance = p_value is not None and p_value > SIGNIFICANT
    if mild > fail and not chance:
        return Judgement("fail", f"{shown}: all of it beyond {number(threshold.fail)}")
    if mild > warn and not chance:
        return Judgement("warn", f"{shown}: all of it beyond {number(threshold.warn)}")
    if mild > fail:
        explained = f"all of it beyond {number(threshold.fail)}, but chance explains it (p = {number(p_value or 0.0)})"
        return Judgement("inconclusive", f"{shown}: {explained}")
    if worst < fail:
        return Judgement("pass", f"{shown}: it excludes {number(threshold.fail)}")
    return Judgement("inconclusive", f"{shown}: too wide to tell whether it is beyond {number(threshold.fail)}")


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


def too_few(name: str, rows: int, what: str, need: int = FEWEST_ROWS) -> Check:
    """What is said where rows are too few to tell anything."""
    headline = f"Too little is known to tell: {rows:,} {what}, where {need:,} are needed."
    return Check(name, "inconclusive", headline, f"fewer than {need:,} {what}")


def none_large_enough(name: str, what: str, need: int) -> Check:
    """What is said where nothing that could be looked at has rows enough."""
    headline = f"Too little is known to tell: no {what} has the {need:,} sealed rows that it needs."
    return Check(name, "inconclusive", headline, f"fewer than {need:,} sealed rows in each {what}")


def not_asked(name: str, why: str) -> Check:
    """What is said where the question makes no sense."""
    return Check(name, "not applicable", f"Not asked: {why}.", why)


def together_of(case: Case, scored: Scored) -> npt.NDArray[np.generic] | None:
    """Which of the scored rows belong together, when the user named a group."""
    return None if case.groups is None else case.groups[scored.rows]


def worst_of(name: str, ends: tuple[float, float, float], rows: int, higher_is_better: bool = False) -> Estimate:
    """The worst of several subgroups as one figure, with the interval that allows for having looked at all."""
    value, low, high = ends
    return Estimate(name, value, low, high, rows, higher_is_better=higher_is_better, method="simultaneous")
