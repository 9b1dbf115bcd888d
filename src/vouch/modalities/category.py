"""Columns of values out of a set: categories, booleans, codes."""

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
from vouch.nets.categories import MISSING, UNSEEN, CategoryEmbedding, NgramEmbedding, hash_ngrams
from vouch.nets.corrupt import swap_cells

FIRST = 2
_FEW = 30
_LONGEST = 60
_MANY = 40
_BUCKETS = 4096
_GRAMS = 32


class Category:
    """Values out of a set, without an order."""

    kind: ClassVar[str] = "category"
    joint: ClassVar[bool] = True
    drops_unreadable: ClassVar[bool] = False
    capabilities: ClassVar[Capabilities] = Capabilities(discrete=True)
    augmentations: ClassVar[tuple[str, ...]] = ("column_swap",)

    @property
    def encoder(self) -> type[CategoryEncoder]:
        """The class that ``fit`` returns."""
        return CategoryEncoder

    def recognise(self, column: RawColumn) -> Recognition | None:
        """Take booleans, columns with two values, and short texts that repeat."""
        sample, distinct = column.sample, column.distinct
        if sample.dtype == pl.Boolean or (distinct <= 2 and not sample.dtype.is_nested() and sample.dtype != pl.Binary):
            return Recognition(self.kind, 0.9, f"{distinct} values")
        if sample.dtype.is_numeric():
            return Recognition(self.kind, 0.1, f"{distinct} distinct numbers")
        if sample.dtype not in (pl.String, pl.Categorical, pl.Enum):
            return None
        text = sample.cast(pl.String)
        length = float(text.str.len_chars().quantile(0.9) or 0)
        repeats = 1 - distinct / max(len(sample), 1)
        if length > _LONGEST or (repeats < 0.2 and distinct > _FEW):
            return Recognition(self.kind, 0.2, f"{distinct} values, seldom repeated")
        return Recognition(self.kind, 0.7, f"{distinct} values in a sample of {len(sample)}")

    def receive(self, series: pl.Series, column: Column, root: Path | None) -> pl.Series:
        """Raw cells to text; whole numbers are written without a fraction, so that 1 and 1.0 are one value."""
        del column, root
        if series.dtype.is_float():
            whole = series.cast(pl.Int64, strict=False)
            same = bool((whole.cast(pl.Float64) == series.cast(pl.Float64)).all())
            series = whole if same else series
        return series.cast(pl.String)

    def show(self, cell: object, column: Column) -> str:
        """The value itself."""
        del column
        return "missing" if cell is None else str(cell)

    def fit(
        self, frame: pl.DataFrame, columns: Sequence[Column], recipe: Recipe, target: Tensor | None
    ) -> CategoryEncoder:
        """Learn the values of each column, most frequent first; ties in alphabetical order."""
        del recipe, target
        names = tuple(column.name for column in columns)
        found = [_values(frame[name]) for name in names]
        missing = [frame[name].null_count() for name in names]
        counts = [[0, none, *n] for none, (_, n) in zip(missing, found, strict=True)]
        flat = torch.tensor([n for column in counts for n in column], dtype=torch.int64)
        spelt = tuple(name for name, (values, _) in zip(names, found, strict=True) if len(values) > _MANY)
        return CategoryEncoder(names, tuple(values for values, _ in found), flat, spelt)


