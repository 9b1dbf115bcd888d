"""One criterion, measured on the sealed rows of every group, and what is said of the widest gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from vouch.challenges.fairness.groups import FEWEST, Grouping
from vouch.challenges.fairness.measures import BY_TASK, Measure
from vouch.challenges.judging import FEWEST_ROWS, not_asked, together_of, too_few, worst_of
from vouch.charts import intervals
from vouch.contracts.case import Case
from vouch.contracts.finding import Cell, Check, Estimate, Figure, Table
from vouch.statistics.apart import Cells, cells, joined
from vouch.statistics.simultaneous import Together
from vouch.wording import clean, number

Codes = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
REGRESSION, BINARY = "regression", "binary"
SHOWN = 40
_LONGEST, _SHORTEST, _FEWEST_UNITS = 90, 19, 2


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A criterion in G groups and Q questions of every grouping: C cells, groups of a question side by side.

    Args:
        measure: the criterion.
        groupings: by which rows were grouped.
        questions: what each question is called.
        cells: the figures of all cells.
        place: of each cell its grouping, question and group (3, C).
        scale: by which figures in the unit of the target were divided; 1 for shares.
    """

    measure: Measure
    groupings: list[Grouping]
    questions: list[str]
    cells: Cells
    place: Codes
    scale: float = 1.0

    @property
    def enough(self) -> Bools:
        """Which cells have rows enough to be held against others (C,)."""
        return (self.cells.n >= FEWEST) & (self.cells.worth >= _FEWEST_UNITS)

    def who(self, cell: int) -> str:
        """The group of a cell."""
        return clean(self.groupings[self.place[0, cell]].names[self.place[2, cell]], _LONGEST)

    def briefly(self, cell: int) -> str:
        """The same where room is short."""
        grouping = self.groupings[self.place[0, cell]]
        return briefly(grouping, grouping.names[self.place[2, cell]])

    def what(self, cell: int) -> str:
        """The question of a cell."""
        return self.questions[self.place[1, cell]]

    def pairs(self, questions: Sequence[int] | None = None) -> tuple[Codes, Codes]:
        """All pairs of groups that are large enough, in each question of each grouping, or in some questions."""
        asked = range(len(self.questions)) if questions is None else questions
        found = []
        for which in range(len(self.groupings)):
            for question in asked:
                here = (self.place[0] == which) & (self.place[1] == question) & self.enough
                at = np.flatnonzero(here)
                first, second = np.triu_indices(len(at), 1)
                found.append(np.stack([at[first], at[second]]))
        first, second = np.concatenate(found, axis=1) if found else np.zeros((2, 0), np.int64)
        return first, second


@dataclass(frozen=True, slots=True, eq=False)
class Gap:
    """The widest difference of any two groups, and all others.

    Args:
        estimate: its size.
        pairs: first and second cell of every pair, the higher one first (2, P).
        sizes: all differences without their sign.
        worst: number of the widest pair.
    """

    estimate: Estimate
    pairs: Codes
    sizes: Together
    worst: int


def unmeasured(case: Case, name: str, by: Sequence[Grouping]) -> Check | None:
    """Why groups cannot be held against one another here, if they cannot."""
    if not case.bundle.schema.sensitive:
        return not_asked(name, "no sensitive column was named (--sensitive)")
    if not by:
        return not_asked(name, "the sensitive columns are not among those that are kept with the network")
    sealed = len(case.split.test)
    return too_few(name, sealed, "sealed rows") if sealed < FEWEST_ROWS else None


def criterion(case: Case, *names: str) -> Measure | None:
    """The first of some criteria that makes sense for the task."""
    known = {one.name: one for one in BY_TASK[case.bundle.task.name]}
    return next((known[name] for name in names if name in known), None)


