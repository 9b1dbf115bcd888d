"""Frames and arrays that are already in memory: polars, pandas, Arrow, datasets.Dataset, mappings, numpy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isnan
from typing import Any

import numpy as np
import polars as pl

from vouch.contracts.dataset import Dataset, Note
from vouch.data.read.arrays import dataset_of_arrays, series_of_objects
from vouch.data.read.guard import parsing
from vouch.data.read.header import given_names
from vouch.data.read.plain import plain
from vouch.errors import ColumnError, UsageError

_PARTS = {"train": "train", "test": "test", "validation": "valid", "valid": "valid", "val": "valid"}


def read_object(source: object, columns: Sequence[str] | None = None) -> Dataset:
    """Read a frame or arrays in memory.

    Args:
        source: a polars, pandas or Arrow frame, a ``datasets.Dataset``, a mapping of arrays, or an array.
        columns: names for the columns of an array.

    Raises:
        UsageError: it is none of these, or names are given for columns that have names.
        DataError: it has no rows, or columns that cannot be told apart.
    """
    if isinstance(source, np.ndarray) or (hasattr(source, "__array__") and not _is_frame(source)):
        return _named(_of_array(np.asarray(source)), columns)
    if columns is not None:
        raise UsageError("column names are given for data that names its own columns", next_step="Leave them out.")
    if isinstance(source, pl.LazyFrame):
        return _of_polars(pl.DataFrame(source.collect()), "a polars frame")
    if isinstance(source, pl.DataFrame):
        return _of_polars(source, "a polars frame")
    if _is_pandas(source):
        return _of_pandas(source)
    if isinstance(source, Mapping):
        return _of_mapping(source)
    if _is_datasets(source):
        return _of_datasets(source)
    if hasattr(source, "__arrow_c_stream__"):
        return _of_polars(pl.DataFrame(pl.from_arrow(source)), "an Arrow table")
    raise UsageError(
        "that is no data",
        expected="a path, a list of paths, a polars or pandas frame, a mapping of arrays, or an array",
        received=type(source).__name__,
    )


def _is_frame(source: object) -> bool:
    return isinstance(source, pl.DataFrame) or hasattr(source, "columns") or hasattr(source, "__arrow_c_stream__")


def _is_pandas(source: object) -> bool:
    return type(source).__module__.partition(".")[0] == "pandas" and hasattr(source, "columns")


def _is_datasets(source: object) -> bool:
    return hasattr(source, "features") and hasattr(source, "column_names") and hasattr(source, "data")


def _of_polars(frame: pl.DataFrame, source: str) -> Dataset:
    out, notes = plain(frame, source)
    return Dataset(out, source, notes=tuple(notes))


def _of_array(array: np.ndarray) -> Dataset:
    if not array.ndim:
        raise UsageError("a single value is no data", expected="an array with rows", received=repr(array.dtype))
    return dataset_of_arrays({"x": array[:, None] if array.ndim == 1 and not array.dtype.names else array}, "an array")


def _named(dataset: Dataset, columns: Sequence[str] | None) -> Dataset:
    """The columns of an array, called x0, x1 … or as the user says."""
    frame = dataset.frame
    if frame.columns == ["x"]:
        frame = frame.rename({"x": "x0"})
    if columns is not None:
        names = given_names(columns, frame.width, dataset.source)
        frame = frame.rename(dict(zip(frame.columns, names, strict=True)))
    return replace(dataset, frame=frame)


def _of_pandas(source: Any) -> Dataset:
    """A pandas frame; NaN is its way to say that there is no value."""
    names = [name if isinstance(name, str) else _joined_name(name) for name in source.columns]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ColumnError(f"several columns are called {twice[0]!r}", where="a pandas frame", next_step="Rename them.")
    notes = [Note("read", "the index of the frame was left out")] if _has_index(source) else []
    columns: list[pl.Series] = []
    for at, name in enumerate(names):
        cells = source.iloc[:, at]
        with parsing(f"a pandas frame, column {name!r}", "cells of one type"):
            columns.append(_of_pandas_column(name, cells))
    frame, told = plain(pl.DataFrame(columns), "a pandas frame")
    return Dataset(frame, "a pandas frame", notes=(*notes, *told))


def _of_pandas_column(name: str, cells: Any) -> pl.Series:
    if str(cells.dtype) == "object":
        values = cells.tolist()
        kinds = {type(value) for value in values if value is not None}
        if kinds & {list, tuple, dict, np.ndarray}:
            return pl.Series(name, [value.tolist() if isinstance(value, np.ndarray) else value for value in values])
        if kinds and kinds <= {bytes}:
            return pl.Series(name, values, dtype=pl.Binary)
        return series_of_objects(name, [None if _is_missing(value) else value for value in values])
    if str(cells.dtype) == "category":
        cells = cells.astype(cells.cat.categories.dtype) if not cells.isna().any() else cells.astype(object)
        return _of_pandas_column(name, cells)
    return pl.from_pandas(cells.to_frame("cells"), nan_to_null=True)["cells"].alias(name)


def _is_missing(value: object) -> bool:
    """None, NaN, pandas' NA and NaT."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and isnan(value))


