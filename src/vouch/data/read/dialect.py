"""How a text file separates its cells: delimiter and quoting, found on a sample."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from vouch.data.read.cells import is_number, proves_decimal_comma

# Cells may hold whole documents; the csv module's own limit is 128 kB.
csv.field_size_limit(2**31 - 1)

_DELIMITERS = (",", ";", "\t", "|", "^", "~", "\x01")
ABSENT = "\x1f"
_SAMPLE = 1 << 17
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar", ABSENT: "none", " ": "white space"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How lines become cells.

    Args:
        delimiter: one character between cells.
        quote: the character around cells that hold delimiters or line ends; None when quotes are plain text.
        spaced: quotes follow a space after the delimiter.
        escape: quotes within cells are written with a backslash before them rather than doubled.
        runs: cells are separated by runs of white space.
    """

    delimiter: str
    quote: str | None = '"'
    spaced: bool = False
    escape: bool = False
    runs: bool = False

    @property
    def standard(self) -> bool:
        """Whether polars reads it as it stands."""
        return not (self.spaced or self.escape or self.runs)

    def describe(self) -> str:
        """Half a sentence for the reader."""
        name = _NAMES.get(self.delimiter, repr(self.delimiter))
        said = "one cell a line" if self.delimiter == ABSENT else f"delimiter: {name}"
        said += ", quotes taken as text" if self.quote is None else ""
        return said + (", quotes escaped by a backslash" if self.escape else "")


@dataclass(frozen=True, slots=True)
class Record:
    """One row of cells and the lines it stands on.

    Args:
        raw: its texts as they stand.
        first: the line it begins on, counted from 1.
        last: the line it ends on.
        cells: its texts without surrounding white space.
    """

    raw: tuple[str, ...]
    first: int
    last: int
    cells: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cells", tuple(cell.strip() for cell in self.raw))


def records(lines: Iterable[str], dialect: Dialect, strict: bool = False) -> Iterator[Record]:
    """Rows out of lines, by the standard library's reader.

    Raises:
        csv.Error: the quotes do not fit, when strict.
    """
    return (Record(tuple(cells), first, last) for cells, first, last in raw_records(lines, dialect, strict))


def raw_records(lines: Iterable[str], dialect: Dialect, strict: bool = False) -> Iterator[tuple[list[str], int, int]]:
    """The same as bare cells, first line and last line: for whole files."""
    if dialect.runs:
        yield from ((line.split(), at, at) for at, line in enumerate(lines, 1))
        return
    reader = csv.reader(
        (line.replace("\r", "") for line in lines),
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or '"',
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        skipinitialspace=dialect.spaced,
        escapechar="\\" if dialect.escape else None,
        strict=strict,
    )
    done = 0
    for cells in reader:
        yield cells, done + 1, reader.line_num
        done = reader.line_num


def sniff(text: str, complete: bool, tabbed: bool = False) -> Dialect:
    """The dialect under which the rows of a sample are most alike.

    Args:
        text: the start of a file.
        complete: whether that is all of it.
        tabbed: whether the name of the file promises tabs.

    Example:
        >>> sniff("a;b\\n1,5;2\\n3,5;4\\n", complete=True).describe()
        'delimiter: semicolon'
    """
    lines = sample_lines(text[:_SAMPLE], complete and len(text) <= _SAMPLE)
    present = [delimiter for delimiter in _DELIMITERS if any(delimiter in line for line in lines)]
    scored = [(_score(lines, dialect), dialect) for dialect in _candidates(lines, present)]
    if tabbed:
        scored = [item for item in scored if item[1].delimiter == "\t"] or scored
    best = max(scored, key=lambda item: item[0], default=None)
    if best is not None and best[0].alike > 0.5:
        return _unquoted_if_lines_say_so(lines, best[1])
    if _in_columns(lines):
        return Dialect(" ", None, runs=True)
    first = next((line for line in lines if line.strip()), "")
    if best is None or not any(delimiter in first for delimiter in present):
        return Dialect(ABSENT)
    return best[1]


