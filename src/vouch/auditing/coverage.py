"""What prediction sets are worth: how far their coverage stays behind what they state."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from vouch.contracts.bundle import Conformal
from vouch.statistics.conformal import BY_CLASS, covered
from vouch.statistics.intervals import Floats
from vouch.tasks.metrics import Array, MetricSpec

SHORTFALL = "coverage_shortfall"
_Z = 1.96
_SMALLEST = 1e-12


def coverage_shortfall(conformal: Conformal) -> MetricSpec:
    """How much less often than stated sets hold the truth, beyond what chance makes of so few rows.

    Sets promise to hold the truth at least so often, and those with a limit for each class promise it of each class:
    the figure is then the mean over the classes. Covering more breaks no promise, and counts as nothing.

    Args:
        conformal: the sets that make the promise.

    Returns:
        A metric of how far each row's truth was held (n,), from 0 to 1, beside the truth.

    Example:
        >>> spec = coverage_shortfall(Conformal("absolute_residual", 0.9, (1.0,), 50))
        >>> held = np.arange(1000) % 10 < 8
        >>> round(float(spec.function(np.zeros(1000), held, np.ones((1, 1000)))[0]), 3)
        0.081
    """

    def shortfall(truth: Array, holds: Array, weights: Array) -> Floats:
        inside = _promised_to(conformal, truth)
        n = inside.sum(axis=0)
        chance = _Z * np.sqrt(conformal.coverage * (1 - conformal.coverage) / n)
        counted = weights @ inside
        share = np.divide(weights @ (inside * holds[:, None]), counted, out=np.ones_like(counted), where=counted > 0)
        return np.maximum(conformal.coverage - chance - share, 0).mean(axis=1)

    return MetricSpec(SHORTFALL, shortfall, higher_is_better=False)


def _promised_to(conformal: Conformal, truth: Array) -> Floats:
    """The rows that each promise speaks of, as columns of zeros and ones (n, G): all of them, or each class."""
    if conformal.method != BY_CLASS:
        return np.ones((len(truth), 1))
    return (np.asarray(truth)[:, None] == np.unique(truth)).astype(np.float64)


def held(conformal: Conformal, decoded: Floats, truth: npt.NDArray[Any]) -> Floats:
    """Whether the set, or interval, of each row holds the truth, as zeros and ones (n,)."""
    return covered(conformal, decoded, truth).astype(np.float64)


def held_by_own_word(decoded: Floats, truth: npt.NDArray[Any], stated: float, spread: float) -> Floats:
    """How likely the set of each row holds the truth that follows from the network's own probabilities (n,).

    The sets are those that a reader would make without any remedy, such that they hold the truth exactly as often as
    stated if every probability comes true; for that the answer at the border is taken by lot, and counts by its chance.
    One class of K: the most probable classes, until they reach what is stated. Labels: all but the least probable, as
    many as may be left out when labels are independent. A number: the value with the spread of its training errors
    around it, as if these were normal.

    Args:
        decoded: probabilities (n, K), or values (n,).
        truth: class codes (n,), labels (n, K), or values (n,).
        stated: the coverage that is wanted.
        spread: root mean square error on the training rows; for values alone.

    Example:
        >>> held_by_own_word(np.array([[0.8, 0.2]]), np.array([1]), 0.9, 0.0).round(3).tolist()
        [0.5]
    """
    if decoded.ndim == 1:
        return (np.abs(truth - decoded) <= ndtri((1 + stated) / 2) * spread).astype(np.float64)
    if truth.ndim == 2:
        return _labels_held(decoded, truth, stated)
    order = np.argsort(-decoded, axis=1, kind="stable")
    ranked = np.take_along_axis(decoded, order, axis=1)
    before = np.cumsum(ranked, axis=1) - ranked
    chance = np.empty_like(decoded)
    np.put_along_axis(chance, order, np.clip((stated - before) / np.maximum(ranked, _SMALLEST), 0, 1), axis=1)
    known = truth >= 0
    return np.where(known, chance[np.arange(len(truth)), np.where(known, truth, 0)], 0.0)


def _labels_held(decoded: Floats, truth: npt.NDArray[Any], stated: float) -> Floats:
    """The chance that no true label is among the least probable ones, which are left out."""
    order = np.argsort(decoded, axis=1, kind="stable")
    ranked, true = np.take_along_axis(decoded, order, axis=1), np.take_along_axis(truth == 1, order, axis=1)
    start = np.ones((len(decoded), 1))
    # Of leaving out none, one, two, …: how likely all is held by the network's word, and whether it was (n, K + 1).
    likely = np.concatenate([start, np.cumprod(1 - ranked, axis=1)], axis=1)
    whole = np.concatenate([start, np.cumprod(~true, axis=1)], axis=1)
    last = (likely >= stated).sum(axis=1) - 1
    rows, further = np.arange(len(decoded)), np.minimum(last + 1, decoded.shape[1])
    near, far = likely[rows, last], likely[rows, further]
    lot = np.where(further > last, (near - stated) / np.maximum(near - far, _SMALLEST), 0.0)
    return np.asarray((1 - lot) * whole[rows, last] + lot * whole[rows, further], np.float64)
