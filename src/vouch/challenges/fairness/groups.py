"""Which group each row is in: by the value of a sensitive column, and by the values of all of them together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vouch.contracts.bundle import GroupRule
from vouch.statistics.grouping import cells_of, columns_of, edges_of
from vouch.wording import clean

if TYPE_CHECKING:
    from vouch.contracts.case import Case

Codes = npt.NDArray[np.int64]

# Of fewer sealed rows nothing can be said: such groups are joined to one, under the names of all of them.
FEWEST = 50
_NAMED = 4


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """Every row in one of G groups.

    Args:
        columns: the sensitive columns by which rows are grouped; several are taken together.
        names: of the groups (G), such as "sex = Female"; small ones stand together as one, which names them.
        code: the group of every row of the data (B,).
        pooled: the groups that are too small to be looked at by themselves.
        rule: how the group of a new row is told; none where groups were put together by hand.
    """

    columns: tuple[str, ...]
    names: tuple[str, ...]
    code: Codes
    pooled: tuple[str, ...] = ()
    rule: GroupRule | None = None

    @property
    def title(self) -> str:
        """What rows are grouped by, for a reader."""
        return " × ".join(clean(name, 40) for name in self.columns)

    def members(self, rows: Codes) -> npt.NDArray[np.bool_]:
        """Which of some rows are in which group (n, G)."""
        return self.code[rows][:, None] == np.arange(len(self.names))


def groupings(case: Case) -> list[Grouping]:
    """A grouping by each sensitive column, and one by all of them together where there are several.

    A column that the network is not shown is taken as it was read.
    """
    known = {*case.dataset.frame.columns, *case.raw.frame.columns}
    names = [name for name in case.bundle.schema.sensitive if name in known]
    found = [grouped(case, (name,)) for name in names]
    return [*found, grouped(case, tuple(names))] if len(names) > 1 else found


def grouped(case: Case, columns: tuple[str, ...]) -> Grouping:
    """Rows by their values in some columns together; which groups are small is counted on the sealed rows.

    Quantities are cut in quarters at the training rows. A missing value is a group of its own.

    Args:
        case: whose data is grouped.
        columns: one sensitive column or several.
    """
    frame = columns_of(columns, case.dataset.frame, case.raw.frame, case.dataset.lines)
    edges = tuple(edges_of(frame[name], case.split.train) for name in columns)
    told = [np.unique(cells_of(frame[name], ends), return_inverse=True)
            for name, ends in zip(columns, edges, strict=True)]  # fmt: skip
    cells, code = np.unique(np.stack([own.reshape(-1) for _, own in told], axis=1), axis=0, return_inverse=True)
    code = code.reshape(-1)
    values = np.stack([words[cells[:, k]] for k, (words, _) in enumerate(told)], axis=1)
    heads = [_named(columns, value) for value in values]
    sealed = np.bincount(code[case.split.test], minlength=len(values))
    found = pooled(columns, heads, code.astype(np.int64), sealed)
    place = np.zeros(len(values), np.int64)
    place[code] = found.code
    known = tuple(tuple(row) for row in values.tolist())
    return replace(found, rule=GroupRule(columns, edges, known, tuple(place.tolist()), found.names))


def pooled(columns: tuple[str, ...], heads: list[str], code: Codes, sealed: Codes) -> Grouping:
    """A grouping whose small groups are joined to a last one; a single small one stays by itself.

    Args:
        columns: by which rows are grouped.
        heads: names of all groups.
        code: group of each row (B,).
        sealed: sealed rows of each group.

    Example:
        >>> found = pooled(("a",), ["a = x", "a = y", "a = z"], np.array([0, 1, 2]), np.array([90, 3, 4]))
        >>> found.names, found.code.tolist()
        (('a = x', 'a = z or a = y'), [0, 1, 1])
    """
    small = [k for k in np.argsort(-sealed, kind="stable") if sealed[k] < FEWEST]
    if len(small) < 2:
        return Grouping(columns, tuple(heads), code)
    large = [k for k in range(len(heads)) if k not in small]
    place = np.full(len(heads), len(large))
    place[large] = np.arange(len(large))
    together = tuple(heads[k] for k in small)
    more = len(together) - _NAMED
    said = " or ".join(together[:_NAMED]) + (f" or {more} others" if more > 0 else "")
    return Grouping(columns, (*(heads[k] for k in large), said), place[code].astype(np.int64), together)


def _named(columns: tuple[str, ...], values: npt.NDArray[np.str_]) -> str:
    return ", ".join(f"{clean(name, 40)} = {value}" for name, value in zip(columns, values, strict=True))
