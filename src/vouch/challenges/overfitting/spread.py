"""How much means of groups differ beyond what chance explains: a permutation test, and the size of the difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import chndtr

from vouch.statistics.intervals import LEVEL, Floats
from vouch.statistics.permutation import p_beyond_draws

Codes = npt.NDArray[np.int64]

_PERMUTATIONS = 2000
_WORK = 20_000_000


@dataclass(frozen=True, slots=True)
class Spread:
    """How much the means of K groups differ.

    Args:
        value: standard deviation of the K means beyond chance, as a share of the overall mean.
        low: lower end of its 95 % interval.
        high: upper end of its 95 % interval.
        p_value: of the hypothesis that the groups differ by chance alone.
        means: of each group (K,).
        rows: of each group (K,).
    """

    value: float
    low: float
    high: float
    p_value: float
    means: tuple[float, ...]
    rows: tuple[int, ...]


def spread(values: Floats, fold: Codes, units: Codes | None, rng: np.random.Generator) -> Spread:
    """Means of folds, held against each other.

    The p-value comes from handing the rows to the folds anew at random, whole units at a time: no shape of the values
    is assumed (permutation test: Fisher, 1935; Ernst, 2004). The size is that of a noncentral chi-square variable,
    whose noncentrality is found by inversion: the scatter of the means over their own standard errors (Cochran, 1954).

    Args:
        values: one for each row (n,), such as its loss.
        fold: which fold the row is in (n,).
        units: rows that belong together (n,), if some do.
        rng: draws the permutations.

    Returns:
        The spread over the K folds.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> found = spread(rng.exponential(size=400), np.arange(400) % 4, None, rng)
        >>> found.p_value > 0.05, found.low
        (True, 0.0)
    """
    codes = np.unique(fold, return_inverse=True)[1].reshape(-1).astype(np.int64)
    sums, sizes, at = _by_unit(values, codes, units)
    k = int(codes.max()) + 1
    means, errors = _means(values, sums, sizes, at, k)
    overall = float(values.mean())
    q = _scatter(means, errors)
    weight = float(np.sum(1 / errors**2))
    beyond = (max(q - (k - 1), 0.0), *_noncentrality(q, k - 1))
    value, low, high = (float(np.sqrt(one / weight)) / overall for one in beyond)
    rows = tuple(np.bincount(codes, minlength=k).tolist())
    return Spread(value, low, high, _permuted(sums, sizes, at, k, rng), tuple(means.tolist()), rows)


def _by_unit(values: Floats, codes: Codes, units: Codes | None) -> tuple[Floats, Floats, Codes]:
    """Sums and rows of each unit, and the fold it is in."""
    if units is None:
        return values, np.ones(len(values)), codes
    unit = np.unique(units, return_inverse=True)[1].reshape(-1).astype(np.int64)
    at = np.zeros(int(unit.max()) + 1, dtype=np.int64)
    at[unit] = codes
    sums: Floats = np.bincount(unit, weights=values).astype(np.float64)
    return sums, np.bincount(unit).astype(np.float64), at


def _means(values: Floats, sums: Floats, sizes: Floats, at: Codes, k: int) -> tuple[Floats, Floats]:
    """Mean of each fold, and its standard error when all units are alike but for chance."""
    rows = np.bincount(at, weights=sizes, minlength=k)
    means = np.bincount(at, weights=sums, minlength=k) / rows
    # The residual of a unit is that of its sum, so that rows which belong together count once.
    residual = np.square(sums - sizes * means[at]).sum() / max(len(sums) - k, 1)
    units = np.bincount(at, minlength=k)
    errors = np.sqrt(residual * units) / rows
    return means, np.maximum(errors, 1e-12 + 1e-9 * abs(float(values.mean())))


def _scatter(means: Floats, errors: Floats) -> float:
    """Cochran's Q."""
    weights = 1 / errors**2
    return float(np.sum(weights * np.square(means - np.sum(weights * means) / weights.sum())))


def _noncentrality(q: float, degrees: int) -> tuple[float, float]:
    """95 % interval of the noncentrality behind a noncentral chi-square value, by inversion."""
    from scipy.optimize import brentq

    tail = (1 - LEVEL) / 2
    ends = []
    for share in (1 - tail, tail):
        if chndtr(q, degrees, 0) <= share:
            ends.append(0.0)
            continue
        most = 10 * q + 100
        ends.append(float(brentq(lambda nc, share=share: chndtr(q, degrees, nc) - share, 0, most)))
    return ends[0], ends[1]


def _permuted(sums: Floats, sizes: Floats, at: Codes, k: int, rng: np.random.Generator) -> float:
    """P-value of the scatter against random hand-outs of the units to the folds."""
    centred = sums - sizes * (sums.sum() / sizes.sum())
    counts = np.bincount(at, weights=sizes, minlength=k)

    def between(codes: Codes) -> float:
        return float(np.sum(np.square(np.bincount(codes, weights=centred, minlength=k)) / counts))

    observed, draws = between(at), int(np.clip(_WORK / len(sums), 200, _PERMUTATIONS))
    # A hand-out that ties with the true one counts, whatever rounding says.
    return p_beyond_draws(observed * (1 - 1e-12), [between(rng.permutation(at)) for _ in range(draws)])