def measured(case: Case, measure: Measure, by: list[Grouping]) -> Measured:
    """A criterion on the sealed rows; what is in the unit of the target is told in its standard deviations.

    Args:
        case: whose sealed rows are asked.
        measure: the criterion.
        by: the groups.
    """
    test = case.scored("test")
    scale = (float(np.std(test.truth)) or 1.0) if measure.in_target else 1.0
    values, counted = measure.asked(test.truth, test.decoded)
    values = values / scale if measure.in_target else values > 0
    parts, place = [], []
    for which, grouping in enumerate(by):
        groups = len(grouping.names)
        for question in range(values.shape[1]):
            code = np.where(counted[:, question], grouping.code[test.rows], -1)
            parts.append(cells(values[:, question], code, groups, together_of(case, test)))
            place.append(np.stack([np.full(groups, which), np.full(groups, question), np.arange(groups)]))
    questions, every = _named(case, measure, values.shape[1]), np.concatenate(place, axis=1)
    return Measured(measure, by, questions, joined(parts), every, scale)


def gap_of(found: Measured, name: str, questions: Sequence[int] | None = None) -> Gap | None:
    """The widest difference of any two groups, or nothing where no two have rows enough.

    Args:
        found: the criterion in all groups.
        name: of the estimate.
        questions: that are asked; all of them when not given.
    """
    first, second = found.pairs(questions)
    if not len(first):
        return None
    higher = found.cells.value[first] >= found.cells.value[second]
    pairs = np.stack([np.where(higher, first, second), np.where(higher, second, first)])
    sizes = found.cells.differences(pairs[0], pairs[1]).absolute()
    worst = int(sizes.value.argmax())
    estimate = worst_of(name, sizes.largest(), int(sizes.n[worst]))
    return Gap(estimate, pairs, sizes, worst)


def ratio_of(found: Measured, name: str) -> Estimate | None:
    """The smallest figure of a group over the largest in the same question and grouping; 1 is when all are alike.

    Both ends follow from intervals of all groups that hold at once. None where a figure may be below 0.
    """
    if found.measure.in_target and (found.cells.value[found.enough] <= 0).any():
        return None
    told = found.cells.together()
    best: tuple[float, float, float, int] | None = None
    for which in range(len(found.groupings)):
        for question in range(len(found.questions)):
            at = np.flatnonzero((found.place[0] == which) & (found.place[1] == question) & found.enough)
            if len(at) < 2 or told.value[at].max() <= 0:
                continue
            low = max(float(told.low[at].min()), 0.0) / max(float(told.high[at].max()), 1e-12)
            high = min(float(told.high[at].min()) / max(float(told.low[at].max()), 1e-12), 1.0)
            value = float(told.value[at].min() / told.value[at].max())
            if best is None or value < best[0]:
                best = (value, low, high, int(told.n[at].sum()))
    return None if best is None else worst_of(name, best[:3], best[3], higher_is_better=True)


def headline_of(found: Measured, gap: Gap, unit: str = "") -> str:
    """One sentence on the widest gap."""
    high, low = (int(cell) for cell in gap.pairs[:, gap.worst])
    shown = [number(float(found.cells.value[cell])) for cell in (high, low)]
    return (
        f"The widest gap lies in the {found.what(high)}: {shown[0]} for “{found.who(high)}”, {shown[1]} for "
        f"“{found.who(low)}”{unit}."
    )


def left_out(found: Measured) -> str:
    """Half a sentence on the groups that are too small to be held against others; empty where there are none."""
    names = list(dict.fromkeys(found.who(int(cell)) for cell in np.flatnonzero(~found.enough)))
    if not names:
        return ""
    said = f"“{names[0]}”" + (f" and {len(names) - 1} more, named below," if len(names) > 1 else "")
    return f"; {said} could not be held against the others, since fewer than {FEWEST} rows count in it"


