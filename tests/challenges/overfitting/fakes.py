"""Cases without a network: predictions that are as good as the test wants them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, Literal, cast
from zlib import crc32

import numpy as np
import numpy.typing as npt

from vouch.contracts.bundle import Evidence
from vouch.contracts.case import Case, Lesson, Scored
from vouch.contracts.finding import Estimate, Part, Threshold
from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Capabilities
from vouch.contracts.split import Split
from vouch.statistics.compare import compare, main_metric
from vouch.statistics.evidence import Truth
from vouch.statistics.intervals import bootstrap
from vouch.tasks import Classification, Regression

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
TASK = Classification(("no", "yes"))
QUANTITY = Regression(0.0, 1.0, -9.0, 9.0)


@dataclass(frozen=True)
class Time:
    """A budget of so many trainings."""

    trainings: float = 1.0
    left: float = 100.0

    def fits(self, share: float) -> bool:
        return share <= self.trainings


@dataclass(frozen=True)
class Fake:
    """What a check asks of a case, filled by hand."""

    bundle: Any
    split: Split
    parts: Mapping[str, Scored]
    folds: Scored | None = None
    groups: npt.NDArray[np.generic] | None = None
    budget: Any = field(default_factory=Time)
    learn: Callable[[Lesson, Rows], Floats] | None = None
    answers: npt.NDArray[Any] = field(default_factory=lambda: np.zeros(0))
    blocks: tuple[Any, ...] = ()
    levels: Mapping[str, Threshold] = field(default_factory=dict)
    seed: int = 0

    @property
    def lesson(self) -> Lesson:
        return Lesson(self.bundle.recipe, cast(Any, None), cast(Any, None), self.split.train, self.split.valid)

    def random(self, what: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, crc32(what.encode())])

    def threshold(self, default: Threshold, check: str) -> Threshold:
        return self.levels.get(check, default)

    def scored(self, part: Literal["train", "valid", "test"]) -> Scored:
        return self.parts[part]

    def out_of_fold(self) -> Scored:
        assert self.folds is not None
        return self.folds

    def truth(self, rows: Rows) -> npt.NDArray[Any]:
        return self.answers[rows]

    def retrain(self, lesson: Lesson, rows: Rows) -> Floats:
        assert self.learn is not None
        return self.learn(lesson, rows)


def scored(part: Part, rows: Rows, decoded: Floats, truth: npt.NDArray[Any], fold: Rows | None = None) -> Scored:
    task = QUANTITY if decoded.ndim == 1 else TASK
    return Scored(
        rows, decoded, truth, task.losses(decoded, truth), part, np.zeros_like(rows) if fold is None else fold
    )


def answers(rng: np.random.Generator, n: int, skill: float) -> tuple[Floats, Rows]:
    """Probabilities of two classes (n, 2) with a ROC-AUC of ``skill``, calibrated, and the truth (n,)."""
    from scipy.special import expit, ndtri

    apart = np.sqrt(2) * float(ndtri(skill))
    truth = (rng.random(n) < 0.5).astype(np.int64)
    evidence = rng.normal(size=n) + apart * (truth - 0.5)
    positive = np.clip(expit(apart * evidence), 1e-6, 1 - 1e-6)
    return np.stack([1 - positive, positive], axis=1), truth


def values(rng: np.random.Generator, n: int, error: float) -> tuple[Floats, Floats]:
    """Predicted numbers (n,) with a root mean squared error of ``error``, and the truth (n,)."""
    truth = rng.normal(size=n)
    return truth + error * rng.normal(size=n), truth


def case(
    seed: int,
    sizes: tuple[int, int, int] = (600, 200, 300),
    skills: tuple[float, float, float] = (0.9, 0.9, 0.9),
    quantity: bool = False,
    recipe: Recipe | None = None,
) -> Fake:
    """A case whose network has these skills on training, validation and test rows: ROC-AUC, or RMSE."""
    rng = np.random.default_rng(seed)
    ends = np.cumsum((0, *sizes))
    numbers = [np.arange(a, b) for a, b in pairwise(ends.tolist())]
    make = values if quantity else answers
    found = [make(rng, size, skill) for size, skill in zip(sizes, skills, strict=True)]
    names: tuple[Literal["train", "valid", "test"], ...] = ("train", "valid", "test")
    parts = {name: scored(name, rows, *one) for name, rows, one in zip(names, numbers, found, strict=True)}
    split = Split(numbers[0], numbers[1], numbers[2], "stratified", "")
    recipe = recipe or Recipe(seed=seed)
    bundle = SimpleNamespace(
        task=QUANTITY if quantity else TASK,
        recipe=recipe,
        run=SimpleNamespace(history=()),
        evidence=Evidence((), {}, "No simple method could be fitted.", ()),
        schema=SimpleNamespace(target=SimpleNamespace(name="y"), task="regression" if quantity else "binary"),
    )
    return Fake(bundle, split, parts, answers=np.concatenate([one[1] for one in found]), seed=seed)


def with_history(fake: Fake, history: list[tuple[int, float, float, float]]) -> Fake:
    bundle = SimpleNamespace(**{**vars(fake.bundle), "run": SimpleNamespace(history=tuple(history))})
    return replace(fake, bundle=bundle)


def with_rival(fake: Fake, rival: Floats, name: str = "logistic_regression") -> Fake:
    """The case with a simple method that predicts this of the test rows."""
    test = fake.parts["test"]
    task = fake.bundle.task
    truth = Truth(task.name, task.classes, test.truth, unit="" if task.classes else "y")
    spec = main_metric(truth, rival)
    drawn = bootstrap(lambda weights: spec.function(truth.values, rival, weights), truth.rows, resamples=200)
    low, high = drawn.interval()
    figure = Estimate(spec.name, float(drawn.value[0]), float(low[0]), float(high[0]), truth.rows, truth.unit_of(spec))
    lead = compare(truth, test.decoded, rival)
    found = Evidence((), {name: (figure,)}, f"The network differs from {name} by {lead.value:.3f}.", (), name, lead)
    return replace(fake, bundle=SimpleNamespace(**{**vars(fake.bundle), "evidence": found}))


def as_case(fake: Fake) -> Case:
    return cast(Case, fake)


SPATIAL = SimpleNamespace(capabilities=Capabilities(continuous=True, spatial=True, bounded=True))
PLAIN = SimpleNamespace(capabilities=Capabilities(continuous=True))
CODES = SimpleNamespace(capabilities=Capabilities(discrete=True))
