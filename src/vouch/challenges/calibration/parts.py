"""What several checks of calibration need: when rows are too few, and which subgroups there are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vouch.contracts.finding import Threshold
from vouch.wording import clean

if TYPE_CHECKING:
    import polars as pl

    from vouch.contracts.case import Case, Scored

FEWEST_OF_A_SUBGROUP = 150
_MOST_VALUES = 20
_QUARTERS = 4

REGRESSION, MULTILABEL, BINARY = "regression", "multilabel", "binary"


@dataclass(frozen=True, slots=True, eq=False)
class Subgroup:
    """Rows that have something in common.

    Args:
        name: such as "sex = Female".
        members: which of the rows (n,).
    """

    name: str
    members: npt.NDArray[np.bool_]


def shifted(threshold: Threshold, stated: float) -> Threshold:
    """A threshold on how far below what is stated a share may lie, as one on the share itself."""
    warn, fail = stated - threshold.warn, stated - threshold.fail
    return replace(threshold, warn=warn, fail=fail, higher_is_worse=False)


def sensitive_subgroups(case: Case, scored: Scored) -> list[Subgroup]:
    """Rows by the value of each sensitive column; small subgroups are left out, quantities are cut in quarters."""
    names = [name for name in case.bundle.schema.sensitive if name in case.dataset.frame.columns]
    found = [one for name in names for one in by_value(case.dataset.frame[name][scored.rows])]
    return [one for one in found if one.members.sum() >= FEWEST_OF_A_SUBGROUP]


def by_value(series: pl.Series) -> list[Subgroup]:
    """Rows by their value, the most frequent first, or by the quarter they lie in."""
    if series.dtype.is_numeric() and series.n_unique() > _MOST_VALUES:
        return in_quarters(str(series.name), series.cast(float).fill_null(np.nan).to_numpy())
    cells = np.array(["missing" if cell is None else str(cell) for cell in series.to_list()], dtype=object)
    values, counts = np.unique(cells.astype(str), return_counts=True)
    common = values[np.argsort(-counts, kind="stable")][:_MOST_VALUES]
    return [Subgroup(clean(f"{series.name} = {value}", 60), cells == value) for value in common]


def in_quarters(name: str, values: npt.NDArray[np.float64]) -> list[Subgroup]:
    """Rows in four parts of about equal size by a quantity; rows without it are in none."""
    edges = np.unique(np.nanquantile(values, np.linspace(0, 1, _QUARTERS + 1)))
    if len(edges) < 2:
        return []
    part = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    inside = np.isfinite(values)
    heads = [clean(f"{name} {low:.4g} to {high:.4g}", 60) for low, high in pairwise(edges)]
    return [Subgroup(head, inside & (part == k)) for k, head in enumerate(heads)]
