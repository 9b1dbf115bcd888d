"""All rates of every group side by side, each with its interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vouch.challenges.fairness.groups import FEWEST, Grouping
from vouch.challenges.fairness.measured import BINARY, SHOWN
from vouch.challenges.judging import together_of
from vouch.contracts.case import Case
from vouch.contracts.finding import Cell, Table
from vouch.statistics.apart import Cells, cells, joined
from vouch.tasks.metrics import OneVsRest
from vouch.wording import clean, number

_HEADS = (
    "group", "sealed rows", "base rate", "selection rate", "true positive rate", "false positive rate", "precision",
    "error rate", "promised less happened",
)  # fmt: skip
_LONGEST = 90


def overview(case: Case, by: Sequence[Grouping]) -> tuple[Table, ...]:
    """Rates of every group where there are two classes; elsewhere each criterion has its own table.

    Intervals hold for all groups of a column of the table at once. The false negative rate is 1 less the true positive
    rate, and the true negative rate 1 less the false positive rate.
    """
    if case.bundle.task.name != BINARY:
        return ()
    columns = _columns(case, by)
    names = [clean(name, _LONGEST) for grouping in by for name in grouping.names]
    rows = tuple(_row(name, columns, at) for at, name in enumerate(names))
    said = clean(case.bundle.task.classes[1], 40)
    return (Table(f"Every group at a glance, where the class is “{said}”", _HEADS, rows[:SHOWN], len(rows)),)


def _columns(case: Case, by: Sequence[Grouping]) -> list[Cells]:
    """Base rate and all other figures, in the order of the heads; groups of all groupings side by side."""
    test = case.scored("test")
    view = OneVsRest.of(test.truth, test.decoded).only(1)
    actual, called, score = view.actual[:, 0], view.chosen[:, 0], view.score[:, 0]
    every = np.ones(len(actual), bool)
    asked = (
        (actual, every), (called, every), (called, actual), (called, ~actual), (actual, called),
        (called != actual, every), (score - actual, every),
    )  # fmt: skip
    together = together_of(case, test)
    return [
        joined([cells(x, np.where(counted, one.code[test.rows], -1), len(one.names), together) for one in by])
        for x, counted in asked
    ]


def _row(name: str, columns: Sequence[Cells], at: int) -> tuple[Cell, ...]:
    return (name, int(columns[0].n[at]), *(_shown(column, at) for column in columns))


def _shown(column: Cells, at: int) -> str:
    if column.n[at] < FEWEST:
        return "too few"
    told = column.together()
    value, low, high = (number(float(values[at]), 2) for values in (told.value, told.low, told.high))
    return f"{value} ({low} to {high})"
