"""Do probabilities come true: the bins of a reliability diagram, and the parts of the Brier score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vouch.statistics.intervals import Floats, wilson

_BINS = 15
_FEWEST_ROWS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """Rows sorted by their probability and cut into bins of equal mass.

    Args:
        promised: mean probability of each bin (G,).
        happened: share that came true (G,).
        low: lower end of Wilson's 95 % interval of that share (G,).
        high: upper end (G,).
        n: rows (G,).
    """

    promised: Floats
    happened: Floats
    low: Floats
    high: Floats
    n: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BrierParts:
    """The Brier score as reliability - resolution + uncertainty + within.

    Args:
        reliability: mean squared gap between promised and happened; smaller is better.
        resolution: how far the bins' shares are from the overall share; larger is better.
        uncertainty: of the target itself.
        within: what probabilities that differ inside a bin add; 0 where they do not.
        brier: the score, the sum of the parts.
    """

    reliability: float
    resolution: float
    uncertainty: float
    within: float
    brier: float


def reliability_bins(promised: npt.ArrayLike, happened: npt.ArrayLike, bins: int = 10) -> Bins:
    """Probability and frequency in bins of equal mass, with bands.

    Rows of one probability stay in one bin, so that there may be fewer bins than asked for.

    Args:
        promised: probabilities (n,), n above 0.
        happened: whether it came true (n,).
        bins: how many at most.

    Returns:
        The bins, from low to high probability.

    Example:
        >>> found = reliability_bins([0.1, 0.2, 0.7, 0.8], [0, 0, 1, 1], bins=2)
        >>> found.promised.round(2).tolist(), found.happened.tolist()
        ([0.15, 0.75], [0.0, 1.0])
    """
    p, y = np.asarray(promised, np.float64), np.asarray(happened, np.float64)
    code, n = _binned(p, bins)
    true = np.bincount(code, weights=y)
    low, high = wilson(true, n)
    return Bins(np.bincount(code, weights=p) / n, true / n, low, high, n)


def brier_decomposition(promised: npt.ArrayLike, happened: npt.ArrayLike, bins: int = _BINS) -> BrierParts:
    """The parts of the Brier score (Murphy, 1973), freed of what chance adds to them (Ferro and Fricker, 2012).

    Bins make reliability and resolution look larger than they are; the same term is taken from both, and the rest
    from the uncertainty, so that the parts add up: brier = reliability - resolution + uncertainty + within.

    Args:
        promised: probabilities (n,), n above 1.
        happened: whether it came true (n,).
        bins: of equal mass, how many at most.

    Returns:
        The parts.

    Example:
        >>> parts = brier_decomposition(np.tile([0.25, 0.75], 40), np.tile([0, 0, 0, 1, 1, 1, 0, 1], 10))
        >>> round(parts.brier, 4) == round(parts.reliability - parts.resolution + parts.uncertainty + parts.within, 4)
        True
    """
    p, y = np.asarray(promised, np.float64), np.asarray(happened, np.float64)
    code, n = _binned(p, _enough(p, bins))
    total, share = len(p), n / len(p)
    mean, true, overall = np.bincount(code, weights=p) / n, np.bincount(code, weights=y) / n, float(y.mean())
    noise = float(share @ _noise(true, n))
    spare = overall * (1 - overall) / max(total - 1, 1)
    reliability = float(share @ np.square(mean - true)) - noise
    resolution = float(share @ np.square(true - overall)) - noise + spare
    brier, uncertainty = float(np.square(p - y).mean()), overall * (1 - overall) + spare
    return BrierParts(reliability, resolution, uncertainty, brier - reliability + resolution - uncertainty, brier)


def _enough(p: Floats, bins: int) -> int:
    return max(min(bins, len(p) // _FEWEST_ROWS), 1)


def _binned(p: Floats, bins: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The bin of each row (n,), numbered without gaps, and rows of each bin (G,)."""
    rank = np.searchsorted(np.sort(p), p, side="left")
    code = np.unique(rank * bins // len(p), return_inverse=True)[1].reshape(-1)
    return code, np.bincount(code)


def _noise(true: Floats, n: npt.NDArray[np.int64]) -> Floats:
    """Variance of each bin's share, without lean; of a bin of one row nothing is known, and none is taken off."""
    return np.where(n > 1, true * (1 - true) / np.maximum(n - 1, 1), 0)
