"""What prediction sets are worth: how far their coverage is from what they state, against the network's own word."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from vouch.contracts.bundle import Conformal
from vouch.statistics.conformal import covered
from vouch.statistics.intervals import Floats
from vouch.tasks.metrics import Array, MetricSpec


def coverage_error(stated: float) -> MetricSpec:
    """How far the share of rows whose set holds the truth is from the stated one; rows come as zeros and ones."""

    def error(truth: Array, holds: Array, weights: Array) -> Floats:
        del truth
        return np.abs(weights @ holds / weights.sum(axis=1) - stated)

    return MetricSpec("coverage_error", error, higher_is_better=False)


def held(conformal: Conformal, decoded: Floats, truth: npt.NDArray[Any]) -> Floats:
    """Whether the set, or interval, of each row holds the truth, as zeros and ones (n,)."""
    return covered(conformal, decoded, truth).astype(np.float64)


def held_by_own_word(decoded: Floats, truth: npt.NDArray[Any], stated: float, spread: float) -> Floats:
    """The same for sets that a reader would make without any remedy, by taking the network at its word.

    One class of K: the most probable classes, until their probabilities reach what is stated. Labels: those with a
    probability above one less what is stated. A number: the value with the spread of its training errors around it, as
    if these were normal.

    Args:
        decoded: probabilities (n, K), or values (n,).
        truth: class codes (n,), labels (n, K), or values (n,).
        stated: the coverage that is wanted.
        spread: root mean square error on the training rows; for values alone.
    """
    if decoded.ndim == 1:
        return (np.abs(truth - decoded) <= ndtri((1 + stated) / 2) * spread).astype(np.float64)
    if truth.ndim == 2:
        return (~(truth == 1) | (decoded > 1 - stated)).all(axis=1).astype(np.float64)
    order = np.argsort(-decoded, axis=1, kind="stable")
    before = np.cumsum(np.take_along_axis(decoded, order, axis=1), axis=1) - np.take_along_axis(decoded, order, axis=1)
    taken = np.zeros_like(decoded, dtype=bool)
    np.put_along_axis(taken, order, before < stated, axis=1)
    known = truth >= 0
    holds = taken[np.arange(len(truth)), np.where(known, truth, 0)] & known
    return holds.astype(np.float64)
