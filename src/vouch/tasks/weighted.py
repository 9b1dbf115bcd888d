"""Sums, means, quantiles and ranks of weighted rows, for R weightings (R, n) at a time."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Array: TypeAlias = npt.NDArray[Any]


def mean(values: Array, weights: Array) -> Floats:
    """Weighted mean of values (n,) or (n, K): (R,) or (R, K); NaN where nothing counts."""
    return ratio(sums(values, weights), np.asarray(weights, np.float64).sum(axis=1))


def sums(values: Array, weights: Array) -> Floats:
    """Weighted sum of values (n,) or (n, K): (R,) or (R, K)."""
    return np.asarray(weights, np.float64) @ np.asarray(values, np.float64)


def ratio(above: Floats, below: Floats) -> Floats:
    """One over the other, NaN where the other is 0."""
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below != 0)


def quantile(values: Floats, share: float, weights: Array) -> Floats:
    """The smallest of the values (n,) that so large a share of the weight does not exceed (R,)."""
    order = np.argsort(values, kind="stable")
    upto = _cumulate(weights, order)[:, 1:]
    # The tolerance keeps 0.9 · 10 rows at the ninth row whatever the rounding.
    short = (upto < share * upto[:, -1:] * (1 - 1e-12)).sum(axis=1)
    return values[order][np.minimum(short, len(values) - 1)]


def ranked_above(score: Floats, actual: Bools, weights: Array) -> Floats:
    """Share of pairs (positive, negative) in which the positive scores higher, from cumulated negative weights."""
    positive, negative = np.flatnonzero(actual), np.flatnonzero(~actual)
    negative = negative[np.argsort(score[negative], kind="stable")]
    ladder = score[negative]
    below, upto = (np.searchsorted(ladder, score[positive], side=side) for side in ("left", "right"))
    before = _cumulate(weights, negative)
    mine = _take(weights, positive)
    pairs = np.einsum("rp,rp->r", mine, before[:, below] + before[:, upto]) / 2
    return ratio(pairs, mine.sum(axis=1) * before[:, -1])


def mean_precision(score: Floats, actual: Bools, weights: Array) -> Floats:
    """Mean over positives of the precision among all rows that score at least as high."""
    order = np.argsort(-score, kind="stable")
    positive = order[actual[order]]
    called = np.searchsorted(-score[order], -score[positive], side="right")
    found = np.searchsorted(-score[positive], -score[positive], side="right")
    all_called, all_found = _cumulate(weights, order)[:, called], _cumulate(weights, positive)
    mine = _take(weights, positive)
    # A positive of weight 0 may have nothing of any weight above it: its term is 0, not undefined.
    terms = mine * all_found[:, found] / np.where(all_called > 0, all_called, 1)
    return ratio(terms.sum(axis=1), all_found[:, -1])


def _take(weights: Array, rows: npt.NDArray[np.int64]) -> Floats:
    return np.take(np.asarray(weights, np.float64), rows, axis=1)


def _cumulate(weights: Array, rows: npt.NDArray[np.int64]) -> Floats:
    """Weights of the first 0, 1, 2, … of these rows together (R, len(rows) + 1)."""
    total = np.zeros((len(weights), len(rows) + 1))
    np.cumsum(_take(weights, rows), axis=1, out=total[:, 1:])
    return total
