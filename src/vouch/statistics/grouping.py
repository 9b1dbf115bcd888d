"""Tell by its own cells alone which group a row is in: a rule that is learned once, stored, and used on new rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from vouch.contracts.bundle import GroupRule
from vouch.wording import clean

if TYPE_CHECKING:
    import polars as pl

Floats: TypeAlias = npt.NDArray[np.float64]
Codes: TypeAlias = npt.NDArray[np.int64]
Texts: TypeAlias = npt.NDArray[np.str_]

MOST_VALUES = 30
_QUARTERS = 4
_MISSING = "missing"


def edges_of(series: pl.Series, train: Codes) -> tuple[float, ...]:
    """Where a column of many different numbers is cut, so that a quarter of the training rows lies in each part.

    Args:
        series: a column of all rows.
        train: numbers of the training rows.

    Returns:
        The ends of the parts, rising; nothing for a column that is taken by its values.

    Example:
        >>> import polars as pl
        >>> edges_of(pl.Series(range(101)), np.arange(101))
        (0.0, 25.0, 50.0, 75.0, 100.0)
    """
    if series.n_unique() <= MOST_VALUES or not _numeric(series):
        return ()
    values = _values(series)
    return tuple(np.unique(np.nanquantile(values[train], np.linspace(0, 1, _QUARTERS + 1))).tolist())


def cells_of(series: pl.Series, edges: Sequence[float]) -> Texts:
    """The value of each row as text; of a quantity the part that it lies in (B,).

    Args:
        series: a column.
        edges: where it is cut; nothing where it is taken by its values.

    Example:
        >>> import polars as pl
        >>> cells_of(pl.Series([1.0, 7.0, None]), (0.0, 5.0, 9.0)).tolist()
        ['0 to 5', '5 to 9', 'missing']
    """
    if not edges:
        found = series.to_list()
        said = {cell: _MISSING if cell is None else clean(str(cell).strip(), 40) for cell in set(found)}
        return np.array([said[cell] for cell in found], str)
    values, ends = _values(series), np.array(edges)
    part = np.clip(np.searchsorted(ends, values, side="right") - 1, 0, max(len(ends) - 2, 0))
    heads = np.array([f"{low:.4g} to {high:.4g}" for low, high in zip(edges, [*edges[1:], edges[-1]], strict=True)])
    return np.where(np.isfinite(values), heads[part], _MISSING)


def group_of(rule: GroupRule, frame: pl.DataFrame) -> Codes:
    """The group of each row (B,); -1 for a row of a group that the rule does not know.

    Args:
        rule: how groups are told apart.
        frame: rows that have the columns of the rule, of which there is one at least.

    Example:
        >>> import polars as pl
        >>> rule = GroupRule(("sex",), ((),), (("f",), ("m",)), (0, 1), ("sex = f", "sex = m"))
        >>> group_of(rule, pl.DataFrame({"sex": ["m", "x", "f"]})).tolist()
        [1, -1, 0]
    """
    known = dict(zip(rule.cells, rule.place, strict=True))
    columns = [cells_of(frame[name], edges) for name, edges in zip(rule.columns, rule.edges, strict=True)]
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return np.array([known.get(row, -1) for row in rows], np.int64)


def columns_of(
    names: Sequence[str], canonical: pl.DataFrame, raw: pl.DataFrame, lines: pl.Series | None
) -> pl.DataFrame:
    """The columns by which rows are grouped: canonical, or raw where the network is not shown a column.

    Args:
        names: of the columns; one that is nowhere has no value.
        canonical: rows as the network is shown them.
        raw: the data as it was read.
        lines: which raw row each canonical one is (B,); the same where it is not said.

    Example:
        >>> import polars as pl
        >>> raw = pl.DataFrame({"a": ["1", "2", "3"], "sex": ["f", "m", "f"]})
        >>> columns_of(("a", "sex"), pl.DataFrame({"a": [1.0, 3.0]}), raw, pl.Series([0, 2])).rows()
        [(1.0, 'f'), (3.0, 'f')]
    """
    import polars as pl

    lines = pl.arange(0, canonical.height, eager=True) if lines is None else lines
    nothing = pl.repeat(None, len(lines), dtype=pl.String, eager=True)
    found = {
        name: canonical[name] if name in canonical.columns else raw[name][lines] if name in raw.columns else nothing
        for name in names
    }
    return pl.DataFrame({name: series.alias(name) for name, series in found.items()})


def _numeric(series: pl.Series) -> bool:
    """Whether the cells are numbers, or texts that all read as one."""
    import polars as pl

    return series.dtype.is_numeric() or (
        series.dtype == pl.String and series.cast(pl.Float64, strict=False).null_count() == series.null_count()
    )


def _values(series: pl.Series) -> Floats:
    import polars as pl

    return series.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