@dataclass(frozen=True, slots=True, eq=False)
class CategoryEncoder:
    """Values as codes: 0 was never seen in training, 1 is missing, the others follow.

    Columns with many values are also told by their spelling, as hashed n-grams, so that a value that is misspelt or was
    never seen still stands near those it looks like.

    Args:
        columns: the columns, in the order of the codes.
        values: the known values of each column; the first has code 2.
        counts: how many training rows hold each code, columns one after the other.
        spelt: the columns that are told by their spelling as well.
    """

    columns: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    counts: Tensor
    spelt: tuple[str, ...]

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """Codes of each column, unseen and missing included."""
        return tuple(len(values) + FIRST for values in self.values)

    def encode(self, frame: pl.DataFrame) -> Tensor:
        """Canonical values to int32: N codes, then the n-grams of each spelt column (B, N + G·S)."""
        codes = torch.empty((frame.height, len(self.columns)), dtype=torch.int32)
        for i, (name, values) in enumerate(zip(self.columns, self.values, strict=True)):
            numbers = pl.Series(range(FIRST, len(values) + FIRST), dtype=pl.Int32)
            known = frame[name].replace_strict(pl.Series(values, dtype=pl.String), numbers, default=UNSEEN)
            codes[:, i] = torch.from_numpy(known.set(frame[name].is_null(), MISSING).to_numpy().copy())
        grams = [hash_ngrams(frame[name].to_list(), _BUCKETS, _GRAMS).int() for name in self.spelt]
        return torch.cat([codes, *grams], dim=1)

    def embed(self, recipe: Recipe) -> nn.Module:
        """One table of vectors for all columns, and one of n-grams for the spelt ones."""
        table = CategoryEmbedding(self.cardinalities, recipe.category_embedding, self.counts)
        spelling = NgramEmbedding(len(self.spelt), _BUCKETS, 2 * recipe.category_embedding) if self.spelt else None
        return ValuesAndSpelling(table, spelling)

    def augment(self, batch: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
        """Values of other rows, each with its spelling, where the recipe names that."""
        if "column_swap" not in recipe.augment:
            return batch
        return swap_cells(batch, self._owner.to(batch.device), len(self.columns), generator)

    @property
    def shaped_by(self) -> tuple[str, ...]:
        """The recipe keys that decide the shapes of the embedding."""
        return ("category_embedding",)

    def reading(self, options: Mapping[str, Option]) -> Mapping[str, Option]:
        """Categories are read as they are."""
        return options

    @property
    def places(self) -> tuple[int, ...]:
        """Values first, then the spellings of some columns."""
        return (*range(len(self.columns)), *(self.columns.index(name) for name in self.spelt))

    def parts(self, row: Tensor) -> Parts:
        """Every value is a part, with its spelling."""
        del row
        return Parts(self._owner, self.columns)

    @property
    def _owner(self) -> Tensor:
        """The column that each number of an encoded row is of."""
        spelt = [self.columns.index(name) for name in self.spelt for _ in range(_GRAMS)]
        return torch.tensor([*range(len(self.columns)), *spelt])

    def inherit(self, known: Encoder) -> Inherited | None:
        """Columns of known names keep their known values, and new ones are added after them."""
        assert isinstance(known, CategoryEncoder)
        shared = [name for name in self.columns if name in known.columns]
        if not shared:
            return None
        values = [_joined(known.of(name), mine) for name, mine in zip(self.columns, self.values, strict=True)]
        spelt = tuple(name for name in self.columns if name in (known.spelt if name in shared else self.spelt))
        joined = CategoryEncoder(self.columns, tuple(values), self._counted(values), spelt)
        return Inherited(joined, tuple(shared), joined._rows_of(known, shared))

    def of(self, name: str) -> tuple[str, ...]:
        """The known values of a column; none where the column is not known."""
        return self.values[self.columns.index(name)] if name in self.columns else ()

    def starts(self, name: str) -> int:
        """Where the codes of a column begin among those of all columns."""
        return sum(self.cardinalities[: self.columns.index(name)])

    def _counted(self, values: Sequence[tuple[str, ...]]) -> Tensor:
        """The counts of this encoder's own codes, in the order of other lists of values."""
        counts, start = self.counts.tolist(), 0
        found: list[int] = []
        for mine, wanted in zip(self.values, values, strict=True):
            seen = dict(zip(mine, counts[start + FIRST : start + FIRST + len(mine)], strict=True))
            found += [*counts[start : start + FIRST], *(seen.get(value, 0) for value in wanted)]
            start += FIRST + len(mine)
        return torch.tensor(found, dtype=torch.int64)

    def _rows_of(self, known: CategoryEncoder, shared: Sequence[str]) -> dict[str, tuple[Tensor, Tensor]]:
        """Which vectors of values and of spellings are taken over from another encoder's."""
        pairs = [(self.starts(name), known.starts(name), FIRST + len(known.of(name))) for name in shared]
        rows = {"table.weight": _blocks(pairs)}
        spelt = [name for name in self.spelt if name in known.spelt and name in shared]
        tables = [(self.spelt.index(name) * _BUCKETS, known.spelt.index(name) * _BUCKETS, _BUCKETS) for name in spelt]
        return rows | ({"spelling.weight": _blocks(tables)} if tables else {})


class ValuesAndSpelling(nn.Module):
    """Vectors of values beside vectors of spellings, flattened.

    Args:
        table: embeds N codes.
        spelling: embeds the n-grams of S columns; none when no column is spelt.

    Example:
        >>> both = ValuesAndSpelling(CategoryEmbedding([4], features=2), NgramEmbedding(1, _BUCKETS, features=3))
        >>> both(torch.zeros(5, 1 + _GRAMS, dtype=torch.int32)).shape
        torch.Size([5, 5])
    """

    def __init__(self, table: CategoryEmbedding, spelling: NgramEmbedding | None) -> None:
        super().__init__()
        self.table, self.spelling = table, spelling
        self.sections = [table.features] * table.columns
        if spelling is not None:
            self.sections += [spelling.features] * spelling.columns
        self.features = sum(self.sections)

    def forward(self, x: Tensor) -> Tensor:
        """Codes and n-grams (B, N + G·S) to vectors (B, D)."""
        values = self.table(x[:, : self.table.columns]).flatten(1)
        if self.spelling is None:
            return values
        grams = x[:, self.table.columns :].unflatten(1, (self.spelling.columns, _GRAMS))
        return torch.cat([values, self.spelling(grams).flatten(1)], dim=1)


def _joined(known: tuple[str, ...], fresh: tuple[str, ...]) -> tuple[str, ...]:
    """Known values, then those that are new."""
    return (*known, *(value for value in fresh if value not in set(known)))


def _blocks(pairs: Sequence[tuple[int, int, int]]) -> tuple[Tensor, Tensor]:
    """Rows of several blocks, each given by where it starts here and there and by its length."""
    here, there = ([torch.arange(pair[k], pair[k] + pair[2]) for pair in pairs] for k in (0, 1))
    return torch.cat(here), torch.cat(there)


def _values(series: pl.Series) -> tuple[tuple[str, ...], list[int]]:
    counts = series.drop_nulls().value_counts(name="count").sort(["count", series.name], descending=[True, False])
    return tuple(counts[series.name].to_list()), counts["count"].to_list()
