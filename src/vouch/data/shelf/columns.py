"""Columns put together piece by piece: in memory as long as they are small, else one after the other on disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from vouch.data.shelf.room import Room, is_mapped, let_go

# A table up to this size stays in memory; so does each piece of one that does not.
RESIDENT_BYTES = 256 * 2**20
PIECE_BYTES = 32 * 2**20
_VIEW = 16
_INLINE = 12
_NEWEST = pl.CompatLevel.newest()


def too_large(size: int) -> bool:
    """Whether a table of so many bytes is kept on disk."""
    return size > RESIDENT_BYTES


def size_of(values: pl.Series | pl.DataFrame) -> int:
    """Bytes that a column or a table takes, in memory or mapped."""
    return int(values.estimated_size())


@dataclass(slots=True)
class _Kept:
    """One column in the making.

    Args:
        name: of the column.
        pieces: those that are in memory, oldest first.
        bytes: how many the pieces in memory take.
        rows: how many are on disk.
        kind: the Arrow type of what is on disk.
        start: where in the room its values begin.
        heaps: the bytes of long texts: a place in the room and a size, or memory that is mapped already.
        known: the numbers of those that were mapped already, by address and size.
        missing: for each piece on disk with nulls its first row, its rows, and which of them are null, one bit each.
    """

    name: str
    pieces: list[pl.Series] = field(default_factory=list)
    bytes: int = 0
    rows: int = 0
    kind: pa.DataType | None = None
    start: int = 0
    heaps: list[tuple[int, int] | pa.Buffer] = field(default_factory=list)
    known: dict[tuple[int, int], int] = field(default_factory=dict)
    missing: list[tuple[int, int, npt.NDArray[np.uint8]]] = field(default_factory=list)


class Shelf:
    """Columns of one table, given piece by piece.

    As soon as those that are given take more memory than the limit, all of them move to an unnamed file, and the
    table that comes out is mapped from there: it is used like any other, and what it holds is the same.

    Args:
        rows: how many rows there are at most.
        limit: bytes up to which the columns stay in memory.

    Raises:
        OutputError: there is no room on disk.

    Example:
        >>> shelf = Shelf(rows=3, limit=0)
        >>> shelf.put("city", [pl.Series(["Bonn", None]), pl.Series(["Lyon"])])
        >>> shelf.frame()["city"].to_list(), shelf.on_disk
        (['Bonn', None, 'Lyon'], True)
    """

    def __init__(self, rows: int, limit: int | None = None) -> None:
        self.rows = rows
        self.limit = RESIDENT_BYTES if limit is None else limit
        self._columns: dict[str, _Kept] = {}
        self._room: Room | None = None
        self._held = 0

    @property
    def on_disk(self) -> bool:
        """Whether the columns were too large for memory."""
        return self._room is not None

    def put(self, name: str, pieces: Iterable[pl.Series]) -> None:
        """Add a whole column, or more rows of one that is there, in pieces of one type."""
        for piece in pieces:
            self._add(self._columns.setdefault(name, _Kept(name)), piece)

    def put_rows(self, frame: pl.DataFrame) -> None:
        """Add some rows of all columns."""
        for series in frame:
            self.put(series.name, [series])

    def frame(self) -> pl.DataFrame:
        """All columns, in the order in which they were first given; each is one piece of memory."""
        mapped = None if self._room is None else pa.py_buffer(self._room.mapped())
        columns = [_whole(kept) if mapped is None or kept.pieces else _read(kept, mapped) for kept in self._all()]
        let_go()
        return pl.DataFrame(columns)

    def _all(self) -> Iterable[_Kept]:
        return self._columns.values()

    def _add(self, kept: _Kept, piece: pl.Series) -> None:
        if kept.kind is not None:
            self._write(kept, piece)
            return
        self._held += _held_more(kept, piece)
        if self._room is not None:
            self._move(kept)
        elif self._held > self.limit:
            self._room = Room()
            for one in self._all():
                self._move(one)

    def _move(self, kept: _Kept) -> None:
        """Bring a column to disk, unless it lies there already or is of a type that stays in memory."""
        if kept.bytes and _width(kept.pieces[0].dtype):
            pieces, kept.pieces, kept.bytes = kept.pieces, [], 0
            for piece in pieces:
                self._write(kept, piece)

    def _write(self, kept: _Kept, piece: pl.Series) -> None:
        assert self._room is not None
        found = piece.rechunk().to_arrow(compat_level=_NEWEST)
        if kept.kind is None:
            kept.kind = found.type
            kept.start = self._room.claim(self.rows * _width(piece.dtype))
        elif found.type != kept.kind:
            raise TypeError(f"a piece of '{kept.name}' is {found.type}, not {kept.kind}")
        if piece.null_count():
            kept.missing.append((kept.rows, len(piece), np.packbits(piece.is_null().to_numpy())))
        values = self._views(kept, found) if piece.dtype in (pl.String, pl.Binary) else _fixed(found)
        self._room.write(kept.start + kept.rows * _width(piece.dtype), values)
        kept.rows += len(piece)
        let_go()

    def _views(self, kept: _Kept, found: Any) -> npt.NDArray[np.int32]:
        """The views of texts (n, 4), which point to the bytes of long ones where those now are."""
        assert self._room is not None
        views, heaps = _views_of(found)
        if sum(heap.size for heap in heaps if not is_mapped(heap.address)) > 2 * _needed(views) + PIECE_BYTES // 8:
            views, heaps = _views_of(_compact(found))
        moved, long = views.copy(), views[:, 0] > _INLINE
        moved[long, 2] = np.array([self._heap(kept, heap) for heap in heaps], np.int32)[views[long, 2]]
        return moved

    def _heap(self, kept: _Kept, heap: pa.Buffer) -> int:
        """The number under which a column knows the bytes of long texts; they are written unless they are mapped."""
        assert self._room is not None
        mapped = is_mapped(heap.address)
        if mapped and (heap.address, heap.size) in kept.known:
            return kept.known[heap.address, heap.size]
        kept.heaps.append(heap if mapped else (self._room.append(heap), heap.size))
        if mapped:
            kept.known[heap.address, heap.size] = len(kept.heaps) - 1
        return len(kept.heaps) - 1


def lies_mapped(series: pl.Series) -> bool:
    """Whether the values of a column lie in a mapped file already, in one piece."""
    if series.n_chunks() != 1 or not _width(series.dtype) or not len(series):
        return False
    return is_mapped(series.to_arrow(compat_level=_NEWEST).buffers()[1].address)


def _width(dtype: pl.DataType) -> int:
    """Bytes of one value on disk; 0 of a type that stays in memory."""
    if dtype in (pl.String, pl.Binary):
        return _VIEW
    kept = dtype.is_numeric() or dtype.is_temporal()
    return pl.Series([], dtype=dtype).to_arrow(compat_level=_NEWEST).type.bit_width // 8 if kept else 0


def _held_more(kept: _Kept, piece: pl.Series) -> int:
    """Keep one more piece in memory, and say how many bytes it takes; a whole column that is mapped takes none."""
    kept.pieces.append(piece)
    if len(kept.pieces) == 1 and lies_mapped(piece):
        return 0
    before, kept.bytes = kept.bytes, sum(map(size_of, kept.pieces)) if not kept.bytes else kept.bytes + size_of(piece)
    return kept.bytes - before


def _whole(kept: _Kept) -> pl.Series:
    """A column in one piece of memory; the pieces are given up, so that no two whole tables are ever held."""
    one = kept.pieces[0] if len(kept.pieces) == 1 else pl.concat(kept.pieces, rechunk=True)
    kept.pieces = [one.alias(kept.name)]
    return kept.pieces[0]


def _read(kept: _Kept, mapped: pa.Buffer) -> pl.Series:
    """A column out of the mapped room, without a copy."""
    assert kept.kind is not None
    is_text = kept.kind in (pa.string_view(), pa.binary_view())
    width = _VIEW if is_text else kept.kind.bit_width // 8
    heaps = [mapped.slice(*heap) if isinstance(heap, tuple) else heap for heap in kept.heaps]
    values = mapped.slice(kept.start, kept.rows * width)
    array = pa.Array.from_buffers(kept.kind, kept.rows, [_present(kept), values, *heaps])
    return pl.Series(kept.name, pl.from_arrow(array, rechunk=False))


def _present(kept: _Kept) -> pa.Buffer | None:
    """Which rows hold a value, as Arrow has it: one bit each."""
    if not kept.missing:
        return None
    present = np.ones(kept.rows, bool)
    for start, rows, missing in kept.missing:
        present[start : start + rows] = np.unpackbits(missing, count=rows) == 0
    return pa.py_buffer(np.packbits(present, bitorder="little"))


def _fixed(found: Any) -> npt.NDArray[np.uint8]:
    """The bytes of values of one width."""
    width = found.type.bit_width // 8
    return np.frombuffer(found.buffers()[1], np.uint8)[found.offset * width : (found.offset + len(found)) * width]


def _views_of(found: Any) -> tuple[npt.NDArray[np.int32], list[pa.Buffer]]:
    _, views, *heaps = found.buffers()
    return np.frombuffer(views, np.int32).reshape(-1, 4)[found.offset : found.offset + len(found)], heaps


def _needed(views: npt.NDArray[np.int32]) -> int:
    """Bytes of the texts that do not fit into their view."""
    lengths = views[:, 0].astype(np.int64)
    return int(lengths[lengths > _INLINE].sum())


def _compact(found: Any) -> Any:
    """The same texts without bytes that no view points to."""
    plain = pa.large_string() if found.type == pa.string_view() else pa.large_binary()
    return pl.Series(pl.from_arrow(found.cast(plain))).rechunk().to_arrow(compat_level=_NEWEST)
