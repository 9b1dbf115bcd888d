"""A case made of predictions alone, for checks that look at nothing else, and worlds whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import softmax

from vouch.contracts.case import Scored
from vouch.contracts.dataset import Dataset
from vouch.contracts.finding import Part, Threshold
from vouch.contracts.recipe import Recipe
from vouch.statistics.recalibration import recalibrate

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FakeBudget:
    left: float = 100.0

    def fits(self, share: float) -> bool:
        return share < self.left


@dataclass(frozen=True)
class FakeBundle:
    task: Any
    schema: Any
    calibrator: Any = None
    conformal: Any = None
    shifts: Any = None
    recipe: Recipe = field(default_factory=Recipe)


@dataclass(frozen=True)
class FakeCase:
    """Rows of three parts, one after the other: train, valid, test."""

    bundle: Any
    parts: dict[str, Scored]
    dataset: Dataset
    vectors: Floats = field(default_factory=lambda: np.zeros((0, 1)))
    before_trunk: Floats | None = None
    groups: npt.NDArray[np.generic] | None = None
    budget: FakeBudget = FakeBudget()
    raw: Any = None
    lesson: Any = None
    blocks: tuple[Any, ...] = ()
    criterion: str = ""

    @property
    def split(self) -> Any:
        return SimpleNamespace(**{name: part.rows for name, part in self.parts.items()})

    def random(self, what: str) -> np.random.Generator:
        return np.random.default_rng(sum(map(ord, what)))

    def threshold(self, default: Threshold, check: str) -> Threshold:
        assert check
        return default

    def scored(self, part: Part) -> Scored:
        return self.parts[part]

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        del name
        return make()

    def embeddings(self, rows: npt.NDArray[np.int64], before: str = "head") -> Floats:
        early = self.before_trunk if before == "trunk" else None
        return (self.vectors if early is None else early)[rows]

    def choosing(self, rows: npt.NDArray[np.int64]) -> FakeCase:
        kept = np.isin(self.parts["valid"].rows, rows)
        old = self.parts["valid"]
        return replace(
            self, parts={**self.parts, "valid": scored(Predictions(old.decoded[kept], old.truth[kept]), "valid", rows)}
        )

    def answered(self, bundle: Any, rows: npt.NDArray[np.int64]) -> Floats:
        said = np.concatenate([part.decoded for part in self.parts.values()])[rows]
        return said if bundle.calibrator is None else recalibrate(bundle.calibrator, said)

    def speaking(self, rows: npt.NDArray[np.int64], decoded: Floats) -> FakeCase:
        raise AssertionError(f"no check of calibration asks what else might be said: {len(rows)}, {decoded.shape}")

    def truth(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        every = np.concatenate([part.truth for part in self.parts.values()])
        return every[rows]

    def out_of_fold(self) -> Scored:
        raise AssertionError("no check of calibration needs another training")

    def retrain(self, lesson: Any, rows: npt.NDArray[np.int64]) -> Floats:
        raise AssertionError(f"no check of calibration needs another training: {lesson}, {len(rows)}")

    def attributions(self, lesson: Any, methods: Any, questions: Any) -> Any:
        raise AssertionError(f"no check of calibration needs explanations: {lesson}, {methods}, {questions}")


@dataclass(frozen=True)
class Predictions:
    """Probabilities, or values, of some rows and what is true."""

    decoded: Floats
    truth: npt.NDArray[Any]


def case_of(
    task: str,
    valid: Predictions,
    test: Predictions,
    vectors: Floats | None = None,
    sensitive: dict[str, list[Any]] | None = None,
) -> FakeCase:
    """A case with those validation and sealed rows, and ten training rows unless the vectors are of more."""
    several = len(valid.decoded) + len(test.decoded)
    learned = (len(vectors) - several) if vectors is not None else 10
    start = np.cumsum([0, learned, len(valid.decoded), len(test.decoded)])
    train = Predictions(
        np.zeros((learned, *valid.decoded.shape[1:])), np.zeros((learned, *valid.truth.shape[1:]), valid.truth.dtype)
    )
    parts = {
        name: scored(one, name, np.arange(start[i], start[i + 1]))
        for i, (name, one) in enumerate((("train", train), ("valid", valid), ("test", test)))
    }
    classes = () if task == "regression" else tuple(f"c{k}" for k in range(valid.decoded.shape[1]))
    frame = pl.DataFrame({"row": np.arange(start[3]), **(sensitive or {})})
    schema = SimpleNamespace(sensitive=tuple(sensitive or {}), features=())
    bundle = FakeBundle(SimpleNamespace(name=task, classes=classes), schema)
    return FakeCase(bundle, parts, Dataset(frame, "made"), vectors if vectors is not None else np.zeros((start[3], 1)))


def scored(one: Predictions, part: Any, rows: npt.NDArray[np.int64]) -> Scored:
    return Scored(rows, one.decoded, one.truth, np.zeros(len(rows)), part, np.zeros(len(rows), np.int64))


def with_bundle(case: FakeCase, bundle: Any) -> FakeCase:
    return replace(case, bundle=bundle)


# Worlds


@dataclass(frozen=True)
class Net:
    """A network whose true frequencies are known: it multiplies true logits by ``sharp`` and adds ``shift`` to them."""

    classes: int = 2
    sharp: float = 1.0
    shift: tuple[float, ...] = ()
    spread: float = 1.5


def predict(net: Net, rows: int, rng: np.random.Generator) -> Predictions:
    logits = rng.normal(size=(rows, net.classes)) * net.spread
    true = softmax(logits, axis=1)
    truth = np.minimum((true.cumsum(axis=1) < rng.random((rows, 1))).sum(axis=1), net.classes - 1)
    shift = np.array(net.shift) if net.shift else np.zeros(net.classes)
    return Predictions(softmax(logits * net.sharp + shift, axis=1), truth)


def predict_labels(labels: int, sharp: float, rows: int, rng: np.random.Generator) -> Predictions:
    logits = rng.normal(size=(rows, labels)) * 1.5 - 0.5
    truth = (rng.random((rows, labels)) < 1 / (1 + np.exp(-logits))).astype(np.int64)
    return Predictions(1 / (1 + np.exp(-sharp * logits)), truth)


def predict_numbers(rows: int, rng: np.random.Generator, bias: float = 0.0, grows: float = 1.0) -> Predictions:
    """Errors of standard deviation 1 at the lowest prediction and ``grows`` at the highest."""
    at = rng.random(rows)
    return Predictions(10 * at, 10 * at + bias + rng.normal(size=rows) * (1 + (grows - 1) * at))
