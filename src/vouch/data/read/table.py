"""Tables in files that know their own types: Parquet, Arrow, JSON lines."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence

import polars as pl

from vouch.contracts.dataset import Dataset, Note
from vouch.data.read.cells import tidy
from vouch.data.read.content import Content
from vouch.data.read.encoding import as_utf8
from vouch.data.read.guard import PARSER_ERRORS, parsing
from vouch.data.read.plain import plain
from vouch.data.read.shards import sharded_table
from vouch.data.read.wording import short
from vouch.errors import EmptyDataError, FormatError


def read_parquet(content: Content) -> Dataset:
    """Read a Parquet file."""
    if content.data is None:
        with parsing(content.name, "a Parquet file"):
            scan = pl.scan_parquet(content.source, glob=False)
        if sharded := sharded_table(scan, content.name, "a Parquet file"):
            return _trimmed(*sharded, content.name, "Parquet")
    with parsing(content.name, "a Parquet file"):
        frame = pl.read_parquet(content.source, glob=False)
    return dataset_of_frame(frame, content.name, "Parquet")


def read_arrow(content: Content) -> Dataset:
    """Read an Arrow (Feather) file."""
    if content.data is None:
        with parsing(content.name, "an Arrow file"):
            scan = pl.scan_ipc(content.source, glob=False)
        if sharded := sharded_table(scan, content.name, "an Arrow file"):
            return _trimmed(*sharded, content.name, "Arrow")
    with parsing(content.name, "an Arrow file"):
        frame = pl.read_ipc(content.source)
    return dataset_of_frame(frame, content.name, "Arrow")


def read_json_lines(content: Content) -> Dataset:
    """Read JSON lines, one object a line; a file that is one JSON list of objects is read too.

    Raises:
        FormatError: some line is no JSON object.
    """
    text, notes = as_utf8(content)
    data = text.all().removeprefix(b"\xef\xbb\xbf")
    if not data.strip():
        raise EmptyDataError("the file holds no rows", where=content.name, next_step="Give a file with rows.")
    if data.lstrip().startswith(b"["):
        with parsing(content.name, "a JSON list of objects"):
            frame = pl.read_json(data, infer_schema_length=None)
        return dataset_of_frame(frame, content.name, "a JSON list", notes)
    try:
        frame = pl.read_ndjson(data, infer_schema_length=None)
    except PARSER_ERRORS as error:
        frame = _frame_of_lines(data, content.name, str(error))
    return dataset_of_frame(frame, content.name, "JSON lines", notes)


def dataset_of_frame(frame: pl.DataFrame, source: str, kind: str, notes: list[Note] | None = None) -> Dataset:
    """A data set of plain columns from a frame, its texts without surrounding white space."""
    frame, told = plain(frame, source)
    return _trimmed(frame, told, source, kind, notes or [])


def _trimmed(frame: pl.DataFrame, told: list[Note], source: str, kind: str, before: Sequence[Note] = ()) -> Dataset:
    frame, trimmed = tidy(frame)
    return Dataset(frame, source, notes=(*before, Note("read", f"read from {kind}"), *told, *trimmed))


def _frame_of_lines(data: bytes, where: str, message: str) -> pl.DataFrame:
    """Rows that the fast parser refused: the first bad line is named; cells of mixed types become text.

    Raises:
        FormatError: some line is no JSON object.
    """
    rows: list[dict[str, object]] = []
    for number, line in enumerate(io.BytesIO(data), 1):
        if line.strip():
            rows.append(_row(line, f"{where}, line {number}"))
    names = list(dict.fromkeys(name for row in rows for name in row))
    with parsing(where, f"JSON objects of one make ({short(message, 60)})"):
        return pl.DataFrame([_column(name, [row.get(name) for row in rows]) for name in names])


def _row(line: bytes, where: str) -> dict[str, object]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = short(str(error), 80)
        raise FormatError("the line is no JSON", where=where, received=reason, next_step="Mend or drop it.") from error
    if not isinstance(row, dict):
        raise FormatError("the line is no JSON object", where=where, expected="an object", received=type(row).__name__)
    return row


def _column(name: str, cells: list[object]) -> pl.Series:
    """Cells of one type as they are; of several types as text."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds <= {int, float} and kinds:
        return pl.Series(name, cells, dtype=pl.Float64 if float in kinds else None, strict=False)
    if kinds <= {bool}:
        return pl.Series(name, cells, dtype=pl.Boolean)
    texts = [cell if cell is None or isinstance(cell, str) else json.dumps(cell) for cell in cells]
    return pl.Series(name, texts, dtype=pl.String)
