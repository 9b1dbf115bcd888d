"""Columns of numbers, also those written for people: ``$1,200``, ``15 %``, ``1.234,50``, ``(300)``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
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

_DECORATION = r"[\s\u00a0\u202f_$€£¥₹%]|(?i:\b(?:usd|eur|gbp|chf|jpy)\b)"
_EXACT_IN_FLOAT32 = 2**24
_SENTINELS = frozenset({99.0, 999.0, 9999.0, 99999.0, 999999.0, 9998.0, 32767.0})


class Number:
    """Quantities on a scale."""

    kind: ClassVar[str] = "number"
    joint: ClassVar[bool] = True
    drops_unreadable: ClassVar[bool] = False
    capabilities: ClassVar[Capabilities] = Capabilities(continuous=True)
    augmentations: ClassVar[tuple[str, ...]] = ("column_noise", "column_swap")

    @property
    def encoder(self) -> type[NumberEncoder]:
        """The class that ``fit`` returns."""
        return NumberEncoder

    def recognise(self, column: RawColumn) -> Recognition | None:
        """Take numeric columns, and text columns of which nearly all cells can be read as numbers."""
        sample = column.sample
        if sample.dtype.is_numeric():
            sentinel = _sentinel(column.series)
            options = {"sentinel": sentinel} if sentinel is not None else {}
            told = f", {sentinel:g} read as missing because it stands apart" if sentinel is not None else ""
            return Recognition(self.kind, 0.8, "numeric cells" + told, options)
        if sample.dtype != pl.String or not len(sample):
            return None
        decimal = _decimal_mark(sample)
        parsed = _parse(sample, decimal)
        share = 1 - parsed.null_count() / len(parsed)
        if share < 0.95:
            return None
        return Recognition(self.kind, 0.85 * share, f"{share:.0%} of the cells read as numbers", {"decimal": decimal})

    def receive(self, series: pl.Series, column: Column, root: Path | None) -> pl.Series:
        """Raw cells to Float32, or Float64 where 24 bits would not hold them; infinities become null."""
        del root
        if series.dtype == pl.String:
            values = _parse(series, str(column.options.get("decimal", ".")))
        else:
            values = series.cast(pl.Float64, strict=False) if not series.dtype.is_float() else series
        sentinel = column.options.get("sentinel")
        if sentinel is not None:
            values = values.set(values == sentinel, None)
        if not values.is_finite().all():
            values = values.set(~values.is_finite().fill_null(True), None)
        largest = values.abs().max()
        narrow = largest is None or float(largest) <= _EXACT_IN_FLOAT32  # type: ignore[arg-type]
        return values.cast(pl.Float32) if narrow else values

    def show(self, cell: object, column: Column) -> str:
        """The number with six digits."""
        del column
        return "missing" if cell is None else f"{cell:.6g}"

    def fit(
        self, frame: pl.DataFrame, columns: Sequence[Column], recipe: Recipe, target: Tensor | None
    ) -> NumberEncoder:
        """Learn centre, scale and bin edges of each column from training rows."""
        del recipe, target
        names = tuple(column.name for column in columns)
        raw = _matrix(frame, names)
        scale = fit_scale(raw)
        return NumberEncoder(names, scale.centre, scale.spread, fit_bins(scale_numbers(raw, scale)))


@dataclass(frozen=True, slots=True, eq=False)
class NumberEncoder:
    """Numbers robustly scaled and smoothly clipped; a missing one stays NaN, for the net to represent.

    Args:
        columns: the columns, in the order of the last dimension.
        centre: median of each column (N,).
        spread: robust spread of each column (N,).
        edges: edges of the piecewise-linear bins (N, Q).
    """

    columns: tuple[str, ...]
    centre: Tensor
    spread: Tensor
    edges: Tensor

    def encode(self, frame: pl.DataFrame) -> Tensor:
        """Canonical numbers to float32 (B, N)."""
        out = torch.empty((frame.height, len(self.columns)), dtype=torch.float32)
        for i, name in enumerate(self.columns):
            cells = torch.from_numpy(_numbers(frame[name]))
            out[:, i] = scale_numbers(cells, NumberScale(self.centre[i], self.spread[i]))
        return out

    def embed(self, recipe: Recipe) -> nn.Module:
        """Piecewise-linear embedding of every number, flattened."""
        return Flat(PiecewiseLinearEmbedding(self.edges, recipe.number_embedding))

    def augment(self, batch: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
        """Noise, and numbers of other rows, where the recipe names them."""
        if "column_noise" in recipe.augment:
            batch = add_noise(batch, CLIP, generator)
        if "column_swap" in recipe.augment:
            columns = batch.shape[1]
            batch = swap_cells(batch, torch.arange(columns, device=batch.device), columns, generator)
        return batch

    @property
    def shaped_by(self) -> tuple[str, ...]:
        """The recipe keys that decide the shapes of the embedding."""
        return ("number_embedding",)

    def reading(self, options: Mapping[str, Option]) -> Mapping[str, Option]:
        """Numbers are read as they are."""
        return options

    @property
    def places(self) -> tuple[int, ...]:
        """Each part of the vector is of a column of its own."""
        return tuple(range(len(self.columns)))

    def parts(self, row: Tensor) -> Parts:
        """Every number is a part."""
        return Parts(torch.arange(len(row)), self.columns)

    def inherit(self, known: Encoder) -> Inherited | None:
        """Columns of known names keep their scale and their bins."""
        assert isinstance(known, NumberEncoder)
        here, there = shared_places(self.columns, known.columns)
        if not len(here):
            return None
        centre, spread, edges = (
            joined_rows(getattr(self, name), getattr(known, name), here, there)
            for name in ("centre", "spread", "edges")
        )
        names = tuple(self.columns[i] for i in here.tolist())
        return Inherited(NumberEncoder(self.columns, centre, spread, edges), names, kept_rows(here, there))


def _matrix(frame: pl.DataFrame, names: Sequence[str]) -> Tensor:
    return torch.stack([torch.from_numpy(_numbers(frame[name])).double() for name in names], dim=1)


def _numbers(series: pl.Series) -> np.ndarray:
    """Values with NaN for missing, in their own precision; writable, as torch wants it."""
    values = series.fill_null(float("nan")).to_numpy()
    return values if values.flags.writeable else values.copy()


def _sentinel(series: pl.Series) -> float | None:
    """A value such as -999 that stands for "missing": it repeats, and lies further out than all others are wide."""
    for value, others in ((series.min(), series > series.min()), (series.max(), series < series.max())):
        if value is None or abs(float(value)) not in _SENTINELS:  # type: ignore[arg-type]
            continue
        rest = series.filter(others)
        count = len(series) - series.null_count() - len(rest)
        if count < 2 or not len(rest):
            continue
        low, high = float(rest.min()), float(rest.max())  # type: ignore[arg-type]
        gap = min(abs(float(value) - low), abs(float(value) - high))  # type: ignore[arg-type]
        if gap > high - low:
            return float(value)  # type: ignore[arg-type]
    return None


def _decimal_mark(sample: pl.Series) -> str:
    """The decimal mark under which more cells can be read; a point when it does not matter."""
    with_point, with_comma = (_parse(sample, mark).null_count() for mark in ".,")
    return "," if with_comma < with_point else "."


def _parse(series: pl.Series, decimal: str) -> pl.Series:
    """Cells of text to Float64: currency and percent signs fall away, thousands are joined, brackets mean minus."""
    bare = series.str.replace_all(_DECORATION, "").str.replace(r"^\((.+)\)$", "-$1")
    thousands = r"^([+-]?\d{1,3})((?:,\d{3})+)(\.\d+)?$" if decimal == "." else r"^([+-]?\d{1,3})((?:\.\d{3})+)(,\d+)?$"
    joined = bare.str.replace_all("," if decimal == "." else ".", "", literal=True)
    plain = pl.select(pl.when(bare.str.contains(thousands)).then(joined).otherwise(bare)).to_series()
    if decimal == ",":
        plain = pl.select(pl.when(plain.str.contains(".", literal=True)).then(None).otherwise(plain)).to_series()
        plain = plain.str.replace(",", ".", literal=True)
    return plain.cast(pl.Float64, strict=False)
