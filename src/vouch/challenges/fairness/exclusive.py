"""Which criteria exclude one another here, which follows from how often the class occurs in each group."""

from __future__ import annotations

import numpy as np

from vouch.challenges.fairness.groups import Grouping
from vouch.challenges.fairness.measured import REGRESSION, gap_of, measured
from vouch.challenges.fairness.measures import Bools, Measure
from vouch.contracts.case import Case
from vouch.contracts.finding import Table
from vouch.tasks.metrics import Array, Floats, OneVsRest
from vouch.wording import interval

_CHOULDECHOVA = "Chouldechova (2017), Fair prediction with disparate impact"
_KLEINBERG = "Kleinberg, Mullainathan and Raghavan (2017), Inherent trade-offs in the fair determination of risk scores"
_BAROCAS = "Barocas, Hardt and Narayanan (2023), Fairness and machine learning, chapter 3"
_OF_CLASSES = (
    ("predictive parity", "equalized odds", "unless no row is taken for the class wrongly", _CHOULDECHOVA),
    ("calibration in each group", "equal mean probabilities within a class", "unless all are 0 or 1", _KLEINBERG),
    ("demographic parity", "equalized odds", "unless answers have nothing to do with the truth", _BAROCAS),
    ("demographic parity", "predictive parity and equal opportunity", "unless nothing is found", _BAROCAS),
)  # fmt: skip
_OF_NUMBERS = (("mean parity", "residual parity", "for the truth is the prediction less the residual", _KLEINBERG),)

_CONSEQUENCE = {
    False: "predictive parity, or calibration in each group, excludes equalized odds as long as rows are "
    "taken for the class wrongly (Chouldechova, 2017; Kleinberg and others, 2017)",
    True: "mean parity excludes residual parity",
}


def excluded(case: Case, by: list[Grouping]) -> tuple[str, tuple[Table, ...]]:
    """What cannot hold at the same time, as a sentence and as a table; by base rates measured on the sealed rows."""
    numbers = case.bundle.task.name == REGRESSION
    gap = gap_of(measured(case, _MEAN if numbers else _BASE, by), "base_rate_difference")
    if gap is None:
        return "", ()
    what, ends = ("mean truths" if numbers else "base rates"), interval(gap.estimate)
    if gap.estimate.low <= 0:
        return f"that {what} differ between groups was not shown, so no criterion is known to exclude another", ()
    pairs = _OF_NUMBERS if numbers else _OF_CLASSES
    table = Table(
        f"What cannot hold at once here, since {what} of groups differ by {ends}",
        ("criterion", "excludes", "but", "source"), pairs, len(pairs),
    )  # fmt: skip
    return f"{what} of groups differ by {ends}, so {_CONSEQUENCE[numbers]}", (table,)


def _true(truth: Array, prediction: Array) -> tuple[Floats, Bools]:
    actual = OneVsRest.of(truth, prediction).actual
    if np.ndim(truth) == 1 and actual.shape[1] == 2:
        actual = actual[:, [1]]
    return actual.astype(np.float64), np.ones_like(actual)


def _truth(truth: Array, prediction: Array) -> tuple[Floats, Bools]:
    del prediction
    values = np.asarray(truth, np.float64)[:, None]
    return values, np.ones(values.shape, bool)


_BASE = Measure("base_rate", "The class occurs equally often in each group.", _KLEINBERG, _true, ("base rate",))
_MEAN = Measure("mean_truth", "The mean truth is the same in each group.", _KLEINBERG, _truth, ("mean truth",), True)
