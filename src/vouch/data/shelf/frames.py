"""What is done to all rows of a table, done column by column and piece by piece where the table is large."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from vouch.data.shelf import columns
from vouch.data.shelf.columns import Shelf, size_of, too_large
from vouch.data.shelf.room import let_go


def is_large(frame: pl.DataFrame) -> bool:
    """Whether a second copy of a table would take more memory than a table may."""
    return too_large(size_of(frame))


def pieces(series: pl.Series) -> Iterator[pl.Series]:
    """A column in pieces of at most 32 MiB; a small one as it is.

    Example:
        >>> [len(piece) for piece in pieces(pl.Series([1, 2, 3]))]
        [3]
    """
    step = max(1, len(series) * columns.PIECE_BYTES // max(size_of(series), 1))
    if len(series) <= step:
        yield series
        return
    for start in range(0, len(series), step):
        yield series.slice(start, step)
        let_go()


def changed(series: pl.Series, change: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """A column after a change that treats each cell by itself."""
    shelf = Shelf(len(series))
    shelf.put(series.name, (change(piece) for piece in pieces(series)))
    return shelf.frame().to_series()


def filtered(frame: pl.DataFrame, keep: pl.Series) -> pl.DataFrame:
    """The rows for which a mask holds."""
    return frame.filter(keep) if not is_large(frame) else gathered(frame, np.flatnonzero(keep.to_numpy()))


def gathered(frame: pl.DataFrame, rows: npt.NDArray[np.int64]) -> pl.DataFrame:
    """Rows by their numbers (n,).

    Example:
        >>> gathered(pl.DataFrame({"a": [5, 6, 7]}), np.array([2, 0]))["a"].to_list()
        [7, 5]
    """
    if not is_large(frame):
        return frame[rows]
    shelf = Shelf(len(rows))
    step = max(1, frame.height * columns.PIECE_BYTES * frame.width // size_of(frame))
    for series in frame:
        parts = (rows[start : start + step] for start in range(0, max(len(rows), 1), step))
        shelf.put(series.name, (series.gather(part) for part in parts))
        let_go()
    return shelf.frame()


def stacked(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Tables below one another: columns that one of them lacks are null there, types give way to a common one.

    Example:
        >>> stacked([pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [0.5], "b": ["x"]})])["b"].to_list()
        [None, 'x']
    """
    if not too_large(sum(size_of(frame) for frame in frames)):
        return pl.concat(frames, how="diagonal_relaxed")
    shelf = Shelf(sum(frame.height for frame in frames))
    for name, dtype in pl.concat([frame.clear() for frame in frames], how="diagonal_relaxed").schema.items():
        for frame in frames:
            column = (
                frame[name] if name in frame.columns else pl.Series(name, [None], dtype).new_from_index(0, frame.height)
            )
            shelf.put(name, (piece.cast(dtype) for piece in pieces(column)))
    return shelf.frame()


def row_hashes(frame: pl.DataFrame) -> npt.NDArray[np.uint64]:
    """A number for each row (B,) that equal rows share; the same as ``frame.hash_rows(seed=0)``.

    Example:
        >>> int(len(np.unique(row_hashes(pl.DataFrame({"a": [1, 1, 2]})))))
        2
    """
    found = np.empty(frame.height, np.uint64)
    step = max(1, frame.height * columns.PIECE_BYTES // max(size_of(frame), 1))
    for start in range(0, frame.height, step):
        part = frame.slice(start, step).hash_rows(seed=0)
        found[start : start + len(part)] = part.to_numpy()
        let_go()
    return found
