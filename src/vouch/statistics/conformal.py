"""Prediction sets and intervals that hold the truth with a stated probability (split conformal prediction).

The guarantee: where new rows are exchangeable with the rows that it was fitted on, the truth lies in the set with at
least the stated probability, on average over new rows and over fits (Vovk, Gammerman and Shafer, 2005). Nothing is
assumed of the network. It says nothing of one kind of row alone, but for the classes: each has a quantile of its own,
so that the rows of a rare class are covered as often as those of a common one. Among all sets that cover every class
these are the smallest that the probabilities allow (Sadinle, Lei and Wasserman, 2019). Adaptive sets (Romano, Sesia and
Candès, 2020) cover the classes on average only, and were 25 to 100 % larger in simulations without a random draw, where
these were 2 to 6 % larger than sets with one quantile for all classes. Nothing is drawn at random.

Sets of one class out of K always hold the predicted class, so that coverage is never below accuracy: where a network is
right more often than the stated coverage, its sets hold one class, and cover more. With a quantile for each class that
is so wherever one class is recognised more often than stated; with one quantile for all rows the others then make up
for it, and the whole is covered as stated.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

from vouch.contracts.bundle import Conformal

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Answers: TypeAlias = npt.NDArray[Any]

COVERAGE = 0.9
BY_CLASS, OVERALL = "lac_by_class", "lac"
FEWEST_OF_A_CLASS = 50
# A probability and its complement differ in the last bits when they are added up in another order.
_ROUNDING = 1e-12


def fit_conformal(
    decoded: Floats, truth: Answers, task: str, coverage: float = COVERAGE, *, by_class: bool = True
) -> Conformal:
    """Find how unlikely an answer may be and still belong to the set.

    One class out of K: an answer scores 1 less its probability, and each class has the quantile of its own rows;
    classes of fewer than 50 rows share one quantile of all their rows. Labels: the set holds every true label at once,
    with one quantile of the least likely true label of each row. Numbers: the absolute residual (Lei and others, 2018),
    with the same width everywhere.

    Args:
        decoded: probabilities (B, K), or values (B,), of rows that the network was not trained on.
        truth: class codes (B,), labels (B, K), or values (B,).
        task: binary, multiclass, multilabel or regression.
        coverage: the share of rows whose set should hold the truth.
        by_class: whether each class has a quantile of its own, or one serves all rows; of one class out of K alone.

    Returns:
        The quantiles; infinite for numbers where the rows are too few for any promise.

    Example:
        >>> made = fit_conformal(np.zeros(99), np.arange(99.0), "regression")
        >>> made.quantiles
        (89.0,)
    """
    name, p = METHOD_OF_TASK[task], np.asarray(decoded, np.float64)
    if name == BY_CLASS and not by_class:
        name = OVERALL
    return Conformal(name, coverage, METHODS[name].fit(p, np.asarray(truth), coverage), len(p))


def prediction_sets(conformal: Conformal, probabilities: Floats) -> Bools:
    """Which classes, or labels, may be true (B, K); a set of classes always holds the most probable one."""
    p = np.asarray(probabilities, np.float64)
    inside = 1 - p <= np.array(conformal.quantiles) + _ROUNDING
    if METHODS[conformal.method].never_empty:
        inside[np.arange(len(p)), p.argmax(axis=1)] = True
    return inside


def prediction_intervals(conformal: Conformal, values: Floats) -> tuple[Floats, Floats]:
    """Lower and upper ends (B,) between which the true number may lie."""
    half = conformal.quantiles[0]
    return np.asarray(values, np.float64) - half, np.asarray(values, np.float64) + half


def covered(conformal: Conformal, decoded: Floats, truth: Answers) -> Bools:
    """Whether the set or interval of each row holds the truth (B,).

    Of a multilabel row it must hold every true label; a class that training never saw (-1) is in no set.

    Example:
        >>> covered(Conformal("absolute_residual", 0.9, (1.0,), 50), np.zeros(2), np.array([0.5, 2.0])).tolist()
        [True, False]
    """
    answers = np.asarray(truth)
    if conformal.method == METHOD_OF_TASK["regression"]:
        low, high = prediction_intervals(conformal, decoded)
        return (low <= answers) & (answers <= high)
    inside = prediction_sets(conformal, decoded)
    if answers.ndim == 2:
        return (inside | (answers == 0)).all(axis=1)
    return inside[np.arange(len(answers)), answers] & (answers >= 0)


def coverage_range(coverage: float, rows: int) -> tuple[float, float]:
    """Between which shares the true coverage of a fit on so many rows lies, 19 times in 20.

    One fit is one draw: its coverage over all new rows follows a beta distribution around what is stated (Vovk,
    "Conditional validity of inductive conformal predictors", 2012). With a quantile for each class it holds for each
    class and its rows, and nearly for all.

    Args:
        coverage: what is stated.
        rows: that it was fitted on.

    Returns:
        Ends of the 95 % range; 0 and 1 where the rows are too few for any promise.

    Example:
        >>> [round(end, 3) for end in coverage_range(0.9, 1500)]
        [0.884, 0.915]
    """
    rank = _rank(rows, coverage)
    if rank > rows:
        return 0.0, 1.0
    low, high = betaincinv(rank, rows + 1 - rank, [0.025, 0.975])
    return float(low), float(high)


def fewest_rows(coverage: float) -> int:
    """How many rows a promise of that coverage needs at least.

    Example:
        >>> fewest_rows(0.9), fewest_rows(0.95)
        (9, 19)
    """
    return math.ceil(round(coverage / (1 - coverage), 9))


# Methods


def _by_class(p: Floats, truth: Answers, coverage: float) -> tuple[float, ...]:
    """A quantile for each class (K,); rare classes share one."""
    known = truth >= 0
    scores, of = 1 - p[known, truth[known]], truth[known]
    counts = np.bincount(of, minlength=p.shape[1])
    rare = counts < FEWEST_OF_A_CLASS
    shared = _quantile(scores[rare[of]], coverage, most=1.0)
    each = (shared if rare[k] else _quantile(scores[of == k], coverage, most=1.0) for k in range(p.shape[1]))
    return tuple(each)


def _overall(p: Floats, truth: Answers, coverage: float) -> tuple[float, ...]:
    """One quantile for all rows; a row of a class that training never saw is in no set, and counts as such."""
    scores = np.where(truth >= 0, 1 - p[np.arange(len(p)), truth], 1.0)
    return (_quantile(scores, coverage, most=1.0),)


def _every_label(p: Floats, truth: Answers, coverage: float) -> tuple[float, ...]:
    return (_quantile(np.where(truth == 1, 1 - p, 0.0).max(axis=1), coverage, most=1.0),)


def _absolute_residual(values: Floats, truth: Answers, coverage: float) -> tuple[float, ...]:
    return (_quantile(np.abs(truth - values), coverage, most=math.inf),)


def _rank(rows: int, coverage: float) -> int:
    return math.ceil(round((rows + 1) * coverage, 9))


def _quantile(scores: Floats, coverage: float, most: float) -> float:
    """The score that a further row stays within, with at least that probability; ``most`` where too few rows tell."""
    rank = _rank(len(scores), coverage)
    return float(np.partition(scores, rank - 1)[rank - 1]) if rank <= len(scores) else most


@dataclass(frozen=True, slots=True)
class Method:
    """How quantiles are found from (B, K) or (B,), the truth and the coverage, and whether every set has a member."""

    fit: Callable[[Floats, Answers, float], tuple[float, ...]]
    never_empty: bool = False


METHODS = {
    BY_CLASS: Method(_by_class, never_empty=True),
    OVERALL: Method(_overall, never_empty=True),
    "every_label": Method(_every_label),
    "absolute_residual": Method(_absolute_residual),
}
METHOD_OF_TASK = {
    "binary": BY_CLASS,
    "multiclass": BY_CLASS,
    "multilabel": "every_label",
    "regression": "absolute_residual",
}
