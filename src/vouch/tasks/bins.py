"""Probabilities in bins of equal mass: how far each promise is from what happened, and how far chance moves it."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]

ECE_BINS = 15
# Smaller bins say too little of themselves to be held against what chance would make of them.
_ROWS_THAT_TELL = 10


def bin_gaps(promised: Floats, happened: npt.NDArray[np.bool_], weights: npt.NDArray[Any]) -> Floats:
    """Promised less happened in each of 15 bins, times the bin's share of the rows.

    Args:
        promised: probabilities (n,); equal ones share a bin.
        happened: whether each came true (n,).
        weights: how often each row counts (R, n).

    Returns:
        Signed gaps (R, 15).

    Example:
        >>> float(bin_gaps(np.full(4, 0.5), np.array([True, True, True, False]), np.ones((1, 4))).sum())
        -0.25
    """
    counted = np.asarray(weights, np.float64)
    inside = _bin_of(promised)[:, None] == np.arange(ECE_BINS)
    gaps, total = counted @ (inside * (promised - happened)[:, None]), counted.sum(axis=1, keepdims=True)
    return np.divide(gaps, total, out=np.full_like(gaps, np.nan), where=total != 0)


def chance_gaps(promised: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """The same gaps where every probability comes true, drawn anew (consistency resampling: Bröcker and Smith, 2007).

    Args:
        promised: probabilities (n,).
        draws: how many.
        rng: draws.

    Returns:
        Signed gaps (draws, 15); 0 in bins of fewer than ten rows.

    Example:
        >>> gaps = chance_gaps(np.full(150, 0.1), 1000, np.random.default_rng(0))
        >>> bool(abs(gaps.mean()) < 0.01), gaps.shape
        (True, (1000, 15))
    """
    code = _bin_of(promised)
    n, total = np.bincount(code, minlength=ECE_BINS), np.bincount(code, weights=promised, minlength=ECE_BINS)
    came = rng.binomial(n, np.clip(total / np.maximum(n, 1), 0, 1), size=(draws, ECE_BINS))
    return np.where(n >= _ROWS_THAT_TELL, total - came, 0.0) / len(promised)


def _bin_of(promised: Floats) -> npt.NDArray[np.int64]:
    """The bin of each row (n,): cut from the rows as given, equal probabilities in one bin."""
    rank = np.searchsorted(np.sort(promised), promised, side="left")
    return rank * ECE_BINS // len(promised)
