"""Whether every row of a text file has the cells it should have; polars fills short rows in silence."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from vouch.data.read.content import Content
from vouch.data.read.dialect import Dialect, raw_records
from vouch.data.read.header import Header
from vouch.errors import FormatError

_BLOCK = 1 << 24


@dataclass(frozen=True, slots=True)
class Rows:
    """What was counted over all rows of a file.

    Args:
        count: rows, blank lines aside.
        overlong: rows with empty cells beyond the last column.
    """

    count: int
    overlong: int


@contextmanager
def lines_of(content: Content) -> Iterator[Iterator[str]]:
    """The lines of a UTF-8 file, one at a time."""
    with content.open() as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", errors="replace", newline="\n") as text:
        yield iter(text)


def rows_of(content: Content, dialect: Dialect, header: Header) -> Iterator[list[str]]:
    """Every row, its cells checked against the header: blank lines are left out, empty cells beyond the header cut.

    Raises:
        FormatError: a row has too few or too many cells, or its quotes do not fit.
    """
    ragged = _Ragged(content.name, header)
    with lines_of(content) as lines:
        try:
            for cells, first, last in raw_records(lines, dialect, strict=dialect.quote is not None):
                if last <= header.skip or not any(cell.strip() for cell in cells):
                    continue
                if ragged.fits(cells, first):
                    yield cells
        except csv.Error as error:
            raise FormatError(
                "a quote does not fit",
                where=f"{content.name}, after line {ragged.line}",
                received=str(error),
                next_step="Double the quotes within quoted cells, or close them.",
            ) from error
    ragged.refuse()


def check_rows(content: Content, dialect: Dialect, header: Header) -> Rows:
    """Count the rows of a file and refuse one that is ragged.

    Raises:
        FormatError: some row has too few or too many cells.
    """
    width = len(header.names)
    count = overlong = 0
    for cells in rows_of(content, dialect, header):
        count += 1
        overlong += len(cells) > width
    return Rows(count, overlong)


def surely_even(content: Content, dialect: Dialect, header: Header, rows: int) -> bool:
    """Whether no row is short, told by counting delimiters: fast, and False where it cannot tell.

    Args:
        content: a file of which no row is too long.
        dialect: its dialect.
        header: its header.
        rows: how many rows it has.
    """
    if dialect.quote and any(b'"' in block for block in content.blocks(_BLOCK)):
        return False
    start, mark = _after(content, header.skip), ord(dialect.delimiter)
    found = sum(int(np.count_nonzero(block == mark)) for block in _blocks(content, start))
    if found == rows * (len(header.names) - 1):
        return True
    return all(_enough(block, dialect.delimiter, header.named - 1) for block in _blocks(content, start))


def _after(content: Content, lines: int) -> int:
    """Where the text goes on after some lines."""
    with content.open() as file:
        for _ in range(lines):
            file.readline()
        return file.tell()


def _blocks(content: Content, start: int) -> Iterator[np.ndarray]:
    """The bytes from a position on, in blocks that end at line ends."""
    rest = b""
    for block in content.blocks(_BLOCK, start):
        rest += block
        if end := rest.rfind(b"\n") + 1:
            yield np.frombuffer(rest[:end], dtype=np.uint8)
            rest = rest[end:]
    if rest:
        yield np.frombuffer(rest, dtype=np.uint8)


def _enough(block: np.ndarray, delimiter: str, least: int) -> bool:
    """Whether each line of a block that is not blank has at least so many delimiters."""
    ends = np.flatnonzero(block == 10)
    if not ends.size or ends[-1] != block.size - 1:
        ends = np.append(ends, block.size - 1)
    counts = np.diff(np.cumsum(block == ord(delimiter), dtype=np.int32)[ends], prepend=0)
    lengths = np.diff(ends, prepend=-1)
    blank = (lengths == 1) | ((lengths == 2) & (block[np.maximum(ends - 1, 0)] == 13))
    return bool(((counts >= least) | blank).all())


class _Ragged:
    """Collects the rows that do not fit, for one message about all of them."""

    def __init__(self, where: str, header: Header) -> None:
        self.where, self.header = where, header
        self.first: tuple[int, int] | None = None
        self.count = self.line = self.rows = 0

    def fits(self, cells: list[str], line: int) -> bool:
        """Whether a row has its cells; one that has not is remembered."""
        self.line = line
        self.rows += 1
        width = len(self.header.names)
        good = self.header.named <= len(cells) and not any(cell.strip() for cell in cells[width:])
        if not good:
            self.count += 1
            self.first = self.first or (line, len(cells))
        return good

    def refuse(self) -> None:
        """Raise when there was one.

        Raises:
            FormatError: there was one.
        """
        if self.first is None:
            return
        line, cells = self.first
        raise FormatError(
            f"{self.count} of {self.rows} rows have another number of cells than the header",
            where=f"{self.where}, line {line}",
            expected=f"{len(self.header.names)} cells",
            received=f"{cells}",
            next_step="Mend the rows, or quote cells that hold the delimiter.",
        )
