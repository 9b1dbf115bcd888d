"""Delimited text (CSV, TSV and their kin) to raw columns: sniffed on a sample, parsed by polars."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from vouch.contracts.dataset import Note
from vouch.data.read.cells import kind_of_cells, proves_decimal_comma, tidy
from vouch.data.read.content import Content
from vouch.data.read.dialect import ABSENT, Dialect, Record, lines_outvote, records, sample_lines, sniff
from vouch.data.read.encoding import SAMPLE, as_utf8, decoded, legacy_encoding
from vouch.data.read.guard import PARSER_ERRORS
from vouch.data.read.header import Header, find_header
from vouch.data.read.shards import in_shards, is_sharded, parts_of_lines, rows_of_lines
from vouch.data.read.structure import check_rows, rows_of, surely_even
from vouch.data.read.wording import short, some
from vouch.data.shelf import Shelf, changed, filtered, pieces
from vouch.errors import EmptyDataError, FormatError, OutputError

# Above this size decimals of ordinary magnitude are kept in 32 bits, so that the table takes half the memory.
LARGE = 100_000_000
_RETRIES = 2
_TABBED = (".tsv", ".tab", ".tsv.gz", ".tab.gz")
_BLOCK = 1 << 24
_HEAD, _PIECE, _PIECES, _TAIL = 1 << 18, 1 << 14, 15, 1 << 10


@dataclass(frozen=True, slots=True)
class _Plan:
    """All that was found out about a file before it is parsed."""

    content: Content
    dialect: Dialect
    header: Header
    how: str
    notes: tuple[Note, ...]
    types: tuple[pl.DataType, ...] = ()
    comma: bool = False
    truncate: bool = False


def read_delimited(content: Content, columns: Sequence[str] | None = None) -> tuple[pl.DataFrame, list[Note]]:
    """Read delimited text.

    Args:
        content: the file.
        columns: names for the columns of a file that has no header.

    Returns:
        the raw columns (B rows), and how they were read.

    Raises:
        DataError: it is empty, ragged, damaged or no text, or a column name stands twice.
    """
    text, notes = as_utf8(content)
    try:
        return _read(text, columns, notes)
    except _NotUtf8:
        text, notes = decoded(content, legacy_encoding(_bytes_above_ascii(content)))
        return _read(text, columns, notes)


class _NotUtf8(Exception):
    """The sample was UTF-8, but a later byte is not."""


class _BadQuotes(Exception):
    """A quote stands where none may stand."""


def _read(content: Content, columns: Sequence[str] | None, notes: list[Note]) -> tuple[pl.DataFrame, list[Note]]:
    content = _with_line_feeds(content)
    _refuse_nul(content)
    plan = _plan(content, columns, None)
    try:
        _refuse_open_end(plan)
        frame, plan = _parse(plan)
        _refuse_lost_lines(frame, plan)
    except _BadQuotes:
        frame, plan = _parse(_plan(content, columns, replace(plan.dialect, quote=None)))
        texts = [series for series in frame if series.dtype == pl.String]
        frame = frame.with_columns(changed(series, _without_outer_quotes) for series in texts)
    frame, told = tidy(frame, numbers=True, comma=plan.comma)
    _refuse_short_rows(frame, plan)
    frame, dropped = _without_empty(frame, plan)
    sharded = [in_shards(frame.height)] if is_sharded(plan.content) else []
    return frame, [*notes, Note("read", plan.how), *sharded, *plan.notes, *told, *dropped]


def _plan(content: Content, columns: Sequence[str] | None, dialect: Dialect | None) -> _Plan:
    complete = content.size <= SAMPLE
    head = content.head(SAMPLE if complete else _HEAD)
    text = head.decode("utf-8-sig", "replace")
    dialect = dialect or sniff(text, complete, content.name.lower().endswith(_TABBED))
    rows = list(records(sample_lines(text, complete), dialect))
    header = find_header(rows, columns, content.name)
    sample = [row for row in rows if row.first > header.skip and any(row.cells)]
    if not sample and complete:
        raise no_rows(content.name)
    plan = _Plan(content, dialect, header, dialect.describe(), header.notes)
    plan = plan if dialect.standard else _rewritten(plan)
    return _typed(plan, sample if complete else sample + _spread(plan.content, plan.dialect, len(header.names)))


def _typed(plan: _Plan, sample: Sequence[Record]) -> _Plan:
    """The plan with the type of each column, as far as a sample of rows tells."""
    cells = [[row.cells[at] for row in sample if at < len(row.cells)] for at in range(len(plan.header.names))]
    comma = plan.dialect.delimiter != "," and any(proves_decimal_comma(cell) for column in cells for cell in column)
    padded = {at for row in sample for at, cell in enumerate(row.raw) if cell != row.cells[at]}
    types = tuple(pl.String() if at in padded else _type(column, plan.content.size) for at, column in enumerate(cells))
    how = f"{plan.how}, decimal comma" if comma else plan.how
    return replace(plan, types=types, comma=comma, how=how)


def _type(cells: Sequence[str], size: int) -> pl.DataType:
    """What polars is to parse a column as."""
    kind = kind_of_cells(cells)
    if kind == "integer":
        return pl.Int64()
    if kind != "decimal":
        return pl.String()
    sizes = (abs(float(cell)) for cell in cells if cell)
    small = size > LARGE and all(value == 0 or 1e-30 < value < 1e6 for value in sizes)
    return pl.Float32() if small else pl.Float64()


def _parse(plan: _Plan) -> tuple[pl.DataFrame, _Plan]:
    """Parse with the planned types; a column that turns out to hold other cells is read as text instead."""
    for attempt in range(_RETRIES + len(plan.types)):
        try:
            return _polars(plan), plan
        except OutputError:
            raise
        except PARSER_ERRORS as error:
            plan = _mended(plan, str(error), attempt)
    raise FormatError("the rows cannot be parsed", where=plan.content.name)


def _polars(plan: _Plan, lenient: bool = False) -> pl.DataFrame:
    if not is_sharded(plan.content):
        return _parsed(plan, plan.content.source, plan.header.skip, lenient)
    shelf = Shelf(rows_of_lines(plan.content), limit=0)
    # polars counts the cells of the first row: one that is short is refused there, and filled up below a whole one.
    whole = plan.dialect.delimiter.encode() * (len(plan.types) - 1)
    for number, part in enumerate(parts_of_lines(plan.content, plan.header.skip, plan.dialect.quote)):
        led = number > 0 and len(whole) > 0
        frame = _parsed(plan, whole + b"\n" + part if led else part, 0, lenient)
        shelf.put_rows(frame.slice(int(led)))
    return shelf.frame()


def _parsed(plan: _Plan, source: Path | bytes, skip: int, lenient: bool) -> pl.DataFrame:
    return pl.read_csv(
        source,
        has_header=False,
        skip_lines=skip,
        separator=plan.dialect.delimiter,
        quote_char=plan.dialect.quote,
        schema=dict(zip(plan.header.names, plan.types, strict=True)),
        truncate_ragged_lines=plan.truncate,
        extra_columns="ignore" if plan.truncate else "raise",
        glob=False,
        ignore_errors=lenient,
    )


def _mended(plan: _Plan, message: str, attempt: int) -> _Plan:
    """The next plan to try after polars refused this one.

    Raises:
        FormatError: there is none.
    """
    if "utf-8" in message.lower() or "utf8" in message.lower():
        raise _NotUtf8
    if ("more fields" in message or "not specified in schema" in message) and not plan.truncate:
        return _with_overlong_rows(plan)
    found = re.search(r"as dtype `(\w+)` at column .*\(column number (\d+)\)", message, re.DOTALL)
    if found and found[1] != "str":
        return _widened(plan, int(found[2]) - 1) if attempt < _RETRIES else replace(plan, types=_texts(plan))
    if found and plan.dialect.quote:
        _refuse_bad_quotes(plan)
    raise FormatError("the rows cannot be parsed", where=plan.content.name, received=short(message))


def _widened(plan: _Plan, refused: int) -> _Plan:
    """The same plan with every column as text in which some cell is no number: found in one pass, not one by one."""
    try:
        nulls = [series.null_count() > 0 for series in _polars(plan, lenient=True)]
    except OutputError:
        raise
    except PARSER_ERRORS:
        return replace(plan, types=_texts(plan))
    nulls[refused] = True
    types = zip(plan.types, nulls, strict=True)
    return replace(plan, types=tuple(pl.String() if null else dtype for dtype, null in types))


def _texts(plan: _Plan) -> tuple[pl.DataType, ...]:
    return (pl.String(),) * len(plan.types)


def _with_overlong_rows(plan: _Plan) -> _Plan:
    """The same plan with empty cells beyond the last column allowed, once all others are ruled out."""
    try:
        rows = check_rows(plan.content, plan.dialect, plan.header)
    except FormatError:
        if plan.dialect.quote and _fits_unquoted(plan):
            raise _BadQuotes from None
        raise
    text = f"empty cells beyond the last column were left out in {some(rows.overlong, 'row')}"
    return replace(plan, truncate=True, notes=(*plan.notes, Note("dropped", text, rows.overlong)))


def _fits_unquoted(plan: _Plan) -> bool:
    """Whether each line is a whole row when quotes are taken as text."""
    try:
        check_rows(plan.content, replace(plan.dialect, quote=None), plan.header)
    except FormatError:
        return False
    return True


def _refuse_bad_quotes(plan: _Plan) -> None:
    """Say on which line a quote does not fit, unless quotes are plain text in this file.

    Raises:
        FormatError: they are not.
    """
    if not _fits_unquoted(plan):
        check_rows(plan.content, plan.dialect, plan.header)
    raise _BadQuotes


def _refuse_open_end(plan: _Plan) -> None:
    """A quote alone on the last line that opens a cell and closes none: polars panics on it.

    Raises:
        FormatError: it does, and other quotes do mean something in this file.
    """
    tail = plan.content.part(max(plan.content.size - _TAIL, 0), _TAIL).rstrip()
    if plan.dialect.quote is None or tail.rpartition(b"\n")[2].strip() != plan.dialect.quote.encode():
        return
    try:
        check_rows(plan.content, plan.dialect, plan.header)
    except FormatError:
        _refuse_bad_quotes(plan)


def _refuse_lost_lines(frame: pl.DataFrame, plan: _Plan) -> None:
    """Notice a stray pair of quotes that swallowed the lines between them: every line is a row by itself."""
    if plan.dialect.quote is None or plan.dialect.delimiter == ABSENT:
        return
    texts = [series for series in frame if series.dtype == pl.String]
    cells = (piece for series in texts for piece in pieces(series))
    spanning = sum(int(piece.str.contains("\n", literal=True).sum() or 0) for piece in cells)
    if spanning and lines_outvote(plan.dialect.delimiter, frame.width, spanning) and _fits_unquoted(plan):
        raise _BadQuotes


def _refuse_short_rows(frame: pl.DataFrame, plan: _Plan) -> None:
    """Look for rows that end early where nulls in the last column allow for them: polars fills those in silence."""
    last = frame.to_series(plan.header.named - 1)
    if not last.null_count() or frame.width == 1:
        return
    if not plan.truncate and surely_even(plan.content, plan.dialect, plan.header, frame.height):
        return
    check_rows(plan.content, plan.dialect, plan.header)


def _without_empty(frame: pl.DataFrame, plan: _Plan) -> tuple[pl.DataFrame, list[Note]]:
    """Rows without any cell and nameless columns without any cell are dropped.

    Raises:
        EmptyDataError: nothing is left.
    """
    notes: list[Note] = []
    nameless = [name for name in plan.header.names[plan.header.named :] if frame[name].null_count() == len(frame)]
    if nameless:
        frame = frame.drop(nameless)
        notes.append(Note("dropped", f"left out {some(len(nameless), 'column')} without name and cells", len(nameless)))
    if all(series.null_count() for series in frame):
        filled = frame.select(~pl.all_horizontal(pl.all().is_null())).to_series()
        empty = len(frame) - int(filled.sum())
        if empty:
            frame = filtered(frame, filled)
            notes.append(Note("dropped", f"left out {some(empty, 'empty row')}", empty))
    if frame.is_empty():
        raise no_rows(plan.content.name)
    return frame, notes


def no_rows(where: str) -> EmptyDataError:
    """The error for a table that is only a header."""
    return EmptyDataError("there is a header but no row", where=where, next_step="Give a table with rows.")


def _without_outer_quotes(series: pl.Series) -> pl.Series:
    """Cells that are quoted as a whole, bare, in a file whose other quotes are plain text."""
    whole = series.str.contains(r'(?s)^".*"$') & (series.str.len_bytes() > 1)
    bare = series.str.slice(1, series.str.len_chars() - 2).str.replace_all('""', '"', literal=True)
    return pl.select(pl.when(whole).then(bare).otherwise(series).alias(series.name)).to_series()


def _rewritten(plan: _Plan) -> _Plan:
    """The same rows in the standard dialect, for those that polars does not read."""
    text = io.StringIO(newline="")
    width = len(plan.header.names)
    rows = rows_of(plan.content, plan.dialect, plan.header)
    csv.writer(text, lineterminator="\n").writerows(row[:width] + [""] * (width - len(row)) for row in rows)
    content = Content(plan.content.name, data=text.getvalue().encode())
    return replace(plan, content=content, dialect=Dialect(","), header=replace(plan.header, skip=0))


def _spread(content: Content, dialect: Dialect, width: int) -> list[Record]:
    """Rows from places all over a large file, so that types do not rest on its first rows alone."""
    found: list[Record] = []
    for part in range(1, _PIECES + 1):
        piece = content.part(content.size * part // (_PIECES + 1), _PIECE).decode("utf-8", "replace")
        lines = sample_lines(piece, complete=False)[1:]
        # A piece may begin within a quoted cell: only rows of the right width are believed.
        found += [row for row in records(lines, dialect) if len(row.cells) == width]
    return found


def _with_line_feeds(content: Content) -> Content:
    """Lines that end with carriage returns alone, as on old Macintoshes, end with line feeds."""
    head = content.head(SAMPLE)
    if b"\r" not in head or b"\n" in head:
        return content
    return Content(content.name, data=content.all().replace(b"\r\n", b"\n").replace(b"\r", b"\n"))


def _refuse_nul(content: Content) -> None:
    """NUL bytes belong into no text file.

    Raises:
        FormatError: there is one.
    """
    line = 1
    for block in content.blocks(_BLOCK):
        at = block.find(b"\0")
        line += block.count(b"\n", 0, at if at >= 0 else len(block))
        if at >= 0:
            raise FormatError(
                "the file holds NUL bytes, as no text does",
                where=f"{content.name}, line {line}",
                next_step="Write the file anew as UTF-8 text.",
            )


def _bytes_above_ascii(content: Content) -> bytes:
    """Up to 1 MB of the lines that are not plain ASCII."""
    kept: list[bytes] = []
    size = 0
    with content.open() as file:
        for line in file:
            if not line.isascii():
                kept.append(line)
                size += len(line)
            if size > SAMPLE:
                break
    return b"".join(kept)
