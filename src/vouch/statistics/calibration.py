"""Do probabilities come true: calibration error without its lean, a test, the parts of the Brier score, the bins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from vouch.statistics.intervals import LEVEL, Floats, enough_resamples, wilson

_BINS = 15
_FEWEST_ROWS = 10
_CHUNK = 4_000_000
_SCALES = 200


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
class CalibrationError:
    """How far probabilities are from what comes true, and whether that may be chance.

    Args:
        value: debiased root mean squared gap over the bins; 0 where the gaps are no larger than chance makes them.
        low: lower end of its 95 % interval.
        high: upper end.
        plain: the mean absolute gap (ECE) as it is, which leans upwards.
        p_value: of the hypothesis that every probability comes true.
        n: rows.
        bins: of equal mass.
    """

    value: float
    low: float
    high: float
    plain: float
    p_value: float
    n: int
    bins: int


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


def calibration_error(
    promised: npt.ArrayLike, happened: npt.ArrayLike, *, bins: int = _BINS, seed: int = 0
) -> CalibrationError:
    """Calibration error without the lean that chance gives it, with its interval and a test of perfect calibration.

    The estimate is the debiased one of Kumar, Liang and Ma ("Verified Uncertainty Calibration", 2019) on bins of equal
    mass: over bins the mean of the squared gap less its own variance, weighted by rows, and the root of that; 0 where
    it is negative. The variance of a bin's gap is that of promised - happened over its rows, divided by rows. Squares
    can be freed of their lean, absolute gaps cannot. The truth that it estimates is the same root over the bins with
    endlessly many rows. There are at most 15 bins, and fewer than 10 rows in none.

    The interval asks of every error from 0 up whether it would give the estimate: the gaps are shrunk or stretched to
    it and outcomes are drawn anew. The p-value draws outcomes as promised (consistency resampling: Bröcker and Smith,
    "Increasing the Reliability of Reliability Diagrams", 2007). Both are for rows that are independent.

    Args:
        promised: probabilities (n,), n above 0.
        happened: whether it came true (n,).
        bins: how many at most.
        seed: fixes the draws.

    Returns:
        The error, its interval and the p-value.

    Example:
        >>> p = np.linspace(0.01, 0.99, 400)
        >>> found = calibration_error(p, np.random.default_rng(0).uniform(size=400) < p**2)
        >>> 0.1 < found.low < found.value < found.high < 0.25, found.p_value < 0.01
        (True, True)
    """
    p, y = np.asarray(promised, np.float64), np.asarray(happened, np.float64)
    code, n = _binned(p, _enough(p, bins))
    gap = np.bincount(code, weights=p - y) / n
    square, plain = (
        float(_debiased(gap, np.asarray(np.bincount(code, weights=np.square(p - y)), np.float64), n)),
        float(np.abs(gap) @ n / len(p)),
    )
    rng = np.random.default_rng(seed)
    chance = _debiased(*_drawn(p, p, code, n, rng), n)
    p_value = float(((chance >= square).sum() + 1) / (len(chance) + 1))
    low, high = _inverted(p, code, gap, square, rng)
    low = 0.0 if p_value > 1 - LEVEL else low
    return CalibrationError(float(np.sqrt(max(square, 0))), low, high, plain, p_value, len(p), len(n))


def spiegelhalter(promised: npt.ArrayLike, happened: npt.ArrayLike) -> tuple[float, float]:
    """Spiegelhalter's Z of the hypothesis that every probability comes true, and its two-sided p-value (1986).

    It compares the Brier score with what it would be on average. No bins are needed; it is blind to errors that leave
    the score as expected.

    Args:
        promised: probabilities (n,).
        happened: whether it came true (n,).

    Returns:
        Z, positive where the probabilities are too sure of themselves, and the p-value.

    Example:
        >>> z, p_value = spiegelhalter([0.9] * 50, [1] * 30 + [0] * 20)
        >>> round(z, 1), p_value < 0.001
        (7.1, True)
    """
    p, y = np.asarray(promised, np.float64), np.asarray(happened, np.float64)
    error = np.sqrt(float((np.square(1 - 2 * p) * p * (1 - p)).sum()))
    if error == 0:
        wrong = bool((np.where(y > 0, p, 1 - p) == 0).any())
        return (float("inf"), 0.0) if wrong else (0.0, 1.0)
    z = float(((y - p) * (1 - 2 * p)).sum() / error)
    return z, float(2 * ndtr(-abs(z)))


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


def _debiased(gap: Floats, squares: Floats, n: npt.NDArray[np.int64]) -> Floats:
    """Mean squared gap without lean, from gaps and sums of squares of promised - happened: (…, G) to (…,)."""
    variance = np.maximum(squares / n - np.square(gap), 0) / np.maximum(n - 1, 1)
    return (np.square(gap) - np.where(n > 1, variance, 0)) @ (n / n.sum())


def _drawn(
    p: Floats, true: Floats, code: npt.NDArray[np.int64], n: npt.NDArray[np.int64], rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Gaps and sums of squares of promised - happened in each bin (R, G), where rows come true as ``true`` says."""
    order = np.argsort(code, kind="stable")
    starts, step = np.concatenate([[0], np.cumsum(n)[:-1]]), max(1, _CHUNK // len(p))
    draws, gaps, squares = enough_resamples(len(p)), [], []
    for start in range(0, draws, step):
        came = rng.uniform(size=(min(step, draws - start), len(p))) < true[order]
        apart = p[order] - came
        gaps.append(np.add.reduceat(apart, starts, axis=1) / n)
        squares.append(np.add.reduceat(np.square(apart), starts, axis=1))
    return np.concatenate(gaps), np.concatenate(squares)


def _inverted(
    p: Floats, code: npt.NDArray[np.int64], gap: Floats, square: float, rng: np.random.Generator
) -> tuple[float, float]:
    """The smallest and the largest error that would give this mean squared gap.

    The upper end is never below what a calibrated model would get half of the time: an error of nothing but chance is
    no proof of perfection (power-constrained limits: Cowan and others, 2011). Errors below that cannot be missed on
    that side, so the other side gets the whole 5 %.
    """
    n = np.bincount(code)
    share, shape = n / len(p), gap / max(float(np.sqrt(np.square(gap) @ (n / len(p)))), 1e-12)
    true = np.clip(p - gap[code], 0, 1)
    # The mean within each bin stays at the gap where clipping moved it.
    centre = np.bincount(code, weights=p - true) / n
    gaps, squares = _drawn(p, true, code, n, rng)
    # Outcomes drawn around the gaps that were seen vary too little, by the freedom that fitting the gaps took.
    freed = n / np.maximum(n - 1, 1)
    noise = (gaps - centre) * np.sqrt(freed)
    spread = np.maximum(squares / n - np.square(gaps), 0) / np.maximum(n - 1, 1) * freed
    straight, crossed = (np.square(noise) - spread) @ share, 2 * (noise * shape) @ share
    top = 2 * np.sqrt(max(square, 0) + 4 * float(straight.std()) + float(crossed.std()) ** 2)
    errors = np.linspace(0, top, _SCALES)
    seen = np.square(errors)[:, None] + errors[:, None] * crossed + straight
    tail = (1 - LEVEL) / 2
    floor = max(square, float(np.median(straight)))
    high = float(errors[(seen <= floor).mean(axis=1) >= tail].max(initial=0))
    spared = float(errors[(seen <= np.median(straight)).mean(axis=1) >= tail].max(initial=0))
    kept = errors[(seen >= square).mean(axis=1) >= np.where(errors <= spared, 2 * tail, tail)]
    return float(kept.min(initial=high)), high
