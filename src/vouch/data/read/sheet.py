"""Spreadsheets (Excel, OpenDocument): the first sheet that is not empty, read as a grid of texts."""

from __future__ import annotations

from collections.abc import Sequence

import fastexcel
import polars as pl

from vouch.contracts.dataset import Dataset, Note
from vouch.data.read.cells import tidy
from vouch.data.read.content import Content
from vouch.data.read.delimited import no_rows
from vouch.data.read.dialect import Record
from vouch.data.read.guard import parsing
from vouch.data.read.header import find_header
from vouch.data.read.wording import some
from vouch.errors import EmptyDataError

_SAMPLE = 1000


def read_sheet(content: Content, columns: Sequence[str] | None = None) -> Dataset:
    """Read a spreadsheet (xls, xlsx, xlsm, xlsb, ods).

    Args:
        content: the file.
        columns: names for the columns of a sheet that has no header.

    Raises:
        FormatError: it is damaged or encrypted.
        EmptyDataError: no sheet holds a row.
        ColumnError: a column name stands twice.
    """
    with parsing(content.name, "a spreadsheet"):
        book = fastexcel.read_excel(content.all())
        names = book.sheet_names
    for name in names:
        with parsing(f"{content.name}, sheet {name!r}", "a sheet of cells"):
            grid = book.load_sheet(name, header_row=None, dtypes="string").to_polars()
        if grid.height and grid.width:
            frame, notes = _table(grid, columns, f"{content.name}, sheet {name!r}")
            others = f"; {some(len(names) - 1, 'other sheet')} not read" if len(names) > 1 else ""
            return Dataset(frame, content.name, notes=(Note("read", f"sheet {name!r}{others}", len(names) - 1), *notes))
    raise EmptyDataError("no sheet holds a cell", where=content.name, next_step="Give a sheet with a header and rows.")


def _table(grid: pl.DataFrame, columns: Sequence[str] | None, where: str) -> tuple[pl.DataFrame, list[Note]]:
    """A table out of a grid whose header may stand below a title."""
    head = grid.head(_SAMPLE).fill_null("").rows()
    header = find_header([Record(row, at, at) for at, row in enumerate(head, 1)], columns, where)
    body = grid.slice(header.skip)
    body.columns = list(header.names)
    frame, told = tidy(body, numbers=True)
    notes = [*header.notes, *told]
    nameless = [name for name in header.names[header.named :] if frame[name].null_count() == len(frame)]
    filled = frame.drop(nameless).filter(~pl.all_horizontal(pl.all().is_null()))
    if len(filled) < len(frame):
        lost = len(frame) - len(filled)
        notes.append(Note("dropped", f"left out {some(lost, 'empty row')}", lost))
    if filled.is_empty():
        raise no_rows(where)
    return filled, notes
