"""The criteria of fairness as metrics: of some rows, whose groups are known and large enough to be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vouch.challenges.fairness.groups import Codes, Grouping, groupings, pooled
from vouch.challenges.fairness.measures import BY_TASK, Measure, gap_metric
from vouch.contracts.case import Judging
from vouch.tasks.metrics import MetricSpec
from vouch.wording import clean, count

if TYPE_CHECKING:
    from vouch.contracts.case import Case

# Groups may truly differ in how often they are of the class; equalised odds ask for equal treatment of those who are
# alike in the target, and are met by a network that is never wrong, as demographic parity is not. For quantities the
# same is said by the mean error.
CRITERION = {
    "binary": "equalized_odds_difference",
    "multiclass": "equalized_odds_difference",
    "multilabel": "equalized_odds_difference",
    "regression": "error_parity_difference",
}
# Whoever calls all rows the same treats all groups alike: without a limit on what it may cost that would be best. Two
# points of accuracy; of quantities 2 % of the RMSE.
_MOST_LOSS = 0.02
_MAIN = {"binary": "accuracy", "multiclass": "accuracy", "multilabel": "accuracy", "regression": "rmse"}


def own_metrics(case: Case, rows: Codes) -> Sequence[MetricSpec]:
    """The gap of every criterion on some rows, over all sensitive columns together, then that of the case over each.

    Args:
        case: whose rows they are.
        rows: that the metrics will be asked of, in this order.
    """
    every = groupings(case)
    if not every:
        return ()
    *single, finest = every
    measures, truth = BY_TASK[case.bundle.schema.task], case.truth(rows)
    found = [_bound(measure, finest, rows, truth) for measure in measures]
    named = [measure for measure in measures if _named(measure) == case.criterion]
    for measure, grouping in ((measure, grouping) for measure in named for grouping in single):
        spec = _bound(measure, grouping, rows, truth)
        found.append(replace(spec, name=f"{spec.name}[{grouping.title}]"))
    return found


def measure_of(case: Case) -> Measure | None:
    """The criterion by which a case is judged, its default in an audit; none where it is no criterion of fairness."""
    task = case.bundle.schema.task
    wanted = case.criterion or CRITERION[task]
    return next((one for one in BY_TASK[task] if _named(one) == wanted), None)


def comparable(grouping: Grouping, measure: Measure, rows: Codes, truth: npt.NDArray[Any]) -> Grouping:
    """The same groups, but those of which these rows say too little are joined to one.

    As a group needs 50 rows, a rate needs 50 that it is about: those of the class for the share of them that is found.
    Of fewer it swings by a tenth and more from chance alone, and the widest gap would be that of the smallest groups.
    Where fewer than two groups would be left, all stay as they are.

    Args:
        grouping: of all rows.
        measure: the criterion, whose rates are to be compared.
        rows: on which they are (n,).
        truth: of these rows.

    Example:
        >>> whole = Grouping(("a",), ("x", "y", "z"), np.array([0] * 60 + [1] * 60 + [2] * 3))
        >>> comparable(whole, BY_TASK["binary"][0], np.arange(123), np.arange(123) % 2).names
        ('x', 'y', 'z')
    """
    inside = grouping.members(rows)
    asked = measure.asked(truth, _as_if_right(truth))[1]
    fewest = (inside.T.astype(np.int64) @ asked).min(axis=1)
    joined = pooled(grouping.columns, list(grouping.names), grouping.code, np.minimum(inside.sum(axis=0), fewest))
    return joined if len(joined.names) > 1 else grouping


def _bound(measure: Measure, grouping: Grouping, rows: Codes, truth: npt.NDArray[Any]) -> MetricSpec:
    groups = comparable(grouping, measure, rows, truth)
    return gap_metric(measure, groups.code[rows], len(groups.names))


def _named(measure: Measure) -> str:
    return f"{measure.name}_difference"


def _as_if_right(truth: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A prediction that is never wrong: of which rows a criterion asks does then not hang on the network."""
    if truth.ndim == 2 or truth.dtype.kind == "f":
        return truth.astype(np.float64)
    return np.eye(max(int(truth.max(initial=0)) + 1, 2))[np.maximum(truth, 0)]


def notes(case: Case) -> Sequence[str]:
    """Which groups the criterion compares on the sealed rows, and what a widest gap is like."""
    measure, rows = measure_of(case), case.split.test
    if measure is None:
        return ()
    groups = comparable(groupings(case)[-1], measure, rows, case.truth(rows))
    joined = f", {count(len(groups.pooled), 'small one')} of which are joined" if groups.pooled else ""
    told = f"{count(len(groups.names), 'group')} by {groups.title} are compared{joined}: {'; '.join(groups.names)}."
    return (clean(told, 400), "The widest of several gaps leans upwards: chance alone makes some gap between equals.")


def unsuited(case: Case) -> str:
    """Where no groups are known, none can be treated alike."""
    return "" if case.bundle.schema.sensitive else "no sensitive column was named; fit again with --sensitive COLUMN"


JUDGING = Judging(own_metrics, _MAIN, _MOST_LOSS, folds=True, notes=notes, unsuited=unsuited)
