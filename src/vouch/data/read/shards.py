"""Files that are larger than memory, a part of their rows at a time, to columns on disk."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from vouch.contracts.dataset import Note
from vouch.data.read.content import Content
from vouch.data.read.guard import parsing
from vouch.data.read.plain import plain
from vouch.data.shelf import Shelf, columns, too_large
from vouch.errors import FormatError

_CELL = 8
_LONGEST_ROW = 1 << 30


def is_sharded(content: Content) -> bool:
    """Whether delimited text is so large that it is read in parts; text in memory is not."""
    return content.data is None and too_large(content.size)


def rows_of_lines(content: Content) -> int:
    """How many rows delimited text holds at most."""
    return 1 + sum(block.count(b"\n") for block in content.blocks(columns.PIECE_BYTES))


def parts_of_lines(content: Content, skip: int, quote: str | None) -> Iterator[bytes]:
    """The lines of delimited text from some line on, in parts that end with a row.

    A line ends a row where an even number of quotes stands before it, which is how the parser cuts rows as well. No
    part begins or ends with an empty line, for the parser takes those otherwise there than between rows.

    Args:
        content: the file.
        skip: lines to leave out.
        quote: the mark around cells, if there is one.

    Raises:
        FormatError: a row never ends.
    """
    mark, rest = (quote or "").encode(), b""
    for block in content.blocks(columns.PIECE_BYTES):
        rest += block
        while skip and (end := rest.find(b"\n") + 1):
            rest, skip = rest[end:], skip - 1
        if skip:
            continue
        if end := _last_row(rest, mark):
            yield rest[:end]
            rest = rest[end:]
        if len(rest) > _LONGEST_ROW:
            raise FormatError(
                "a row never ends", where=content.name, expected=f"rows of at most {_LONGEST_ROW >> 30} GiB",
                next_step="Close the quotes of its cells.",
            )  # fmt: skip
    if rest and not skip:
        yield rest


def sharded_table(scan: pl.LazyFrame, where: str, kind: str) -> tuple[pl.DataFrame, list[Note]] | None:
    """The plain columns of a table on disk that is too large for memory, some rows at a time; None for a smaller one.

    Args:
        scan: the table.
        where: its file, for messages.
        kind: what it should be, for messages.

    Returns:
        The table, and a note for each column that was changed.
    """
    with parsing(where, kind):
        rows, width = scan.select(pl.len()).collect().item(), len(scan.collect_schema())
    if not too_large(rows * width * _CELL):
        return None
    shelf, notes = Shelf(rows, limit=0), list[Note]()
    step = max(1, columns.PIECE_BYTES // (width * _CELL))
    for start in range(0, rows, step):
        with parsing(where, kind):
            part = scan.slice(start, step).collect()
        part, notes = plain(part, where)
        shelf.put_rows(part)
    return shelf.frame(), [*notes, in_shards(rows)]


def in_shards(rows: int) -> Note:
    """What is said of a table that was read in parts."""
    return Note(
        "read", f"{rows:,} rows are larger than memory may hold: read in shards and kept on disk meanwhile", rows
    )


def _last_row(text: bytes, mark: bytes) -> int:
    """Where the last row begins that may begin a part; 0 where there is none."""
    odd, below = text.count(mark) % 2 if mark else 0, len(text)
    while (at := text.rfind(b"\n", 0, below)) > 0:
        odd = (odd + text.count(mark, at, below)) % 2 if mark else 0
        below = at
        ends_in_text = text[at - 1 : at] != b"\n" and text[max(at - 2, 0) : at] != b"\n\r"
        if not odd and ends_in_text and text[at + 1 : at + 2] not in (b"\n", b"\r", b""):
            return at + 1
    return 0
