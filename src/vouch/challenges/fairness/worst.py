"""Whether the network is wrong more often, or by more, for one group than for all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vouch.challenges.fairness.groups import FEWEST, Grouping, groupings
from vouch.challenges.fairness.measured import (
    REGRESSION,
    SHOWN,
    Codes,
    briefly,
    criterion,
    dots,
    unmeasured,
)
from vouch.challenges.judging import judge, none_large_enough, together_of, worst_of
from vouch.charts import intervals
from vouch.contracts.case import Case, Scored
from vouch.contracts.finding import Check, Figure, Table, Threshold
from vouch.statistics.apart import Cells, cells, joined
from vouch.statistics.corrections import holm
from vouch.statistics.simultaneous import Together
from vouch.wording import clean, number

ERRORS = Threshold(
    "error_gap", warn=0.03, fail=0.10,
    why="at 0.10 ten more answers in a hundred are wrong for the group than for everyone else",
)  # fmt: skip
RELATIVE_ERRORS = Threshold(
    "error_excess", warn=0.2, fail=0.5,
    why="at 0.5 answers for the group miss by half as much again as for everyone else",
)  # fmt: skip
_LONGEST = 90


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """The error of groups and of all rows that are not in them.

    Args:
        names: of the groups (G).
        cells: groups first, then the rest of each (2 G).
        more: what each group has more than the rest: a difference, or a ratio less 1.
    """

    names: list[str]
    cells: Cells
    more: Together

    @property
    def worst(self) -> int:
        """The group that has most more."""
        return int(self.more.value.argmax())


def error_parity(case: Case) -> Check:
    """Is the network wrong more often for one group than for all others?

    The figure is how much larger the share of wrong rows is in the worst group than in all rows that are not of it; of
    numbers, by how much its mean absolute error exceeds theirs, as a ratio less 1. Groups are those of each sensitive
    column and of all of them together; the interval allows for having looked at all. Groups of fewer than 50 sealed
    rows are listed, and not held against others.

    Promises to find: a group of 500 sealed rows or more, among up to five, of which 15 points more are wrong, or that
    is missed by twice as much.
    """
    name, by = "error_parity", groupings(case)
    if (none := unmeasured(case, name, by)) is not None:
        return none
    found, few = beside(case, by)
    if found is None:
        return none_large_enough(name, "group", FEWEST)
    numbers = case.bundle.task.name == REGRESSION
    default = RELATIVE_ERRORS if numbers else ERRORS
    estimate = worst_of(default.name, found.more.largest(), int(found.more.n[found.worst]))
    threshold, at = case.threshold(default, name), found.worst
    upward = np.where(found.more.value > 0, found.more.p_value / 2, 1 - found.more.p_value / 2)
    p = float(np.min(holm(upward)))
    judged = judge(estimate, threshold, p)
    own, rest = (number(float(found.cells.value[which])) for which in (at, at + len(found.names)))
    what = "a mean absolute error of " if numbers else "a share of wrong rows of "
    headline = f"The worst group is “{found.names[at]}”: {what}{own}, against {rest} of all other rows."
    told = found.cells.at(np.arange(len(found.names))).together()
    error = worst_of("worst_group_error", told.largest(), int(told.n[told.value.argmax()]))
    error = replace(error, unit="target" if numbers else "")
    more = f" and {len(few) - 1} more, named below," if len(few) > 1 else ""
    left = f"; “{clean(few[0], 60)}”{more} could not be held against others: under {FEWEST} rows" if few else ""
    return Check(
        name, judged.verdict, headline, judged.reason + left, (estimate, error), threshold, p,
        figures=(_figure(case, by, found, told),), tables=(_table(found, told, few),),
    )  # fmt: skip


def beside(case: Case, by: Sequence[Grouping]) -> tuple[Beside | None, list[str]]:
    """The error of every group that is large enough beside that of the rest, and the names of groups that are not.

    Args:
        case: whose sealed rows are asked.
        by: the groups.
    """
    test = case.scored("test")
    wrong, relative = errors_of(case, test), case.bundle.task.name == REGRESSION
    together = together_of(case, test)
    units = np.arange(len(wrong)) if together is None else together
    inside = [(clean(name, _LONGEST), one.code[test.rows] == k) for one in by for k, name in enumerate(one.names)]
    few = [name for name, mine in inside if not _enough(units[mine])]
    large = [(name, mine) for name, mine in inside if _enough(units[mine]) and _enough(units[~mine])]
    if not large:
        return None, few
    members = np.stack([mine for _, mine in large], axis=1)
    return held_apart([name for name, _ in large], wrong, members, together, relative), few


def _enough(units: np.ndarray) -> bool:
    return len(units) >= FEWEST and len(np.unique(units)) > 1


def held_apart(
    names: list[str], wrong: np.ndarray, members: np.ndarray, together: np.ndarray | None, relative: bool
) -> Beside:
    """Groups against all rows that are not in them.

    Args:
        names: of the groups (G).
        wrong: whether each row is wrong (n,), or by how much.
        members: which rows are in which group (n, G); in each some are, and some are not.
        together: which rows belong together (n,), if some do.
        relative: whether the errors are held against one another as a ratio.
    """
    both = [cells(wrong, (~mine).astype(np.int64), 2, together) for mine in members.T]
    every = joined(both).at(np.arange(2 * len(names)).reshape(-1, 2).T.reshape(-1))
    first: Codes = np.arange(len(names))
    second = first + len(names)
    if not relative:
        return Beside(names, every, every.differences(first, second))
    ratio = every.ratios(first, second)
    more = Together(ratio.value - 1, ratio.low - 1, ratio.high - 1, ratio.alone - 1, every.n[first], ratio.p_value)
    return Beside(names, every, more)


def errors_of(case: Case, scored: Scored) -> np.ndarray:
    """Whether each row is wrong (n,), or of numbers by how much."""
    measure = criterion(case, "error_parity")
    assert measure is not None, "every task has errors"
    values = measure.asked(scored.truth, scored.decoded)[0][:, 0]
    return values if measure.in_target else values > 0


def _table(found: Beside, told: Together, few: list[str]) -> Table:
    order = np.argsort(-found.more.value, kind="stable")
    rows = [
        (
            found.names[k], int(told.n[k]),
            *(round(float(x[k]), 4) for x in (told.value, told.low, told.high)),
            *(round(float(x[k]), 4) for x in (found.more.value, found.more.low, found.more.high)),
        )
        for k in order.tolist()
    ]  # fmt: skip
    short = [(name, None, "too few", None, None, None, None, None) for name in few]
    heads = ("group", "sealed rows", "error", "from", "to", "more than the rest", "at least", "at most")
    every = (*rows, *short)
    return Table("Every group against all other rows, the worst first", heads, every[: 2 * SHOWN], len(every))


def _figure(case: Case, by: Sequence[Grouping], found: Beside, told: Together) -> Figure:
    order = np.argsort(-told.value, kind="stable")[:SHOWN]
    overall = float(np.mean(errors_of(case, case.scored("test"))))
    short = {clean(name, _LONGEST): briefly(one, name) for one in by for name in one.names}
    rows = dots([short[name] for name in found.names], told, order)
    title = "Mean absolute error" if case.bundle.task.name == REGRESSION else "Share of wrong rows"
    measure = criterion(case, "error_parity")
    says = f"{measure.says if measure else ''} Dashed: the figure of all rows, {number(overall)}."
    return Figure("error_parity", f"{title} by group", says, intervals(says, rows, overall, title))
