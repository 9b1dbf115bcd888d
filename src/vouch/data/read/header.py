"""Whether the first row of a table names its columns, and what the columns are called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from vouch.contracts.dataset import Note
from vouch.data.read.cells import is_number, kind_of_cells
from vouch.data.read.dialect import Record
from vouch.data.read.wording import some
from vouch.errors import ColumnError, EmptyDataError, UsageError

_LEADING = 20
_MISSING = ("?", "na", "n/a", "nan", "null", "none", "-", ".")


@dataclass(frozen=True, slots=True)
class Header:
    """Names of the columns and where the rows begin.

    Args:
        names: one for each column.
        skip: how many lines stand before the first row of data.
        named: how many columns, from the left, a row must have: trailing nameless ones may be left out.
        notes: how it was found.
    """

    names: tuple[str, ...]
    skip: int
    named: int
    notes: tuple[Note, ...]


def find_header(rows: Sequence[Record], columns: Sequence[str] | None, where: str) -> Header:
    """Find the names of the columns.

    Args:
        rows: the first rows of the file.
        columns: the names that the user gave, for a file that has none.
        where: the file, for messages.

    Raises:
        EmptyDataError: there is no row at all.
        ColumnError: a name stands twice, or the names given are too few or too many.
    """
    start = _start(rows)
    if start is None:
        raise EmptyDataError("the file holds no rows", where=where, next_step="Give a file with rows.")
    notes = _skipped_note(rows, start)
    first, rest = rows[start], [row for row in rows[start + 1 :] if any(row.cells)]
    before = rows[start - 1].last if start else 0
    in_file = _votes_for_header(first, rest) if columns is None else _replaceable(first, rest, columns)
    skip = first.last if in_file else before
    if columns is not None:
        names = given_names(columns, len(first.cells), where)
        told = [Note("read", f"the header on line {first.first} was replaced by the names given")] if in_file else []
        return Header(names, skip, len(names), (*notes, *told))
    if in_file:
        names, named, told = header_names(first.cells, where, first.first)
        return Header(names, skip, named, (*notes, *told))
    width = len(first.cells)
    text = f"no header: the first row looks like data, so the columns are called x0 to x{width - 1}"
    return Header(tuple(f"x{i}" for i in range(width)), skip, width, (*notes, Note("guessed", text)))


def given_names(columns: Sequence[str], width: int, where: str) -> tuple[str, ...]:
    """The user's names, checked against the number of columns.

    Raises:
        UsageError: a name stands twice.
        ColumnError: too few or too many.
    """
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice:
        raise UsageError("a column name is given twice", received=repr(twice[0]), next_step="Give distinct names.")
    if len(columns) != width:
        raise ColumnError(
            "the names given do not fit the columns",
            where=where,
            expected=f"{width} names",
            received=f"{len(columns)}",
            next_step="Give one name for each column, in order.",
        )
    return tuple(columns)


def header_names(cells: Sequence[str], where: str, line: int) -> tuple[tuple[str, ...], int, list[Note]]:
    """Names out of header cells: nameless columns get one, doubled names are refused.

    Returns:
        the names, the number of columns up to the last one that has a name, and notes.

    Raises:
        ColumnError: a name stands twice.
    """
    names = [cell or f"column_{at}" for at, cell in enumerate(cells, 1)]
    for name, count in Counter(names).items():
        if count > 1:
            places = [str(at) for at, other in enumerate(names, 1) if other == name]
            raise ColumnError(
                f"{count} columns have the name {_short(name)}",
                where=f"{where}, line {line}, columns {', '.join(places[:4])}{' …' if len(places) > 4 else ''}",
                next_step="Give each column a name of its own.",
            )
    nameless = [at for at, cell in enumerate(cells, 1) if not cell]
    said = f"{some(len(nameless), 'column')} without a name, called by number, such as column_{(nameless or [0])[0]}"
    notes = [Note("guessed", said, len(nameless))] if nameless else []
    named = max((at for at, cell in enumerate(cells, 1) if cell), default=len(names))
    return tuple(names), named, notes


def _start(rows: Sequence[Record]) -> int | None:
    """The first row of the table proper: below blank lines, comments and a title."""
    start = next((at for at, row in enumerate(rows) if any(row.cells) and not _is_comment(rows, at)), None)
    if start is None:
        return None
    filled = Counter(sum(map(bool, row.cells)) for row in rows[start:] if any(row.cells))
    usual = filled.most_common(1)[0][0]
    if usual < 3:
        return start
    ahead = range(start, min(start + _LEADING, len(rows)))
    return next((at for at in ahead if sum(map(bool, rows[at].cells)) > max(1, usual // 3)), start)


def _is_comment(rows: Sequence[Record], at: int) -> bool:
    """Whether a row is a comment: it begins with "#" and is not just a header written that way."""
    cells = rows[at].cells
    if not cells[0].startswith("#"):
        return False
    below = next((row for row in rows[at + 1 :] if any(row.cells)), None)
    return below is None or len(cells) == 1 or len(below.cells) != len(cells)


def _skipped_note(rows: Sequence[Record], start: int) -> list[Note]:
    told = [row for row in rows[:start] if any(row.cells)]
    if not told:
        return []
    text = f"the table begins on line {rows[start].first}; {some(len(told), 'line')} above it left out"
    return [Note("skipped", text, len(told))]


def _replaceable(first: Record, rest: Sequence[Record], columns: Sequence[str]) -> bool:
    """Whether the first row is a header although the user gave names: certain evidence only."""
    if tuple(columns) == first.cells:
        return True
    header, data = _votes(first, rest)
    return header > 0 and data == 0


def _votes_for_header(first: Record, rest: Sequence[Record]) -> bool:
    """A header is assumed unless the first row looks like data."""
    if not rest:
        return not any(map(is_number, first.cells))
    header, data = _votes(first, rest)
    return header >= data


def _votes(first: Record, rest: Sequence[Record]) -> tuple[int, int]:
    """How many columns say that the first row is a header, and how many that it is data."""
    if _counts_up(first.cells):
        return 1, 0
    header, data = 0, int(all(cell.endswith((".", "!")) for cell in first.cells))
    for at, cell in enumerate(first.cells):
        below = [row.cells[at] for row in rest if at < len(row.cells) and row.cells[at]]
        if not cell or not below:
            continue
        numeric = kind_of_cells(below, comma=True) != "text"
        header += numeric and len(below) > 1 and not is_number(cell) and cell.lower() not in _MISSING
        data += _like(cell, below, numeric)
    return header, data


def _like(cell: str, below: Sequence[str], numeric: bool) -> bool:
    """Whether a cell of the first row is of the same making as those below it."""
    if numeric:
        return is_number(cell)
    if cell in below:
        return True
    shape = _shape(cell)
    return len(cell) >= 6 and "0" in shape and sum(_shape(other) == shape for other in below) > 0.5 * len(below)


def _shape(cell: str) -> str:
    """Digits as 0 and letters as a, so that dates and codes of one kind look alike."""
    return re.sub(r"[^\W\d_]", "a", re.sub(r"[0-9]", "0", cell))


def _counts_up(cells: Sequence[str]) -> bool:
    """Whether the numbers in a row count up by one: names that a program gave, or years."""
    numbers = [int(cell) for cell in cells if re.fullmatch(r"[0-9]{1,9}", cell)]
    steps = {b - a for a, b in pairwise(numbers)}
    return len(numbers) >= 3 and steps == {1} and len(numbers) >= len(cells) - 2


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")