def sample_lines(text: str, complete: bool) -> list[str]:
    """The whole lines of a sample, with their ends."""
    lines = text.splitlines(keepends=True) if "\n" not in text else [line + "\n" for line in text.split("\n")]
    kept = lines if complete else lines[:-1] or lines
    return [line for line in kept if line.strip() or line.endswith("\n")]


@dataclass(frozen=True, slots=True, order=True)
class _Score:
    """How well a dialect fits: rows of one width first, then cells that hold no other delimiter, then width."""

    alike: float
    clean: float
    width: int


def _candidates(lines: list[str], present: list[str]) -> Iterator[Dialect]:
    text = "".join(lines)
    for delimiter in present:
        plain = Dialect(delimiter)
        yield plain
        if f'{delimiter} "' in text:
            yield replace(plain, spaced=True)
        if '\\"' in text:
            yield replace(plain, escape=True)
        if '"' in text:
            yield replace(plain, quote=None)


def _score(lines: list[str], dialect: Dialect) -> _Score:
    rows, sound = _rows(lines, dialect)
    filled = [row for row in rows if any(row.cells)]
    if not filled:
        return _Score(0.0, 0.0, 0)
    widths = Counter(len(row.cells) for row in filled)
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
    if width < 2:
        return _Score(0.0, 0.0, 1)
    cells = [cell for row in filled[:200] for cell in row.cells]
    foreign = sum(_foreign(cell, dialect.delimiter) for cell in cells) / len(cells)
    wrapped = sum(cell.startswith('"') for cell in cells) / len(cells) if dialect.quote is None else 0.0
    return _Score(round(sound * count / len(filled) * (1 - 0.3 * (wrapped > 0.2)), 3), round(1 - foreign, 3), width)


def _rows(lines: list[str], dialect: Dialect) -> tuple[list[Record], float]:
    """The rows of the sample up to a place where the quotes do not fit, and the share of lines before it."""
    rows: list[Record] = []
    try:
        for row in records(lines, dialect, strict=dialect.quote is not None):
            rows.append(row)
    except csv.Error as error:
        # A sample may end within a quoted cell; that says nothing against the dialect unless the cell is huge.
        read = rows[-1].last if rows else 0
        ended = "unexpected end" in str(error)
        return rows, 1.0 if ended and read > 0.8 * len(lines) else read / len(lines)
    return rows, 1.0


def _foreign(cell: str, delimiter: str) -> bool:
    """Whether a cell still holds another delimiter without being a number or a phrase."""
    if proves_decimal_comma(cell) or " " in cell:
        return False
    return any(other in cell for other in _DELIMITERS if other != delimiter)


def _unquoted_if_lines_say_so(lines: list[str], dialect: Dialect) -> Dialect:
    """Quotes are plain text when cells would span lines although each line is a whole row by itself."""
    if dialect.quote is None or not dialect.standard:
        return dialect
    rows, _ = _rows(lines, dialect)
    spanning = sum(row.first < row.last for row in rows)
    widths = {line.count(dialect.delimiter) for line in lines if line.strip()}
    even = spanning > 0 and len(widths) == 1
    outvoted = even and lines_outvote(dialect.delimiter, widths.pop() + 1, spanning)
    return replace(dialect, quote=None) if outvoted else dialect


def lines_outvote(delimiter: str, width: int, spanning: int) -> bool:
    """Whether lines of one width, each a row by itself, are too many for chance where quoted cells span lines.

    A comma within a text may by chance give both halves of one broken cell the right width; a tab seldom does, and
    many commas in many cells hardly ever.
    """
    return (width - 1) * spanning * (2 if delimiter == "\t" else 1) >= 2


def _in_columns(lines: list[str]) -> bool:
    """Whether white space separates the cells: at least three of them in each line, most of them numbers."""
    rows = [line.split() for line in lines if line.strip()]
    widths = Counter(map(len, rows))
    if not rows or widths.most_common(1)[0][1] < 0.95 * len(rows) or widths.most_common(1)[0][0] < 3:
        return False
    cells = [cell for row in rows[1:200] for cell in row]
    return bool(cells) and sum(map(is_number, cells)) > 0.5 * len(cells)
