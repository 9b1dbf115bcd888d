"""Whether groups are called the class, found, and believed equally often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vouch.challenges.fairness.exclusive import excluded
from vouch.challenges.fairness.groups import FEWEST, Grouping, groupings
from vouch.challenges.fairness.measured import (
    REGRESSION,
    Gap,
    Measured,
    criterion,
    figure_of,
    gap_of,
    headline_of,
    left_out,
    measured,
    ratio_of,
    rescaled,
    tables_of,
    unmeasured,
)
from vouch.challenges.fairness.overview import overview
from vouch.challenges.judging import judge, none_large_enough, not_asked
from vouch.contracts.case import Case
from vouch.contracts.finding import Check, Estimate, Table, Threshold
from vouch.statistics.corrections import holm

PARITY = Threshold(
    "demographic_parity_difference", warn=0.05, fail=0.10,
    why="at 0.10 ten more in a hundred of one group than of another are called the class",
)  # fmt: skip
RELATIVE_PARITY = Threshold(
    "mean_parity_difference", warn=0.2, fail=0.5, unit="deviations",
    why="0.2 and 0.5 standard deviations are what Cohen (1988) calls a small and a medium difference",
)  # fmt: skip
ODDS = Threshold(
    "equalized_odds_difference", warn=0.05, fail=0.10,
    why="at 0.10 the network errs on ten more in a hundred of one group than of another, among rows of one class",
)  # fmt: skip
PREDICTIVE = Threshold(
    "predictive_parity_difference", warn=0.05, fail=0.10,
    why="at 0.10 ten more in a hundred answers are wrong for one group than for another, where the class was said",
)  # fmt: skip
RELATIVE_RESIDUALS = Threshold(
    "residual_parity_difference", warn=0.1, fail=0.25, unit="deviations",
    why="at 0.25 one group is answered a quarter of a standard deviation of the target higher than its truth allows",
)  # fmt: skip


def demographic_parity(case: Case) -> Check:
    """Is each group called the class equally often?

    The figure is the largest difference in the share of rows that are called the class (selection rate) between any two
    groups, by each sensitive column and by all of them together; of more classes than two, and of labels, for each of
    them. Of numbers it is the difference of the mean predictions, in standard deviations of the target. Intervals allow
    for having looked at all pairs. Groups in which fewer than 50 rows count are listed, and not held against others.

    Promises to find: a difference of 20 points, or of .6 standard deviations, between groups of 500 sealed rows or
    more, among up to five.
    """
    name = "demographic_parity"
    by = groupings(case)
    if (none := unmeasured(case, name, by)) is not None:
        return none
    found = _asked(case, by, "demographic_parity", "mean_parity")
    default = RELATIVE_PARITY if found.measure.in_target else PARITY
    return _said(case, name, found, default, tables=overview(case, by))


def equalized_odds(case: Case) -> Check:
    """Are rows of the class found equally often in each group, and others taken for it equally often?

    The figure is the largest difference of two groups in the true or the false positive rate; beside it stand both by
    themselves: that of the true positive rates is equal opportunity. False and true negative rates are what these leave
    of 1, so their differences are the same.

    Promises to find: a difference of 25 points in the true positive rate between groups of 300 sealed rows of the class
    or more, among up to five.
    """
    name = "equalized_odds"
    if case.bundle.task.name == REGRESSION:
        return not_asked(name, "predictions that are numbers are neither true nor false")
    by = groupings(case)
    if (none := unmeasured(case, name, by)) is not None:
        return none
    found = _asked(case, by, "equalized_odds")
    half = len(found.questions) // 2
    parts = (("equal_opportunity_difference", range(half)), ("false_positive_difference", range(half, 2 * half)))
    gaps = [gap_of(found, told, asked) for told, asked in parts]
    said, _ = excluded(case, by)
    check = _said(case, name, found, ODDS, also=[gap.estimate for gap in gaps if gap is not None])
    return _with_reason(check, said)


def predictive_parity(case: Case) -> Check:
    """Are rows that are called the class equally often of it in each group?

    The figure is the largest difference of two groups in precision. Of numbers it is that of the mean of prediction
    less truth, in standard deviations of the target: whether one group is answered too high, or too low. The check says
    as well which criteria exclude one another here, which follows from how often the class occurs in each group.

    Promises to find: a difference of 25 points in precision between groups in which 300 sealed rows or more are called
    the class, or of .4 standard deviations between groups of 500 rows, among up to five.
    """
    name = "predictive_parity"
    by = groupings(case)
    if (none := unmeasured(case, name, by)) is not None:
        return none
    found = _asked(case, by, "predictive_parity", "residual_parity")
    default = RELATIVE_RESIDUALS if found.measure.in_target else PREDICTIVE
    said, table = excluded(case, by)
    return _with_reason(_said(case, name, found, default, tables=table), said)


def _asked(case: Case, by: list[Grouping], *names: str) -> Measured:
    """The first criterion of these names that makes sense, in all groups."""
    measure = criterion(case, *names)
    assert measure is not None, f"no criterion is called {names}"
    return measured(case, measure, by)


def _said(
    case: Case, name: str, found: Measured, default: Threshold, also: Sequence[Estimate] = (),
    tables: Sequence[Table] = (),
) -> Check:  # fmt: skip
    gap = gap_of(found, default.name)
    if gap is None:
        return none_large_enough(name, "two groups", FEWEST)
    threshold, p = case.threshold(default, name), float(np.nanmin(holm(gap.sizes.p_value)))
    widest = replace(gap.estimate, unit=default.unit)
    judged = judge(widest, threshold, p)
    says = headline_of(found, gap, ", in standard deviations of the target" if found.measure.in_target else "")
    reason = f"{judged.reason}{left_out(found)}"
    every = (*tables_of(found, gap), *tables)
    estimates = (widest, *_beside(found, gap), *also)
    figure = figure_of(found, gap, name)
    return Check(
        name, judged.verdict, says, reason, estimates, threshold, p, figures=(figure,), tables=every
    )  # fmt: skip


def _beside(found: Measured, gap: Gap) -> list[Estimate]:
    if found.measure.in_target:
        return [rescaled(found, gap.estimate)]
    ratio = ratio_of(found, f"{found.measure.name}_ratio")
    return [] if ratio is None else [ratio]


def _with_reason(check: Check, more: str) -> Check:
    return replace(check, reason=f"{check.reason}; {more}") if more and check.estimates else check
