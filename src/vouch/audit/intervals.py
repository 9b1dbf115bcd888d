"""95 % intervals: Wilson's for a plain share, the bootstrap for everything else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri, stdtrit

Floats: TypeAlias = npt.NDArray[np.float64]
Statistic: TypeAlias = Callable[[Floats], Floats]

LEVEL = 0.95
RESAMPLES = 1000
_FEWEST = 200
_MOST_WEIGHTS = 50_000_000
_CHUNK = 2_000_000
_FEWEST_AT_ONCE = 16


@dataclass(frozen=True, slots=True, eq=False)
class Resampled:
    """A statistic on the rows as they are and on each resample; S statistics are measured together.

    Args:
        value: on the rows as they are (S,).
        draws: on each resample (R, S); NaN where undefined there.
        units: how many independent units were drawn from: rows, or groups.
    """

    value: Floats
    draws: Floats
    units: int

    def interval(self) -> tuple[Floats, Floats]:
        """Lower and upper ends of the 95 % intervals (S,), the expanded percentiles of the draws.

        Plain percentiles are too narrow on few units, as a normal interval is where Student's t is due; their levels
        are widened by just that factor (Hesterberg, "What Teachers Should Know About the Bootstrap", 2014, §4.2).
        NaN where the statistic was undefined in every resample.
        """
        n = max(self.units, 2)
        tail = float(ndtr(stdtrit(n - 1, (1 - LEVEL) / 2) * np.sqrt(n / (n - 1))))
        undefined = np.isnan(self.draws).all(axis=0)
        low, high = np.nanquantile(np.where(undefined, 0, self.draws), [tail, 1 - tail], axis=0)
        return np.where(undefined, np.nan, low), np.where(undefined, np.nan, high)


def wilson(successes: npt.ArrayLike, n: npt.ArrayLike) -> tuple[Floats, Floats]:
    """95 % score interval of a share (Wilson, 1927), which holds its coverage near 0 and 1 and on few rows.

    Args:
        successes: rows that succeed, any shape.
        n: rows that count, same shape.

    Returns:
        Lower and upper ends, between 0 and 1; NaN where no row counts.

    Example:
        >>> low, high = wilson(90, 100)
        >>> round(float(low), 3), round(float(high), 3)
        (0.826, 0.945)
    """
    k, rows = np.asarray(successes, np.float64), np.asarray(n, np.float64)
    rows = np.where(rows > 0, rows, np.nan)
    z = float(ndtri((1 + LEVEL) / 2))
    share = k / rows
    centre = share + z * z / (2 * rows)
    half = z * np.sqrt(share * (1 - share) / rows + (z / (2 * rows)) ** 2)
    scale = 1 + z * z / rows
    low, high = np.clip((centre - half) / scale, 0, 1), np.clip((centre + half) / scale, 0, 1)
    # Exact ends where rounding leaves 1e-17.
    return np.where(k == 0, 0 * rows, low), np.where(k == rows, 1 + 0 * rows, high)


def bootstrap(
    statistic: Statistic,
    n: int,
    *,
    resamples: int | None = None,
    seed: int = 0,
    groups: npt.NDArray[np.generic] | None = None,
) -> Resampled:
    """Measure statistics on rows drawn with replacement (Efron, 1979), as counts of rows instead of copies of them.

    Memory stays bounded: the counts are made and used a few resamples at a time. Where rows belong together, whole
    groups are drawn (cluster bootstrap: Field and Welsh, 2007), since rows of one group are not independent.

    Args:
        statistic: from counts (R, n) to values (R,) or (R, S).
        n: rows.
        resamples: how many; by default 1000, fewer above 50 000 rows (5 · 10⁷ counts in all), never below 200.
        seed: fixes the draws; the same seed and rows give the same draws, so that differences are paired.
        groups: the group of each row (n,), if rows belong together.

    Returns:
        Values and draws, always with the dimension S.

    Example:
        >>> x = np.arange(100.0)
        >>> low, high = bootstrap(lambda w: w @ x / 100, 100).interval()
        >>> bool(low[0] < 49.5 < high[0])
        True
    """
    count = resamples or enough_resamples(n)
    codes = None if groups is None else np.unique(groups, return_inverse=True)[1].reshape(-1)
    units = n if codes is None else int(codes.max()) + 1
    draws = [_two_dimensional(statistic(weights)) for weights in _weights(n, units, codes, count, seed)]
    value = _two_dimensional(statistic(np.ones((1, n))))[0]
    return Resampled(value, np.concatenate(draws), units)


def absolute_sum(parts: Resampled) -> tuple[float, float]:
    """95 % interval of a sum of absolute values, such as ECE, whose plain estimate leans upwards.

    Noise never cancels in absolute values, so percentiles of the draws lie above the truth, and far above where it is
    0. Here instead every true value from 0 up to twice the estimate is asked whether it would give the estimate: the
    parts are shrunk or stretched to that value and the resampling noise is added. Values that would give it are the
    interval (inversion of a test, with consistency resampling: Bröcker and Smith, 2007); at 0 it is the test whether
    there is any gap at all. The upper end is never below the estimate.

    Args:
        parts: the signed parts.

    Returns:
        Lower and upper end.
    """
    noise, total = parts.draws - parts.value, float(np.abs(parts.value).sum())
    scales = np.linspace(0, 2, 161)
    seen = np.array([np.abs(scale * parts.value + noise).sum(axis=1) for scale in scales])
    tail = (1 - LEVEL) / 2
    kept = scales[((seen <= total).mean(axis=1) >= tail) & ((seen >= total).mean(axis=1) >= tail)]
    low, high = (float(kept.min()), float(kept.max())) if len(kept) else (0.0, 0.0)
    return low * total, max(high, 1.0) * total


def enough_resamples(n: int, effort: float = 1.0) -> int:
    """How many resamples keep the work bounded: 1000 where ``n * effort`` is at most 50 000, never below 200."""
    return int(np.clip(_MOST_WEIGHTS / max(n * effort, 1), _FEWEST, RESAMPLES))


def _weights(n: int, units: int, codes: npt.NDArray[np.int64] | None, resamples: int, seed: int) -> Iterator[Floats]:
    """Multinomial counts (r, n), a few resamples at a time; groups share the count of their unit."""
    rng = np.random.default_rng(seed)
    step = max(_FEWEST_AT_ONCE, _CHUNK // n)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = rng.integers(units, size=(rows, units)) + units * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * units).reshape(rows, units).astype(np.float64)
        yield counts if codes is None else counts[:, codes]


def _two_dimensional(values: Floats) -> Floats:
    return values[:, None] if values.ndim == 1 else values
