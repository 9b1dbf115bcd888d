"""What groups may have in common or not: one rate for each criterion of fairness, and how far it lies apart.

All work on the arrays of :mod:`vouch.tasks.metrics`. A measure asks one question or several of every row, such as
"was it called the class?", and of which rows it asks: for equalised odds, of those that are of the class, and of those
that are not. Its gap is the largest difference of any two groups in any question; 0 is when all groups fare alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vouch.tasks.metrics import Array, Floats, MetricSpec, OneVsRest

Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int64]
# From truth and prediction to what is averaged (n, Q), and which rows are asked (n, Q).
Asked = Callable[[Array, Array], tuple[Floats, Bools]]


@dataclass(frozen=True, slots=True)
class Measure:
    """One criterion of fairness.

    Args:
        name: as users type it, such as "equalized_odds".
        says: what holds when it is met, as one plain sentence.
        source: author, year and title.
        asked: what is averaged over the rows of each group, and of which rows.
        questions: what each question is called; one for each class where there are more classes than two.
        in_target: whether it is in the unit of the target, and no share.
    """

    name: str
    says: str
    source: str
    asked: Asked
    questions: tuple[str, ...]
    in_target: bool = False


def rates(asked: tuple[Floats, Bools], code: Codes, groups: int, weights: Array) -> Floats:
    """The mean of every question in every group (R, Q, G), for weights (R, n); NaN where no row is asked.

    Args:
        asked: what is averaged (n, Q), and which rows are asked (n, Q).
        code: the group of each row (n,).
        groups: how many groups there are.
        weights: how much each row counts (R, n).
    """
    values, counted = asked
    inside = code[:, None] == np.arange(groups)
    out = []
    for k in range(values.shape[1]):
        mine = (counted[:, [k]] & inside).astype(np.float64)
        rows = weights @ mine
        total = weights @ (mine * values[:, [k]])
        out.append(np.divide(total, rows, out=np.full(rows.shape, np.nan), where=rows > 0))
    return np.stack(out, axis=1)


def widest(found: Floats) -> Floats:
    """The largest difference of any two groups in any question (R,), from rates (R, Q, G); NaN where none has two."""
    with np.errstate(invalid="ignore"):
        high = np.where(np.isnan(found), -np.inf, found).max(axis=2)
        low = np.where(np.isnan(found), np.inf, found).min(axis=2)
    apart = np.where(np.isfinite(high - low), high - low, -np.inf).max(axis=1)
    return np.where(apart < 0, np.nan, apart)


def gap_metric(measure: Measure, code: Codes, groups: int) -> MetricSpec:
    """The gap of a measure as a metric of rows whose groups are known, in their order.

    Args:
        measure: the criterion.
        code: the group of each of the rows that the metric will be asked of (n,).
        groups: how many groups there are.

    Returns:
        A metric that is better the smaller it is, called "NAME_difference".

    Example:
        >>> spec = gap_metric(BY_TASK["binary"][0], np.array([0, 0, 1, 1]), 2)
        >>> said = np.array([[0.1, 0.9], [0.1, 0.9], [0.1, 0.9], [0.9, 0.1]])
        >>> spec.name, spec.function(np.array([1, 0, 1, 0]), said, np.ones((1, 4))).tolist()
        ('demographic_parity_difference', [0.5])
    """

    def gap(truth: Array, prediction: Array, weights: Array) -> Floats:
        return widest(rates(measure.asked(truth, prediction), code, groups, weights))

    unit = "target" if measure.in_target else "share"
    return MetricSpec(f"{measure.name}_difference", gap, higher_is_better=False, unit=unit)


def _view(truth: Array, prediction: Array) -> OneVsRest:
    """One yes-or-no question for each class; of two classes for the second alone."""
    view = OneVsRest.of(truth, prediction)
    return view.only(1) if np.ndim(truth) == 1 and view.score.shape[1] == 2 else view


def _selected(truth: Array, prediction: Array) -> tuple[Floats, Bools]:
    view = _view(truth, prediction)
    return view.chosen.astype(np.float64), np.ones_like(view.chosen)


def _found(truth: Array, prediction: Array) -> tuple[Floats, Bools]:
    view = _view(truth, prediction)
    return view.chosen.astype(np.float64), view.actual


def _odds(truth: Array, prediction: Array) -> tuple[Floats, Bools]:
    view = _view(truth, prediction)
    called = np.concatenate([view.chosen, view.chosen], axis=1).astype(np.float64)
    return called, np.concatenate([view.actual, ~view.actual], axis=1)


def _believed(truth: Array, prediction: Array) -> tuple[Floats, Bools]:
    view = _view(truth, prediction)
    return view.actual.astype(np.float64), view.chosen


def _wrong(truth: Array, prediction: Array) -> tuple[Floats, Bools]:
    view = OneVsRest.of(truth, prediction)
    wrong = (view.actual != view.chosen).any(axis=1, keepdims=True)
    return wrong.astype(np.float64), np.ones_like(wrong)


def _size(truth: Array, prediction: Array) -> tuple[Floats, Bools]:
    del truth
    values = np.asarray(prediction, np.float64)[:, None]
    return values, np.ones(values.shape, bool)


def _miss(truth: Array, prediction: Array) -> tuple[Floats, Bools]:
    values = np.abs(np.asarray(prediction) - np.asarray(truth)).astype(np.float64)[:, None]
    return values, np.ones(values.shape, bool)


def _lean(truth: Array, prediction: Array) -> tuple[Floats, Bools]:
    values = (np.asarray(prediction) - np.asarray(truth)).astype(np.float64)[:, None]
    return values, np.ones(values.shape, bool)


_PARITY = Measure(
    "demographic_parity", "Each group is called the class equally often.",
    "Calders, Kamiran and Pechenizkiy (2009), Building classifiers with independency constraints",
    _selected, ("selection rate",),
)  # fmt: skip
_OPPORTUNITY = Measure(
    "equal_opportunity", "Of the rows that are of the class, equally many are found in each group.",
    "Hardt, Price and Srebro (2016), Equality of opportunity in supervised learning", _found, ("true positive rate",),
)  # fmt: skip
_ODDS = Measure(
    "equalized_odds",
    "Of the rows that are of the class equally many are found in each group, and of the others equally many are taken "
    "for it.",
    "Hardt, Price and Srebro (2016), Equality of opportunity in supervised learning", _odds,
    ("true positive rate", "false positive rate"),
)  # fmt: skip
_PREDICTIVE = Measure(
    "predictive_parity", "Of the rows that are called the class, equally many are of it in each group.",
    "Chouldechova (2017), Fair prediction with disparate impact", _believed, ("precision",),
)  # fmt: skip
_ERRORS = Measure(
    "error_parity", "Equally many rows of each group are called wrong.",
    "Berk and others (2018), Fairness in criminal justice risk assessments", _wrong, ("error rate",),
)  # fmt: skip
_MEANS = Measure(
    "mean_parity", "The mean prediction is the same in each group.",
    "Agarwal, Dudík and Wu (2019), Fair regression", _size, ("mean prediction",), in_target=True,
)  # fmt: skip
_MISSES = Measure(
    "error_parity", "Predictions miss by equally much in each group.",
    "Agarwal, Dudík and Wu (2019), Fair regression", _miss, ("mean absolute error",), in_target=True,
)  # fmt: skip
_LEANS = Measure(
    "residual_parity", "Predictions are too high or too low by equally much in each group.",
    "Kleinberg, Mullainathan and Raghavan (2017), Inherent trade-offs in the fair determination of risk scores",
    _lean, ("mean of prediction less truth",), in_target=True,
)  # fmt: skip

_OF_CLASSES = (_PARITY, _ODDS, _OPPORTUNITY, _PREDICTIVE, _ERRORS)
BY_TASK: dict[str, tuple[Measure, ...]] = {
    "binary": _OF_CLASSES,
    "multiclass": _OF_CLASSES,
    "multilabel": _OF_CLASSES,
    "regression": (_MEANS, _MISSES, _LEANS),
}
