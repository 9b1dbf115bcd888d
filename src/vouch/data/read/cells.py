"""Raw cells: which texts are plainly numbers, and white space that is not part of a cell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

import polars as pl

from vouch.contracts.dataset import Note
from vouch.data.read.wording import some
from vouch.data.shelf import Shelf, changed, pieces

Kind = Literal["empty", "integer", "decimal", "decimal comma", "text"]

# A leading zero or a plus sign would be lost in a number, as in "01099" and "+4930123": such a cell stays text.
_INTEGER = r"-?(?:0|[1-9][0-9]{0,17})"
_DECIMAL = (
    rf"{_INTEGER}|-?(?:(?:0|[1-9][0-9]*)\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|-?(?:0|[1-9][0-9]*)[eE][+-]?[0-9]+"
)
_NOT_FINITE = r"-?inf|-?Inf|-?infinity|-?Infinity|nan|NaN|-nan"
_COMMA = r"-?(?:0|[1-9][0-9]*)(?:,[0-9]+)?"
_INTEGER_CELL = re.compile(_INTEGER)
_DECIMAL_CELL = re.compile(_DECIMAL)
_NUMBER_CELL = re.compile(f"{_DECIMAL}|{_NOT_FINITE}")
_COMMA_CELL = re.compile(_COMMA)
_THOUSANDS = re.compile(r"-?[1-9][0-9]{0,2}(?:,[0-9]{3})+")
_SPACE = " \t\r\n\f\v\xa0\ufeff"


def kind_of_cells(cells: Iterable[str], comma: bool = False) -> Kind:
    """What all cells of a sample plainly are, empty ones aside.

    Args:
        cells: texts without surrounding white space.
        comma: whether ``1,5`` may be one and a half in this file.

    Example:
        >>> kind_of_cells(["1", "", "-20"]), kind_of_cells(["1", "2.5"]), kind_of_cells(["01099", "80331"])
        ('integer', 'decimal', 'text')
    """
    filled = [cell for cell in cells if cell]
    if not filled:
        return "empty"
    if all(map(_INTEGER_CELL.fullmatch, filled)):
        return "integer"
    if all(map(_NUMBER_CELL.fullmatch, filled)) and any(map(_DECIMAL_CELL.fullmatch, filled)):
        return "decimal"
    return "decimal comma" if comma and all(map(_COMMA_CELL.fullmatch, filled)) else "text"


def is_number(cell: str) -> bool:
    """Whether a cell is plainly a number.

    Example:
        >>> is_number("1e-3"), is_number("1,200")
        (True, False)
    """
    return _DECIMAL_CELL.fullmatch(cell) is not None


def proves_decimal_comma(cell: str) -> bool:
    """Whether a cell can only be read with a decimal comma: ``1,5`` can, ``1,500`` may mean thousands.

    Example:
        >>> proves_decimal_comma("1,5"), proves_decimal_comma("1,500")
        (True, False)
    """
    return "," in cell and _COMMA_CELL.fullmatch(cell) is not None and _THOUSANDS.fullmatch(cell) is None


def tidy(frame: pl.DataFrame, numbers: bool = False, comma: bool = False) -> tuple[pl.DataFrame, list[Note]]:
    """Texts without surrounding white space, empty ones as null.

    Args:
        frame: any columns (B rows); those that are no texts stay as they are.
        numbers: whether columns of texts become numbers when every cell plainly is one.
        comma: whether ``1,5`` may then be one and a half.
    """
    shelf = Shelf(frame.height)
    touched = cells = 0
    for series in frame:
        if series.dtype != pl.String:
            shelf.put(series.name, [series])
            continue
        clean, padded = _stripped(series)
        touched, cells = touched + bool(padded), cells + padded
        shelf.put(series.name, [_as_numbers(clean, comma) if numbers else clean])
    text = f"white space around {some(cells, 'cell')} in {some(touched, 'column')} was removed"
    return shelf.frame(), [Note("normalised", text, cells)] if cells else []


def _stripped(series: pl.Series) -> tuple[pl.Series, int]:
    """Texts without surrounding white space, empty ones as null, and how many cells had white space to lose."""
    padded = blank = 0
    for piece in pieces(series):
        bare = piece.str.strip_chars(_SPACE)
        padded, blank = padded + int((bare != piece).sum() or 0), blank + int((bare == "").sum() or 0)
    return (changed(series, _bare) if padded or blank else series), padded


def _bare(texts: pl.Series) -> pl.Series:
    bare = texts.str.strip_chars(_SPACE)
    return pl.select(pl.when(bare != "").then(bare).alias(texts.name)).to_series()


def _as_numbers(series: pl.Series, comma: bool = False) -> pl.Series:
    """A column of texts as numbers when every cell is plainly one, else as it is."""
    if series.null_count() == len(series):
        return series
    if _all(series, _INTEGER):
        return series.cast(pl.Int64)
    if _all(series, f"{_DECIMAL}|{_NOT_FINITE}"):
        return series.cast(pl.Float64) if series.str.contains("[0-9]").any() else series
    if comma and _all(series, _COMMA):
        return series.str.replace(",", ".", literal=True).cast(pl.Float64)
    return series


def _all(series: pl.Series, pattern: str) -> bool:
    """Whether every cell matches; the first thousand are asked before the rest."""
    whole = f"^(?:{pattern})$"
    return bool(series.head(1000).str.contains(whole).all()) and bool(series.str.contains(whole).all())
