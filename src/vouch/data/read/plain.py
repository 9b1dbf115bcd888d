"""Frames with nested or rare types to frames of plain raw columns."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

import polars as pl

from vouch.contracts.dataset import Note
from vouch.data.read.arrays import series_of_objects
from vouch.data.read.wording import short
from vouch.errors import ColumnError, EmptyDataError

_CASTS: tuple[tuple[tuple[type[pl.DataType], ...], type[pl.DataType]], ...] = (
    ((pl.Categorical, pl.Enum, pl.Time, pl.Null), pl.String),
    ((pl.Decimal, pl.Int128, pl.UInt128), pl.Float64),
    ((pl.Float16,), pl.Float32),
)


def plain(frame: pl.DataFrame, where: str) -> tuple[pl.DataFrame, list[Note]]:
    """Columns of plain types only: numbers, truth values, texts, dates, bytes, and 8-bit pictures.

    Args:
        frame: as a file or a library gave it (B rows).
        where: its source, for messages.

    Returns:
        the plain frame, and a note for each column that was changed.

    Raises:
        EmptyDataError: there are no rows or no columns.
        ColumnError: a nested column would come out under the name of another one.
    """
    if not frame.width or not frame.height:
        what = "rows" if frame.width else "columns"
        raise EmptyDataError(f"the table has no {what}", where=where, next_step="Give a table with rows.")
    columns: list[pl.Series] = []
    notes: list[Note] = []
    for series in frame:
        out = _flat(series)
        if any(other.dtype != series.dtype for other in out):
            said = ", ".join(f"'{other.name}' ({other.dtype})" for other in out[:4])
            text = f"'{series.name}' ({short(str(series.dtype), 40)}) was read as {said}"
            notes.append(Note("read", text, column=series.name))
        columns += out
    twice = next((name for name, count in Counter(series.name for series in columns).items() if count > 1), None)
    if twice is not None:
        raise ColumnError(f"two columns have the name {twice!r}", where=where, next_step="Rename one of them.")
    return pl.DataFrame(columns), notes


def _flat(series: pl.Series) -> list[pl.Series]:
    """One or more plain columns out of one."""
    dtype = series.dtype
    if isinstance(dtype, pl.Struct):
        return _fields(series, dtype) if dtype.fields else [_mapped(series, json.dumps)]
    cast = next((to for kinds, to in _CASTS if isinstance(dtype, kinds)), None)
    if cast is not None:
        return [series.cast(cast, strict=False)]
    if isinstance(dtype, pl.Duration):
        return [(series.dt.total_microseconds() / 1e6).alias(series.name)]
    if isinstance(dtype, pl.Array) and dtype.inner == pl.UInt8:
        return [series]
    if isinstance(dtype, pl.List | pl.Array):
        return [_mapped(series, json.dumps)]
    return [series_of_objects(series.name, series.to_list())] if dtype == pl.Object else [series]


def _fields(series: pl.Series, dtype: pl.Struct) -> list[pl.Series]:
    """A struct of encoded media as its bytes, or as its path; every other struct as one column for each field."""
    fields = {field.name: field.dtype for field in dtype.fields}
    if set(fields) == {"bytes", "path"} and fields["bytes"] in (pl.Binary, pl.Null):
        media = series.struct.field("bytes" if fields["bytes"] == pl.Binary else "path")
        return [media.alias(series.name)]
    return [out for name in fields for out in _flat(series.struct.field(name).alias(f"{series.name}.{name}"))]


def _mapped(series: pl.Series, to_text: Callable[[object], str]) -> pl.Series:
    """A list in each cell as JSON text."""
    texts = [None if cell is None else _json(cell, to_text) for cell in series.to_list()]
    return pl.Series(series.name, texts, dtype=pl.String)


def _json(cell: object, to_text: Callable[[object], str]) -> str:
    try:
        return to_text(cell)
    except (TypeError, ValueError):
        return str(cell)
