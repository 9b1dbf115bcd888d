"""Whether prediction sets and intervals hold the truth as often as they state, on average and for each kind of row."""

from __future__ import annotations

import numpy as np

from vouch.challenges.calibration.parts import (
    FEWEST_OF_A_SUBGROUP,
    REGRESSION,
    Subgroup,
    in_quarters,
    sensitive_subgroups,
    shifted,
)
from vouch.challenges.judging import FEWEST_ROWS, judge, none_large_enough, together_of, too_few, worst_of
from vouch.charts import intervals
from vouch.contracts.bundle import Conformal
from vouch.contracts.case import Case, Scored
from vouch.contracts.finding import Check, Estimate, Figure, Table, Threshold
from vouch.statistics.conformal import (
    coverage_range,
    covered,
    fit_conformal,
    prediction_sets,
)
from vouch.statistics.simultaneous import Together, several_shares
from vouch.wording import clean, number

MISSED = Threshold(
    "coverage_missed", warn=0.02, fail=0.05,
    why="one fit on 1,500 rows strays by up to 0.016 by luck; at 0.05 sets of 90 % miss half as often again",
)  # fmt: skip
MISSED_BY_SOME = Threshold(
    "coverage_missed_by_subgroup", warn=0.05, fail=0.10,
    why="at 0.10 the truth of that kind of row is missed twice as often as sets of 90 % state",
)  # fmt: skip
_SHOWN = 30


def conformal_coverage(case: Case) -> Check:
    """Do prediction sets hold the truth of sealed rows as often as they state?

    Sets are the bundle's own; where it has none, those that validation rows would give it. The p-value is exact for
    exchangeable rows: the number of covered rows is beta-binomial, which allows for the luck of the fit as well.

    Promises to find: a true coverage of 80 % or less where 90 % is stated, on 500 validation and 500 sealed rows.
    """
    name, task = "conformal_coverage", case.bundle.task.name
    valid, test = case.scored("valid"), case.scored("test")
    if min(len(valid.rows), len(test.rows)) < FEWEST_ROWS:
        return _few(name, valid, test)
    made = case.bundle.conformal or fit_conformal(valid.decoded, valid.truth, task)
    held = covered(made, test.decoded, test.truth)
    everyone = several_shares(held, np.ones((len(held), 1), bool), together_of(case, test))
    value, low, high = everyone.smallest()
    estimate = Estimate("coverage", value, low, high, len(held), method="wilson")
    p = _chance(made, int(held.sum()), len(held)) if case.groups is None else None
    threshold = shifted(case.threshold(MISSED, name), made.coverage)
    found = judge(estimate, threshold, p)
    size, what = _size(made, test, case.bundle.task.classes)
    between = coverage_range(made.coverage, made.rows)
    headline = (
        f"Prediction sets that state {number(made.coverage)} hold the truth of {number(value)} of the sealed rows; "
        f"{what}."
    )
    reason = (
        f"{found.reason}; one fit on {made.rows:,} rows may truly cover {number(between[0])} to {number(between[1])}"
    )
    tables = () if task == REGRESSION else (_sizes(made, test),)
    return Check(name, found.verdict, headline, reason, (estimate, size), threshold, p, tables=tables)