def _has_index(source: Any) -> bool:
    return type(source.index).__name__ != "RangeIndex"


def _joined_name(name: object) -> str:
    return "_".join(str(part) for part in name if str(part)) if isinstance(name, tuple) else str(name)


def _of_mapping(source: Mapping[Any, Any]) -> Dataset:
    """A mapping of arrays, or of parts, as ``datasets.DatasetDict`` is."""
    if source and all(_is_datasets(value) for value in source.values()):
        return _of_parts({str(name): _of_datasets(value) for name, value in source.items()})
    arrays = {str(name): _as_array(str(name), value) for name, value in source.items()}
    if not arrays:
        raise UsageError("the mapping is empty", expected="names and arrays")
    return replace(dataset_of_arrays(arrays, "a mapping"), source="a mapping", target=None)


def _as_array(name: str, value: Any) -> np.ndarray:
    """An array out of an array, a list, a tensor or a series; texts and missing values keep their places."""
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, str | bytes) or not hasattr(value, "__len__"):
        raise UsageError(f"'{name}' is no array", expected="an array or a list", received=type(value).__name__)
    regular = int | float | list | tuple | np.ndarray
    if isinstance(value, list | tuple) and not all(isinstance(cell, regular) for cell in value):
        out = np.empty(len(value), dtype=object)
        out[:] = value
        return out
    with parsing(f"'{name}'", "an array of one shape"):
        return np.asarray(value)


def _of_datasets(source: Any) -> Dataset:
    """A ``datasets.Dataset``: its Arrow table, with class codes turned into the names it has for them."""
    formatted = hasattr(source, "with_format")
    table = source.with_format("arrow")[:] if formatted else getattr(source.data, "table", source.data)
    with parsing("a datasets.Dataset", "an Arrow table"):
        frame = pl.DataFrame(pl.from_arrow(table))
    named = {name: list(kind.names) for name, kind in source.features.items() if getattr(kind, "names", None)}
    for name, names in named.items():
        codes = dict(enumerate(names))
        frame = frame.with_columns(pl.col(name).replace_strict(codes, default=None, return_dtype=pl.String))
    dataset = _of_polars(frame, "a datasets.Dataset")
    notes = [Note("read", f"the codes in '{name}' became the names of their classes", column=name) for name in named]
    return replace(dataset, notes=(*dataset.notes, *notes), target=next(iter(named)) if len(named) == 1 else None)


def _of_parts(parts: dict[str, Dataset]) -> Dataset:
    """Parts below one another, each row with its part in the column ``split``."""
    unknown = [name for name in parts if name.lower() not in _PARTS]
    if unknown:
        raise UsageError("a part has an unknown name", expected="train, validation or test", received=repr(unknown[0]))
    first = next(iter(parts.values()))
    frames = [data.frame.with_columns(pl.lit(_PARTS[name.lower()]).alias("split")) for name, data in parts.items()]
    with parsing("a mapping of parts", "the same columns in each part"):
        frame = pl.concat(frames, how="vertical_relaxed")
    return replace(first, frame=frame, source="a mapping of parts", part="split")
