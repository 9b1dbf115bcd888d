"""A case that is made by hand: columns, a split, and predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from torch import Tensor

from vouch.contracts.case import Block, Case, Lesson, Scored
from vouch.contracts.dataset import Dataset
from vouch.contracts.finding import Threshold
from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Capabilities
from vouch.contracts.schema import Column, Schema
from vouch.contracts.split import Split
from vouch.tasks.classification import Classification
from vouch.tasks.regression import Regression

QUANTITY = Capabilities(continuous=True)
CHOICE = Capabilities(discrete=True)
WRITING = Capabilities(discrete=True, ordered=True)
PICTURE = Capabilities(continuous=True, spatial=True, bounded=True)


@dataclass(frozen=True)
class FakeBudget:
    """All the time in the world."""

    left: float = 1e9

    def fits(self, share: float) -> bool:
        return share < 1e9


@dataclass(frozen=True)
class FakeCase:
    """What the checks ask of a case, with nothing trained."""

    dataset: Dataset
    raw: Dataset
    split: Split
    blocks: tuple[Block, ...]
    bundle: Any
    vectors: npt.NDArray[np.float64]
    decoded: npt.NDArray[np.float64]
    groups: npt.NDArray[np.generic] | None = None
    budget: FakeBudget = FakeBudget()
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def lesson(self) -> Lesson:
        return Lesson(Recipe(), self.bundle.schema, self.dataset, self.split.train, self.split.valid)

    def random(self, what: str) -> np.random.Generator:
        return np.random.default_rng(sum(map(ord, what)))

    def threshold(self, default: Threshold, check: str) -> Threshold:
        warn, fail = self.limits.get(check, (default.warn, default.fail))
        return replace(default, warn=warn, fail=fail)

    def truth(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        return self.bundle.task.truth(self.dataset.frame[self.bundle.schema.target.name].gather(rows))

    def scored(self, part: str) -> Scored:
        rows = getattr(self.split, part)
        truth, decoded = self.truth(rows), self.decoded[rows]
        return Scored(rows, decoded, truth, self.bundle.task.losses(decoded, truth), part, np.zeros_like(rows))  # type: ignore[arg-type]

    def out_of_fold(self) -> Scored:
        rows = np.sort(np.concatenate([self.split.train, self.split.valid]))
        truth, decoded = self.truth(rows), self.decoded[rows]
        losses = self.bundle.task.losses(decoded, truth)
        return Scored(rows, decoded, truth, losses, "out of fold", np.zeros_like(rows))

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        del name
        return make()

    def embeddings(self, rows: npt.NDArray[np.int64], before: str = "head") -> npt.NDArray[np.float64]:
        del before
        return self.vectors[rows]


def split_of(n: int, seed: int = 0) -> Split:
    order = np.random.default_rng(seed).permutation(n)
    cuts = [int(0.65 * n), int(0.8 * n)]
    train, valid, test = (np.sort(part).astype(np.int64) for part in np.split(order, cuts))
    return Split(train, valid, test, "stratified", "drawn for a test")


def make_case(
    columns: Mapping[str, Sequence[Any] | npt.NDArray[Any] | pl.Series | Tensor],
    target: Sequence[Any] | npt.NDArray[Any],
    *,
    seed: int = 0,
    ignored: Mapping[str, Sequence[Any]] | None = None,
    decoded: npt.NDArray[np.float64] | None = None,
    root: Path | None = None,
) -> Case:
    """Columns by what they hold: numbers are quantities, tensors pictures, spaced strings writings, else choices."""
    series, blocks, schema = [], [], []
    for name, cells in columns.items():
        one, block = _column(name, cells)
        series.append(one)
        blocks.append(block)
        schema.append(block.columns[0])
    wanted = pl.Series("target", list(target))
    quantity = wanted.dtype.is_float()
    wanted = wanted if quantity else wanted.cast(pl.String)
    n = len(wanted)
    split = split_of(n, seed)
    task = Regression.fit(wanted) if quantity else Classification.fit(wanted)
    kept = pl.DataFrame([*series, wanted])
    names = tuple(Column(name, "identifier", "ignored", "names the row") for name in ignored or {})
    columns_told = (*schema, *names, Column("target", "", "target", "given"))
    raw = kept.with_columns(pl.Series(name, list(cells)) for name, cells in (ignored or {}).items())
    rng = np.random.default_rng(seed)
    if decoded is None:
        mean = float(np.mean(wanted.to_numpy())) if quantity else 0.0
        decoded = np.full(n, mean) if quantity else np.full((n, len(task.classes)), 1 / len(task.classes))
    bundle = SimpleNamespace(schema=Schema(columns_told, task.name, "given"), task=task, recipe=Recipe())
    lines = pl.Series(range(n))
    fake = FakeCase(
        Dataset(kept, "memory", lines=lines), Dataset(raw, "memory", root=root), split, tuple(blocks), bundle,
        rng.normal(size=(n, 8)), decoded,
    )  # fmt: skip
    return cast(Case, fake)


def _column(name: str, cells: Any) -> tuple[pl.Series, Block]:
    if isinstance(cells, Tensor):
        bytes_of = [one.numpy().tobytes() for one in cells]
        return pl.Series(name, bytes_of, dtype=pl.Binary), _block(name, PICTURE, cells)
    one = cells.alias(name) if isinstance(cells, pl.Series) else pl.Series(name, cells)
    if one.dtype.is_numeric() or one.dtype.is_temporal():
        values = torch.from_numpy(one.to_physical().cast(pl.Float64).fill_null(0.0).to_numpy().copy()).float()
        return one, _block(name, QUANTITY, values[:, None])
    spaced = float(one.drop_nulls().str.contains(" ").mean() or 0.0) > 0.5  # type: ignore[arg-type]
    return one, _block(name, WRITING if spaced else CHOICE, torch.zeros(len(one), 1))


def _block(name: str, like: Capabilities, encoded: Tensor) -> Block:
    return Block((Column(name, "", "feature", "given"),), like, encoded)
