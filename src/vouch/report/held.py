"""The sealed rows as arrays: what is true, and what the network said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from vouch.contracts.bundle import BundleValue
from vouch.wording import clean

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Truth and prediction of the sealed rows (n) of a classification.

    Args:
        task: binary, multiclass or multilabel.
        classes: names of the classes (K), fit to be shown.
        actual: whether the row is of the class (n, K).
        chosen: whether the row was called that class (n, K).
        score: probability of the class (n, K).
    """

    task: str
    classes: tuple[str, ...]
    actual: Bools
    chosen: Bools
    score: Floats

    @property
    def rows(self) -> int:
        """How many rows there are (n)."""
        return len(self.score)

    @property
    def asked(self) -> npt.NDArray[np.int64]:
        """The classes that curves are drawn for: of two the second, else those that occur and are not everything."""
        if self.task == "binary":
            return np.array([1])
        inside = self.actual.sum(axis=0)
        return np.flatnonzero((inside > 0) & (inside < self.rows))


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """Truth and prediction of the sealed rows (n,) of a regression, in the unit of the target."""

    truth: Floats
    prediction: Floats


def held(bundle: BundleValue) -> Held | None:
    """The sealed rows of a classification; none for another task, or when there are none."""
    frame, classes = bundle.predictions, tuple(getattr(bundle.task, "classes", ()))
    columns = [f"probability[{name}]" for name in classes]
    if not classes or not frame.height or any(name not in frame.columns for name in columns):
        return None
    truth, score = bundle.task.truth(frame["truth"]), frame.select(columns).to_numpy()
    labels = truth.ndim == 2
    every = np.arange(len(classes))
    actual = truth == 1 if labels else truth[:, None] == every
    chosen = score >= 0.5 if labels else score.argmax(axis=1)[:, None] == every
    return Held(bundle.schema.task, _distinct(classes), actual, chosen, score)


def values(bundle: BundleValue) -> Values | None:
    """The sealed rows of a regression; none for another task, or when there are none."""
    frame = bundle.predictions
    if bundle.schema.task != "regression" or not frame.height:
        return None
    truth = np.asarray(bundle.task.truth(frame["truth"]), np.float64)
    return Values(truth, frame["prediction"].cast(float).to_numpy())


def _distinct(classes: tuple[str, ...]) -> tuple[str, ...]:
    """Names fit to be shown, which stay different when cutting them would make two the same."""
    short = [clean(name, 40) for name in classes]
    return tuple(f"{name} ({k + 1})" if short.count(name) > 1 else name for k, name in enumerate(short))


def thin(n: int, most: int) -> npt.NDArray[np.int64]:
    """At most ``most`` of n positions, evenly spread, the first and the last among them.

    Example:
        >>> thin(9, 3).tolist()
        [0, 4, 8]
    """
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64)) if n else np.zeros(0, np.int64)