def tables_of(found: Measured, gap: Gap) -> tuple[Table, ...]:
    """The figure of every group, how any two differ, and which groups were taken together."""
    told = found.cells.together()
    rows = tuple(_row(found, told, cell) for cell in range(len(told.n)))
    heads = ("group", "figure", "rows that count", "value", "from", "to")
    each = Table("Every group, with intervals that hold at once", heads, rows[: 2 * SHOWN], len(rows))
    small = [(one.title, clean(name, _LONGEST)) for one in found.groupings for name in one.pooled]
    title = "Groups of too few sealed rows, looked at together"
    pooled = (Table(title, ("by", "group"), tuple(small[:SHOWN]), len(small)),) if small else ()
    return each, _differences(found, gap), *pooled


def figure_of(found: Measured, gap: Gap, name: str) -> Figure:
    """Every group's figure in the question of the widest gap, with its interval."""
    question = found.place[1, gap.pairs[0, gap.worst]]
    here = np.flatnonzero((found.place[1] == question) & found.enough)
    told, n = found.cells.together(), found.cells.n[here]
    first = here[found.place[0, here] == found.place[0, here].min()]
    overall = float(found.cells.value[first] @ found.cells.n[first] / found.cells.n[first].sum())
    order = here[np.lexsort((-told.value[here], found.place[0, here]))][: min(len(n), SHOWN)]
    rows = dots([found.briefly(cell) for cell in range(len(told.n))], told, order)
    title = found.questions[question][:1].upper() + found.questions[question][1:]
    says = f"{found.measure.says} Dashed: the figure of all rows, {number(overall)}."
    return Figure(name, f"{title} by group", says, intervals(says, rows, overall, title))


def briefly(grouping: Grouping, name: str) -> str:
    """A group of a grouping where room is short: where there are several columns, their values alone."""
    for column in grouping.columns if len(grouping.columns) > 1 else ():
        name = name.replace(f"{clean(column, 40)} = ", "")
    return clean(name, _SHORTEST)


def dots(names: list[str], told: Together, order: Codes) -> list[dict[str, str | float]]:
    """Some figures, in an order, as they are drawn."""
    return [
        {"who": names[k], "value": float(told.value[k]), "low": float(told.low[k]), "high": float(told.high[k])}
        for k in order.tolist()
    ]


def _row(found: Measured, told: Together, cell: int) -> tuple[Cell, ...]:
    start = (found.who(cell), found.what(cell), int(told.n[cell]))
    if not found.enough[cell]:
        return (*start, "too few", None, None)
    return (*start, *(round(float(values[cell]), 4) for values in (told.value, told.low, told.high)))


def _differences(found: Measured, gap: Gap) -> Table:
    order = np.argsort(-gap.sizes.value, kind="stable")[:SHOWN]
    rows = []
    for pair in order.tolist():
        high, low = (int(cell) for cell in gap.pairs[:, pair])
        ends = [round(float(values[pair]), 4) for values in (gap.sizes.value, gap.sizes.low, gap.sizes.high)]
        a, b = float(found.cells.value[low]), float(found.cells.value[high])
        ratio = round(a / b, 4) if a >= 0 and b > 0 else None
        rows.append((found.who(high), found.who(low), found.what(high), *ends, ratio))
    heads = ("higher in", "than in", "figure", "difference", "from", "to", "lower over higher")
    return Table("Differences of any two groups, the widest first", heads, tuple(rows), len(gap.sizes.value))


def _named(case: Case, measure: Measure, questions: int) -> list[str]:
    """What each question is called; of classes each by its own."""
    classes = case.bundle.task.classes
    asked = [classes[1]] if case.bundle.task.name == BINARY else classes
    if questions != len(measure.questions) * len(asked) or measure.name == "error_parity":
        return list(measure.questions)
    return [f"{one} of “{clean(name, 40)}”" for one in measure.questions for name in asked]


def rescaled(found: Measured, estimate: Estimate) -> Estimate:
    """A difference in standard deviations as one in the unit of the target."""
    value, low, high = (found.scale * end for end in (estimate.value, estimate.low, estimate.high))
    return replace(estimate, name=f"{found.measure.name}_in_units", value=value, low=low, high=high, unit="target")
