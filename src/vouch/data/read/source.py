"""Any source of rows to one data set: the entrance to reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from vouch.contracts.dataset import Dataset
from vouch.data.read.content import content_at
from vouch.data.read.delimited import read_delimited


def read(source: object, *, columns: Sequence[str] | None = None) -> Dataset:
    """Read a table into a data set of raw columns."""
    if isinstance(source, pl.DataFrame):
        return Dataset(source, "a polars frame")
    if isinstance(source, Mapping):
        return Dataset(pl.DataFrame(dict(source)), "a mapping")
    if not isinstance(source, str | Path):
        return Dataset(pl.from_pandas(source), "a pandas frame")  # type: ignore[arg-type]
    path = Path(source)
    if path.suffix == ".parquet":
        return Dataset(pl.read_parquet(path), str(path), root=path.parent)
    frame, notes = read_delimited(content_at(path), columns)
    return Dataset(frame, str(path), root=path.parent, notes=tuple(notes))
