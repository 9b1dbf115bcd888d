"""Cases whose network is a known law: what it says, and what is true, are drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

import vouch
from vouch.api.casing import LiveCase
from vouch.contracts.bundle import BundleValue
from vouch.contracts.case import Block, Lesson, Scored
from vouch.contracts.dataset import Dataset
from vouch.contracts.finding import Part, Threshold
from vouch.contracts.schema import Column
from vouch.contracts.split import Split
from vouch.tasks import Classification, Regression
from vouch.tasks.multilabel import Multilabel
from vouch.testing import case_for

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
T = TypeVar("T")
Learn = Callable[[Lesson, Rows], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What a network says of some rows, and what is true.

    Args:
        decoded: probabilities (n, K), or values (n,).
        truth: class codes (n,), labels (n, K), or values (n,).
    """

    decoded: Floats
    truth: npt.NDArray[Any]

    def __add__(self, other: Said) -> Said:
        """These rows, and then the others."""
        return Said(np.concatenate([self.decoded, other.decoded]), np.concatenate([self.truth, other.truth]))

    def rows(self, at: Rows) -> Said:
        """Some of the rows."""
        return Said(self.decoded[at], self.truth[at])


@dataclass(frozen=True, eq=False)
class PlantedCase:
    """A live case of which predictions are replaced by drawn ones.

    Args:
        live: a small network of the same task, with budget and thresholds.
        bundle: its bundle, with split, task and evidence as planted.
        said: what is said of every row.
        frame: columns that a check may ask for.
        folded: what was said out of fold of training and validation rows, and by which fold; the same when not given.
        vectors: before the head (B, D).
        learn: what a network that was trained anew says.
    """

    live: LiveCase
    bundle: BundleValue
    said: Said
    frame: pl.DataFrame
    folded: tuple[Said, Rows] | None = None
    vectors: Floats | None = None
    learn: Learn | None = None

    @property
    def dataset(self) -> Dataset:
        return replace(self.live.dataset, frame=self.frame, lines=None)

    @property
    def raw(self) -> Dataset:
        return self.dataset

    @property
    def split(self) -> Split:
        return self.bundle.split

    @property
    def groups(self) -> npt.NDArray[np.generic] | None:
        return None

    @property
    def budget(self) -> Any:
        return self.live.budget

    @property
    def blocks(self) -> tuple[Block, ...]:
        return ()

    @property
    def lesson(self) -> Lesson:
        return Lesson(self.bundle.recipe, self.bundle.schema, self.dataset, self.split.train, self.split.valid)

    def random(self, what: str) -> np.random.Generator:
        return self.live.random(what)

    @property
    def criterion(self) -> str:
        return ""

    def speaking(self, rows: Rows, decoded: Floats) -> PlantedCase:
        raise AssertionError(f"plants are not treated: {len(rows)}, {decoded.shape}")

    def once(self, name: str, make: Callable[[], T]) -> T:
        del name
        return make()

    def threshold(self, default: Threshold, check: str) -> Threshold:
        return self.live.threshold(default, check)

    def truth(self, rows: Rows) -> npt.NDArray[Any]:
        return self.said.truth[rows]

    def scored(self, part: Literal["train", "valid", "test"]) -> Scored:
        rows = getattr(self.split, part)
        return self._scored(rows, self.said.rows(rows), part, np.zeros(len(rows), np.int64))

    def out_of_fold(self) -> Scored:
        rows = np.sort(np.concatenate([self.split.train, self.split.valid]))
        said, fold = self.folded or (self.said.rows(rows), np.arange(len(rows)) % 2)
        return self._scored(rows, said, "out of fold", fold)

    def embeddings(self, rows: Rows, before: str = "head") -> Floats:
        del before
        assert self.vectors is not None, "this plant has no vectors"
        return self.vectors[rows]

    def retrain(self, lesson: Lesson, rows: Rows) -> Floats:
        assert self.learn is not None, "this plant does not train"
        return self.learn(lesson, rows)

    def attributions(self, lesson: Lesson, methods: Any, questions: Any) -> Any:
        raise AssertionError(f"this plant has no network: {len(lesson.train)}, {methods}, {questions}")

    def choosing(self, rows: Rows) -> PlantedCase:
        return replace(self, bundle=replace(self.bundle, split=replace(self.split, valid=rows)))

    def answered(self, bundle: BundleValue, rows: Rows) -> Floats:
        assert bundle.calibrator is None, "plants are not treated"
        return self.said.decoded[rows]

    def _scored(self, rows: Rows, said: Said, part: Part, fold: Rows) -> Scored:
        return Scored(rows, said.decoded, said.truth, self.bundle.task.losses(said.decoded, said.truth), part, fold)


def drawn(
    train: Said, valid: Said, test: Said, challenge: str, columns: Mapping[str, Any] | None = None
) -> PlantedCase:
    """A case with these training, validation and test rows, one part after the other.

    Args:
        train: what is said of training rows.
        valid: of validation rows.
        test: of sealed rows.
        challenge: that is to be asked.
        columns: sensitive columns (B,), if any.
    """
    said = train + valid + test
    ends = np.cumsum([len(part.decoded) for part in (train, valid, test)])
    learn, choose, seal = np.split(np.arange(ends[-1]), ends[:-1])
    live = skeleton(said.decoded.ndim == 1)
    if said.decoded.ndim == 1:
        task = Regression(float(said.truth.mean()), float(said.truth.std()), float(said.truth.min()), 1e9)
    else:
        names = tuple(f"class {k}" for k in range(said.decoded.shape[1]))
        task = Multilabel(names, ";") if said.truth.ndim == 2 else Classification(names)
    sensitive = tuple(columns or ())
    known = tuple(Column(name, "category", "feature", "planted") for name in sensitive)
    schema = replace(
        live.bundle.schema, columns=(*known, live.bundle.schema.target), task=task.name, sensitive=sensitive
    )  # fmt: skip
    bundle = replace(live.bundle, task=task, schema=schema, split=Split(learn, choose, seal, "stratified", "drawn"))
    frame = pl.DataFrame({"row": np.arange(ends[-1]), **(columns or {})})
    return PlantedCase(live.under(challenge), bundle, said, frame)


@lru_cache(maxsize=2)
def skeleton(quantity: bool) -> LiveCase:
    """The case of a small network, which lends its bundle, its budget and its generators."""
    x = np.linspace(-1, 1, 80)
    target = (x + 0.1 * np.sin(40 * x)).tolist() if quantity else ["no"] * 40 + ["yes"] * 40
    bundle = vouch.fit(
        {"x": x.tolist(), "target": target}, "target", settings={"epochs": 2}, fewest_rows=30, device="cpu"
    )
    # Its clock runs on through the whole bench.
    return case_for(bundle, 3.0, 1e6)
