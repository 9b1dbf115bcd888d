"""Arrays to columns: vectors, matrices, and stacks of pictures."""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Mapping
from typing import IO

import numpy as np
import polars as pl

from vouch.contracts.dataset import Dataset, Note
from vouch.data.read.archive import opened_zip
from vouch.data.read.content import Content
from vouch.data.read.guard import parsing
from vouch.errors import EmptyDataError, FormatError

_FEATURES = ("x", "data", "features")
_TARGETS = ("y", "label", "labels", "target")
_PART_NAMES = {"train": "train", "test": "test", "val": "valid", "valid": "valid", "validation": "valid"}


def read_npz(content: Content) -> Dataset:
    """Read the arrays of an NPZ archive; arrays of objects, which would run code, are refused.

    Raises:
        FormatError: it is damaged, or its arrays do not fit together.
    """
    with opened_zip(content) as archive:
        arrays = {
            info.filename.removesuffix(".npy"): _member(archive, info, content.name)
            for info in archive.infolist()
            if info.filename.endswith(".npy")
        }
    if not arrays:
        raise FormatError("the archive holds no array", where=content.name, expected="arrays written by numpy.savez")
    return dataset_of_arrays(arrays, content.name)


def read_npy(content: Content) -> Dataset:
    """Read one array from an NPY file."""
    with content.open() as file:
        array = _array(file, content.size, content.name)
    return dataset_of_arrays({"x": array}, content.name)


def dataset_of_arrays(arrays: Mapping[str, np.ndarray], where: str) -> Dataset:
    """Columns from named arrays of one length.

    A vector is a column; a matrix (B, D) is D columns, called ``x0``, ``x1`` … or after its name; a stack of 8-bit
    pictures (B, H, W), (B, H, W, C) or (B, C, H, W) is the column ``image``.

    Raises:
        FormatError: the arrays have several lengths, or cells that are no numbers, texts or dates.
        EmptyDataError: there is no row.
    """
    kept = {name: array for name, array in arrays.items() if array.ndim}
    notes = [Note("skipped", f"'{name}' is a single value, no column") for name in arrays if name not in kept]
    parts = _parts(kept)
    if parts is None:
        frame = _frame(kept, where)
    else:
        frames = [_frame(group, where).with_columns(pl.lit(part).alias("split")) for part, group in parts.items()]
        with parsing(where, "the same columns in each part"):
            frame = pl.concat(frames, how="vertical_relaxed")
    if frame.is_empty():
        raise EmptyDataError("the arrays hold no rows", where=where, next_step="Give arrays with rows.")
    target = next((name for name in frame.columns if name.lower() in _TARGETS), None)
    shapes = ", ".join(f"{name} {tuple(array.shape)}" for name, array in list(kept.items())[:8])
    notes.append(Note("read", f"arrays {shapes}"))
    return Dataset(frame, where, notes=tuple(notes), target=target, part="split" if parts else None)


def series_of_array(name: str, array: np.ndarray, where: str) -> list[pl.Series]:
    """The columns that one array gives.

    Raises:
        FormatError: its cells are no numbers, texts or dates, or it has too many dimensions.
    """
    if array.dtype.names:
        return [series for field in array.dtype.names for series in series_of_array(field, array[field], where)]
    if array.ndim in (3, 4) and array.dtype == np.uint8:
        return [pl.Series("image", np.ascontiguousarray(_channels_last(array)))]
    if array.ndim > 2:
        raise FormatError(
            f"'{name}' has {array.ndim} dimensions",
            where=where,
            expected="one or two, or pictures (B, H, W) or (B, H, W, C) of 8-bit integers",
            received=f"{array.dtype} {tuple(array.shape)}",
        )
    cells = _plain(name, array, where)
    if cells.ndim == 1:
        return [_series(name, cells)]
    if cells.shape[1] == 1:
        return [_series(name, cells[:, 0])]
    prefix = "x" if name.lower() in _FEATURES else f"{name}_"
    return [_series(f"{prefix}{at}", np.ascontiguousarray(cells[:, at])) for at in range(cells.shape[1])]


