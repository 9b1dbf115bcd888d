"""A case made of predictions alone, and groups that are treated as the test says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from vouch.contracts.case import Block, Lesson, Scored
from vouch.contracts.dataset import Dataset
from vouch.contracts.finding import Part, Threshold
from vouch.contracts.roles import Capabilities
from vouch.contracts.schema import Column, Schema

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
NUMBER, CATEGORY = Capabilities(continuous=True), Capabilities(discrete=True)


@dataclass(frozen=True)
class FakeBudget:
    left: float = 100.0

    def fits(self, share: float) -> bool:
        return share < self.left


@dataclass(frozen=True)
class FakeCase:
    """Rows that train, choose and are sealed, in this order."""

    bundle: Any
    dataset: Dataset
    decoded: Floats
    true: npt.NDArray[Any]
    ends: tuple[int, int]
    vectors: Floats
    groups: npt.NDArray[np.generic] | None = None
    budget: FakeBudget = field(default_factory=FakeBudget)

    @property
    def raw(self) -> Dataset:
        return self.dataset

    @property
    def split(self) -> Any:
        every = np.arange(len(self.true))
        return SimpleNamespace(train=every[: self.ends[0]], valid=every[slice(*self.ends)], test=every[self.ends[1] :])

    @property
    def lesson(self) -> Lesson:
        raise AssertionError("no check of fairness looks at the lesson")

    @property
    def blocks(self) -> tuple[Block, ...]:
        frame = self.dataset.frame
        able = {name: NUMBER if frame[name].dtype.is_numeric() else CATEGORY for name in frame.columns}
        features = [column for column in self.bundle.schema.columns if column.role == "feature"]
        return tuple(Block((column,), able[column.name], None) for column in features)  # type: ignore[arg-type]

    def random(self, what: str) -> np.random.Generator:
        return np.random.default_rng(sum(map(ord, what)))

    def threshold(self, default: Threshold, check: str) -> Threshold:
        assert check
        return default

    def scored(self, part: Part) -> Scored:
        rows = getattr(self.split, part)
        return Scored(
            rows, self.decoded[rows], self.true[rows], np.ones(len(rows)), part, np.zeros(len(rows), np.int64)
        )  # fmt: skip

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        del name
        return make()

    @property
    def criterion(self) -> str:
        return ""

    def speaking(self, rows: Rows, decoded: npt.NDArray[np.float64]) -> FakeCase:
        raise AssertionError(f"no check of fairness asks what else might be said: {len(rows)}, {decoded.shape}")

    def embeddings(self, rows: Rows, before: str = "head") -> Floats:
        assert before
        return self.vectors[rows]

    def truth(self, rows: Rows) -> npt.NDArray[Any]:
        return self.true[rows]

    def choosing(self, rows: Rows) -> FakeCase:
        raise AssertionError(f"no check of fairness chooses: {len(rows)}")

    def answered(self, bundle: Any, rows: Rows) -> Floats:
        raise AssertionError(f"no check of fairness asks {bundle} about {len(rows)} rows")

    def out_of_fold(self) -> Scored:
        raise AssertionError("no check of fairness needs another training")

    def retrain(self, lesson: Any, rows: Rows) -> Floats:
        raise AssertionError(f"no check of fairness needs another training: {lesson}, {len(rows)}")

    def attributions(self, lesson: Any, methods: Any, questions: Any) -> Any:
        raise AssertionError(f"no check of fairness needs explanations: {lesson}, {methods}, {questions}")


def case_of(
    task: str, decoded: Floats, truth: npt.NDArray[Any], columns: dict[str, Any], sensitive: tuple[str, ...] = (),
    early: int = 0,
) -> FakeCase:  # fmt: skip
    """A case of which the first rows train and choose, half each, and all others are sealed."""
    classes = () if task == "regression" else tuple(f"c{k}" for k in range(decoded.shape[1]))
    frame = pl.DataFrame({**columns, "target": np.zeros(len(decoded))})
    known = tuple(Column(name, "made", "feature", "made") for name in columns)
    schema = Schema((*known, Column("target", "made", "target", "made")), task, "made", sensitive)
    bundle = SimpleNamespace(
        task=SimpleNamespace(name=task, classes=classes), schema=schema, out_of_fold=None, network=SimpleNamespace()
    )
    vectors = np.random.default_rng(0).normal(size=(len(decoded), 4))
    return FakeCase(bundle, Dataset(frame, "made"), decoded, truth, (early // 2, early), vectors)


def grouped_together(case: FakeCase, groups: npt.NDArray[np.generic]) -> FakeCase:
    return replace(case, groups=groups)


def called(which: npt.NDArray[Any], classes: int = 2, sure: float = 0.8) -> Floats:
    """Probabilities of which that of the called class is the largest."""
    out = np.full((len(which), classes), (1 - sure) / (classes - 1))
    out[np.arange(len(which)), np.asarray(which).astype(np.int64)] = sure
    return out


def lots(rng: np.random.Generator, chance: Any, n: int) -> npt.NDArray[np.bool_]:
    """What happens with a chance."""
    return rng.random(n) < chance
