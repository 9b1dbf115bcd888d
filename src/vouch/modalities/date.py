"""Columns of dates and times, as calendar parts and elapsed time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl
import torch
from torch import Tensor, nn

from vouch.contracts.backbone import Inherited
from vouch.contracts.explaining import Parts
from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Capabilities, Encoder, RawColumn
from vouch.contracts.schema import Column, Option, Recognition
from vouch.nets.corrupt import add_noise, swap_cells
from vouch.nets.network import Flat
from vouch.nets.numbers import (
    CLIP,
    NumberScale,
    PiecewiseLinearEmbedding,
    fit_bins,
    fit_scale,
    joined_rows,
    kept_rows,
    scale_numbers,
    shared_places,
)

_DATES = ("%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d", "%d-%m-%Y", "%d %b %Y", "%d-%b-%Y", "%b %d, %Y")
_TIMES = ("", " %H:%M:%S", " %H:%M", "T%H:%M:%S", "T%H:%M:%S%.f", " %H:%M:%S%.f", "T%H:%M:%SZ", " %I:%M:%S %p")
_FORMATS = tuple(date + time for time in _TIMES for date in _DATES)
_PARTS = 8
_DAY = 24 * 3600.0


class Date:
    """Points in time."""

    kind: ClassVar[str] = "date"
    joint: ClassVar[bool] = True
    drops_unreadable: ClassVar[bool] = False
    capabilities: ClassVar[Capabilities] = Capabilities(continuous=True)
    augmentations: ClassVar[tuple[str, ...]] = ("column_noise", "column_swap")

    @property
    def encoder(self) -> type[DateEncoder]:
        """The class that ``fit`` returns."""
        return DateEncoder

    def recognise(self, column: RawColumn) -> Recognition | None:
        """Take temporal columns, and text columns of which nearly all cells follow one date format."""
        sample = column.sample
        if sample.dtype in (pl.Date, pl.Datetime):
            return Recognition(self.kind, 0.95, "dates")
        if sample.dtype != pl.String or not len(sample) or not sample.head(20).str.contains(r"\d").all():
            return None
        form, share = _best_format(sample)
        if share < 0.95:
            return None
        return Recognition(self.kind, 0.95 * share, f"{share:.0%} of the cells follow {form}", {"format": form})

    def receive(self, series: pl.Series, column: Column, root: Path | None) -> pl.Series:
        """Raw cells to date-times in microseconds; what does not follow the format becomes null."""
        del root
        if series.dtype == pl.String:
            series = _parse(series, str(column.options.get("format", _FORMATS[0])))
        return series.cast(pl.Datetime("us"), strict=False)

    def show(self, cell: object, column: Column) -> str:
        """Date, and time of day when there is one."""
        del column
        return "missing" if cell is None else str(cell).removesuffix(" 00:00:00")

    def fit(self, frame: pl.DataFrame, columns: Sequence[Column], recipe: Recipe, target: Tensor | None) -> DateEncoder:
        """Learn centre, scale and bin edges of each calendar part from training rows."""
        del recipe, target
        names = tuple(column.name for column in columns)
        parts = _calendar(frame, names)
        kept = tuple(i for i in range(parts.shape[1]) if parts[:, i].nan_to_num(nan=-1.0).unique().numel() > 1)
        parts = parts[:, kept or (0,)]
        scale = fit_scale(parts)
        return DateEncoder(names, kept or (0,), scale.centre, scale.spread, fit_bins(scale_numbers(parts, scale)))


@dataclass(frozen=True, slots=True, eq=False)
class DateEncoder:
    """Dates as numbers: elapsed days, year, month, day of month, day of week, day of year, hour, minute of day.

    Args:
        columns: the date columns.
        kept: which of the 8 N parts vary in the training rows (P of them).
        centre: median of each kept part (P,).
        spread: robust spread of each kept part (P,).
        edges: edges of the piecewise-linear bins (P, Q).
    """

    columns: tuple[str, ...]
    kept: tuple[int, ...]
    centre: Tensor
    spread: Tensor
    edges: Tensor

    def encode(self, frame: pl.DataFrame) -> Tensor:
        """Canonical dates to float32 (B, P); a missing date is NaN in all its parts."""
        return scale_numbers(_calendar(frame, self.columns)[:, self.kept], NumberScale(self.centre, self.spread))

    def embed(self, recipe: Recipe) -> nn.Module:
        """Piecewise-linear embedding of every part, flattened."""
        return Flat(PiecewiseLinearEmbedding(self.edges, recipe.number_embedding))

    def augment(self, batch: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
        """Noise on every part, and dates of other rows as a whole, where the recipe names them."""
        if "column_noise" in recipe.augment:
            batch = add_noise(batch, CLIP, generator)
        if "column_swap" in recipe.augment:
            owner = torch.tensor(self.kept, device=batch.device) // _PARTS
            batch = swap_cells(batch, owner, len(self.columns), generator)
        return batch

    @property
    def shaped_by(self) -> tuple[str, ...]:
        """The recipe keys that decide the shapes of the embedding."""
        return ("number_embedding",)

    def reading(self, options: Mapping[str, Option]) -> Mapping[str, Option]:
        """Each column keeps the format that it is written in."""
        return options

    @property
    def places(self) -> tuple[int, ...]:
        """The column that each calendar part is of."""
        return tuple(i // _PARTS for i in self.kept)

    def parts(self, row: Tensor) -> Parts:
        """Every date is a part, with all that the calendar says of it."""
        del row
        return Parts(torch.tensor(self.places), self.columns)

    def inherit(self, known: Encoder) -> Inherited | None:
        """Calendar parts of columns of known names keep their scale and their bins."""
        assert isinstance(known, DateEncoder)
        here, there = shared_places(self.calendar, known.calendar)
        if not len(here):
            return None
        centre, spread, edges = (
            joined_rows(getattr(self, name), getattr(known, name), here, there)
            for name in ("centre", "spread", "edges")
        )
        names = tuple(name for name in self.columns if name in known.columns)
        return Inherited(DateEncoder(self.columns, self.kept, centre, spread, edges), names, kept_rows(here, there))

    @property
    def calendar(self) -> tuple[tuple[str, int], ...]:
        """Column and number of each kept part (P)."""
        return tuple((self.columns[i // _PARTS], i % _PARTS) for i in self.kept)


def _calendar(frame: pl.DataFrame, names: Sequence[str]) -> Tensor:
    columns = []
    for name in names:
        moment = pl.col(name)
        part = moment.dt
        seconds = part.hour().cast(pl.Int32) * 3600 + part.minute().cast(pl.Int32) * 60 + part.second()
        columns += [
            part.epoch("s") / _DAY, part.year(), part.month(), part.day(), part.weekday(), part.ordinal_day(),
            part.hour(), seconds / 60,
        ]  # fmt: skip
    cast = [column.cast(pl.Float64).alias(str(i)) for i, column in enumerate(columns)]
    values = frame.select(cast).fill_null(float("nan")).to_numpy()
    assert values.shape[1] == _PARTS * len(names)
    return torch.from_numpy(values.copy())


def _best_format(sample: pl.Series) -> tuple[str, float]:
    """The format that most cells follow, and their share; earlier formats win ties."""
    head = sample.head(50)
    promising = [form for form in _FORMATS if _parse(head, form).null_count() <= len(head) * 0.2]
    best, fewest = _FORMATS[0], len(sample)
    for form in promising:
        unread = _parse(sample, form).null_count()
        if unread < fewest:
            best, fewest = form, unread
    return best, 1 - fewest / len(sample)


def _parse(series: pl.Series, form: str) -> pl.Series:
    """Text to date-times under one format; null where it does not follow."""
    if "%H" in form or "%I" in form:
        return series.str.to_datetime(form, strict=False, time_unit="us")
    return series.str.to_date(form, strict=False).cast(pl.Datetime("us"))