def conditional_coverage(case: Case) -> Check:
    """Do prediction sets hold the truth as often as they state for each class, and each sensitive subgroup?

    Of numbers, for each quarter of the predictions. The guarantee speaks of all rows, and of the classes where each has
    its own quantile; a sensitive subgroup has none. The figure is the lowest coverage, with an interval that allows
    for having looked at all subgroups.

    Promises to find: a subgroup of 300 sealed rows or more whose true coverage is 73 % or less where 90 % is stated,
    among up to ten subgroups.
    """
    name, task = "conditional_coverage", case.bundle.task.name
    valid, test = case.scored("valid"), case.scored("test")
    if min(len(valid.rows), len(test.rows)) < FEWEST_ROWS:
        return _few(name, valid, test)
    subgroups = [*_own(case, test), *sensitive_subgroups(case, test)]
    if not subgroups:
        return none_large_enough(name, "class or subgroup", FEWEST_OF_A_SUBGROUP)
    made = case.bundle.conformal or fit_conformal(valid.decoded, valid.truth, task)
    held = covered(made, test.decoded, test.truth)
    members = np.stack([one.members for one in subgroups], axis=1)
    shares = several_shares(held, members, together_of(case, test))
    worst = int(shares.value.argmin())
    estimate = worst_of("lowest_coverage", shares.smallest(), int(shares.n[worst]), higher_is_better=True)
    threshold = shifted(case.threshold(MISSED_BY_SOME, name), made.coverage)
    found = judge(estimate, threshold)
    headline = (
        f"Prediction sets that state {number(made.coverage)} hold the truth least often for “{subgroups[worst].name}”: "
        f"{number(estimate.value)} of its {shares.n[worst]:,} sealed rows."
    )
    figure = _by_subgroup(subgroups, shares, made.coverage, headline)
    return Check(name, found.verdict, headline, found.reason, (estimate,), threshold, figures=(figure,))


def _few(name: str, valid: Scored, test: Scored) -> Check:
    smaller, what = min((len(valid.rows), "validation rows"), (len(test.rows), "sealed rows"))
    return too_few(name, smaller, what)


def _chance(made: Conformal, hits: int, rows: int) -> float:
    """How likely so few rows, or fewer, are covered where all rows are exchangeable."""
    from scipy.stats import betabinom

    rank = min(int(np.ceil(round((made.rows + 1) * made.coverage, 9))), made.rows)
    return float(betabinom.cdf(hits, rows, rank, made.rows + 1 - rank))


def _own(case: Case, test: Scored) -> list[Subgroup]:
    """Rows of each class, or of each label; of numbers, by the quarter of the prediction."""
    if case.bundle.task.name == REGRESSION:
        found = in_quarters("prediction", test.decoded)
    else:
        every = np.arange(len(case.bundle.task.classes))
        inside = test.truth == 1 if test.truth.ndim == 2 else test.truth[:, None] == every
        found = [Subgroup(clean(name, 60), inside[:, k]) for k, name in enumerate(case.bundle.task.classes)]
    return [one for one in found if one.members.sum() >= FEWEST_OF_A_SUBGROUP]


def _size(made: Conformal, test: Scored, classes: tuple[str, ...]) -> tuple[Estimate, str]:
    """How large sets are, as a figure and in words."""
    if not classes:
        width, unit = 2 * made.quantiles[0], "target"
        words = f"every interval is {number(width)} wide"
        return Estimate("width", width, width, width, made.rows, unit, False, "valid", "none"), words
    sizes = prediction_sets(made, test.decoded).sum(axis=1)
    mean, n = float(sizes.mean()), len(sizes)
    half = float(1.96 * sizes.std() / np.sqrt(n))
    single = f"a set holds {number(mean)} of {len(classes)} answers on average"
    return Estimate("set_size", mean, mean - half, mean + half, n, "answers", False, method="normal"), single


def _sizes(made: Conformal, test: Scored) -> Table:
    sizes = prediction_sets(made, test.decoded).sum(axis=1)
    held = covered(made, test.decoded, test.truth)
    rows = tuple(
        (int(size), int((sizes == size).sum()), round(float(held[sizes == size].mean()), 3))
        for size in np.unique(sizes)
    )
    heads = ("answers in the set", "rows", "share that holds the truth")
    return Table("Prediction sets by size", heads, rows[:_SHOWN], len(rows))


def _by_subgroup(subgroups: list[Subgroup], shares: Together, stated: float, says: str) -> Figure:
    order = np.argsort(shares.value, kind="stable")[:_SHOWN]
    rows = [
        {
            "who": subgroups[k].name,
            "value": float(shares.value[k]),
            "low": float(shares.low[k]),
            "high": float(shares.high[k]),
        }
        for k in order
    ]
    spec = intervals(says, rows, stated, "Share of rows whose set holds the truth")
    return Figure("conditional_coverage", "Coverage of each class and subgroup", says, spec)
