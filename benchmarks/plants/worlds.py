"""Predictions whose law is known: calibrated ones, and ones that stray from the truth by so much."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import expit, softmax

from benchmarks.plants.drawn import Said
from vouch.tasks.metrics import ece

Rng = np.random.Generator
Floats = npt.NDArray[np.float64]
_MANY = 60_000


@dataclass(frozen=True, slots=True)
class Net:
    """A network over true logits: it multiplies them by ``sharp`` and adds ``shift`` to the last class.

    Args:
        classes: how many; labels of their own where ``labels``.
        sharp: above 1 it is too sure, below 1 too modest.
        shift: added to the last logit.
        spread: standard deviation of the true logits.
        labels: whether the classes do not exclude one another.
    """

    classes: int = 2
    sharp: float = 1.0
    shift: float = 0.0
    spread: float = 1.5
    labels: bool = False

    def say(self, rng: Rng, rows: int) -> Said:
        """Predictions of so many rows."""
        logits = rng.normal(size=(rows, self.classes)) * self.spread
        moved = self.sharp * logits
        moved[:, -1] += self.shift
        if self.labels:
            return Said(expit(moved), (rng.random(logits.shape) < expit(logits)).astype(np.int64))
        return Said(softmax(moved, axis=1), drawn_classes(rng, softmax(logits, axis=1)))


def drawn_classes(rng: Rng, chances: Floats) -> npt.NDArray[np.int64]:
    """A class for each row (n,) by its chances (n, K)."""
    return np.minimum((chances.cumsum(axis=1) < rng.random((len(chances), 1))).sum(axis=1), chances.shape[1] - 1)


@lru_cache(maxsize=200)
def miscalibrated(classes: int, labels: bool, error: float, modest: bool = False) -> Net:
    """The network whose expected calibration error is so large, by being too sure, or too modest."""

    def gap(log_sharp: float) -> float:
        net = Net(classes, np.exp(log_sharp), labels=labels, spread=2.5 if classes > 2 and not labels else 1.5)
        said = net.say(np.random.default_rng(0), _MANY)
        return float(ece(said.truth, said.decoded, np.ones((1, _MANY)))[0]) - error

    end = -2.5 if modest else 2.5
    found = brentq(gap, 0.0, end, xtol=0.01) if error else 0.0
    return Net(classes, float(np.exp(found)), labels=labels, spread=2.5 if classes > 2 and not labels else 1.5)


@lru_cache(maxsize=200)
def leaning(classes: int, labels: bool, gap: float) -> Net:
    """The network that promises the last class so much more often than it comes."""

    def lean(shift: float) -> float:
        said = Net(classes, shift=shift, labels=labels).say(np.random.default_rng(0), _MANY)
        actual = said.truth[:, -1] if labels else said.truth == classes - 1
        return float(said.decoded[:, -1].mean() - actual.mean()) - gap

    return Net(classes, shift=brentq(lean, 0.0, 6.0, xtol=0.01) if gap else 0.0, labels=labels)