def _frame(arrays: Mapping[str, np.ndarray], where: str) -> pl.DataFrame:
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} {length}" for name, length in list(lengths.items())[:6])
        raise FormatError("the arrays have several lengths", where=where, expected="one row in each", received=said)
    with parsing(where, "columns of one length with names of their own"):
        columns = [series for name, array in arrays.items() for series in series_of_array(name, array, where)]
        return pl.DataFrame(columns)


def _plain(name: str, array: np.ndarray, where: str) -> np.ndarray:
    """The array with cells that polars knows."""
    if array.dtype.kind not in "biufUSMmO":
        raise FormatError(
            f"'{name}' holds cells of the type {array.dtype}", where=where, expected="numbers, texts or dates"
        )
    if array.dtype.kind == "S":
        return np.char.decode(array, "utf-8", "replace")
    if array.dtype.kind == "f" and array.dtype.itemsize not in (4, 8):
        return array.astype(np.float32 if array.dtype.itemsize < 4 else np.float64)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _series(name: str, cells: np.ndarray) -> pl.Series:
    if cells.dtype.kind == "O":
        return series_of_objects(name, cells.tolist())
    return pl.Series(name, cells.tolist() if cells.dtype.kind == "U" else cells)


def series_of_objects(name: str, cells: list[object]) -> pl.Series:
    """A column from Python objects: numbers stay numbers when all are, everything else becomes text."""
    missing = [cell is None or (isinstance(cell, float) and math.isnan(cell)) for cell in cells]
    filled = [cell for cell, none in zip(cells, missing, strict=True) if not none]
    numbers = all(isinstance(cell, int | float | np.number) and not isinstance(cell, bool) for cell in filled)
    values = [None if none else cell if numbers else _text(cell) for cell, none in zip(cells, missing, strict=True)]
    if not numbers:
        return pl.Series(name, values, dtype=pl.String)
    whole = all(isinstance(cell, int | np.integer) for cell in filled)
    fits = whole and all(-(2**63) <= int(cell) < 2**63 for cell in filled)  # type: ignore[call-overload]
    return pl.Series(name, values, dtype=pl.Int64 if fits else pl.Float64, strict=False)


def _text(cell: object) -> str:
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)


def _channels_last(pictures: np.ndarray) -> np.ndarray:
    """Pictures as (B, H, W) or (B, H, W, C)."""
    if pictures.ndim == 3:
        return pictures
    if pictures.shape[3] not in (1, 3, 4) and pictures.shape[1] in (1, 3, 4):
        pictures = pictures.transpose(0, 2, 3, 1)
    return pictures[..., 0] if pictures.shape[3] == 1 else pictures


def _parts(arrays: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]] | None:
    """Arrays grouped by the ``_train`` or ``_test`` that all their names end in; None when they do not."""
    groups: dict[str, dict[str, np.ndarray]] = {}
    for name, array in arrays.items():
        found = re.fullmatch(r"(.+)_(train|test|val|valid|validation)", name)
        if found is None:
            return None
        groups.setdefault(_PART_NAMES[found[2]], {})[found[1]] = array
    return groups if len(groups) > 1 else None


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str) -> np.ndarray:
    with parsing(where, "arrays written by numpy.savez"), archive.open(info) as file:
        return _array(file, info.file_size, f"{where}, {info.filename}")


def _array(file: IO[bytes], size: int, where: str) -> np.ndarray:
    """One array, its claimed shape held against the bytes that are there before memory is taken for it."""
    with parsing(where, "an array written by numpy"):
        version = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = header(file)
        if dtype.hasobject:
            raise FormatError(
                "an array of Python objects is not read, because it could run code",
                where=where,
                next_step="Save numbers or texts of a fixed width.",
            )
        count = math.prod(shape)
        if min(shape, default=0) < 0 or count * dtype.itemsize > size:
            raise FormatError("the array is cut off", where=where, expected=f"{dtype} {shape}")
        data = file.read(count * dtype.itemsize)
        return np.frombuffer(data, dtype=dtype, count=count).reshape(shape, order="F" if fortran else "C")
