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
_MOST_LEFT_OUT = 250
# Rows' worth of freedom that the 15 bins of ECE take; chosen by simulation at 50 and 200 rows.
_SPENT = 9
# So many times less than chance alone must resamples of a part vary to be called stuck; chosen by simulation.
_STUCK = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Resampled:
    """A statistic on the rows as they are and on each resample; S statistics are measured together.

    Args:
        value: on the rows as they are (S,).
        draws: on each resample (R, S); NaN where undefined there.
        left_out: without each part of the rows in turn (J, S), the jackknife; NaN where undefined there.
        units: how many independent units were drawn from: rows, or groups.
    """

    value: Floats
    draws: Floats
    left_out: Floats
    units: int

    def interval(self, level: float = LEVEL) -> tuple[Floats, Floats]:
        """Lower and upper ends of the intervals (S,): BCa with the levels of Student's t.

        Percentiles of the draws, moved for the bias and the skewness of the statistic (BCa: Efron, "Better Bootstrap
        Confidence Intervals", 1987), the skewness from the jackknife. Their levels are then widened as a normal
        interval is where Student's t is due (Hesterberg, "What Teachers Should Know About the Bootstrap", 2014,
        §4.2). The degrees of freedom follow from how heavy the tails of single rows are, since these decide how well
        the rows tell their own spread: (units) / (kurtosis - 1), which is half of Satterthwaite's (1946), for a
        sample understates its kurtosis. NaN where the statistic was undefined in every resample.
        """
        bias, skew, freedom = self._shape()
        width = -stdtrit(freedom, (1 - level) / 2) * np.sqrt(self._units / (self._units - 1))
        low, high = (ndtr(bias + moved / np.maximum(1 - skew * moved, 0.05)) for moved in (bias - width, bias + width))
        return _quantiles(self.draws, low), _quantiles(self.draws, high)

    @property
    def _units(self) -> int:
        return max(self.units, 2)

    def _shape(self) -> tuple[Floats, Floats, Floats]:
        """Bias (z₀), skewness (the acceleration a) and degrees of freedom of each statistic (S,)."""
        below = (self.draws < self.value).sum(axis=0) + (self.draws == self.value).sum(axis=0) / 2
        defined = np.maximum((~np.isnan(self.draws)).sum(axis=0), 1)
        bias = ndtri(np.clip(below / defined, 1 / (defined + 1), defined / (defined + 1)))
        known = ~np.isnan(self.left_out)
        counted = np.maximum(known.sum(axis=0), 1)
        centre = np.where(known, self.left_out, 0).sum(axis=0) / counted
        gaps = np.where(known, centre - self.left_out, 0)
        # Divided by their largest, so that powers of small gaps stay above zero.
        gaps = gaps / np.maximum(np.abs(gaps).max(axis=0), np.finfo(np.float64).tiny)
        second, third, fourth = ((gaps**power).sum(axis=0) for power in (2, 3, 4))
        second = np.where(second > 0, second, 1)
        parts = len(self.left_out)
        # Of J parts of several units each, only the kurtosis above 3 is averaged away.
        one_in = 2 / self._units + (parts * fourth / second**2 - 3) / parts
        freedom = 1 / np.clip(one_in, 1 / (self._units - 1), 0.5)
        return np.where(below > 0, bias, 0), third / (6 * second**1.5), freedom


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
    left_out = [_two_dimensional(statistic(weights)) for weights in _without(n, units, codes, seed)]
    return Resampled(value, np.concatenate(draws), np.concatenate(left_out), units)


def noise_of(parts: Resampled, chance: Floats | None = None) -> Floats:
    """How far resampling moves each signed part (R, S), made large enough for parts that few rows tell.

    In a part of few rows resamples vary too little; all are widened for it. A part in which nothing happened yet, such
    as a bin without a single event, hardly varies at all, and would be taken for certain: there the draws of chance
    take over, in the order of the resamples, so that parts which move together still do.

    Args:
        parts: the signed parts.
        chance: the parts where each is truly 0 (R, S), if that is known.
    """
    noise = parts.draws - parts.value
    freed = noise * np.sqrt(parts.units / max(parts.units - _SPENT, parts.units / 4))
    if chance is None:
        return freed
    stuck = np.flatnonzero(chance.std(axis=0) > _STUCK * noise.std(axis=0))
    order = noise[:, stuck].argsort(axis=0, kind="stable").argsort(axis=0)
    freed[:, stuck] = np.take_along_axis(np.sort(chance[:, stuck], axis=0), order, axis=0)
    return freed


def absolute_sum(parts: Resampled, chance: Floats | None = None) -> tuple[float, float]:
    """95 % interval of a sum of absolute values, such as ECE, whose plain estimate leans upwards.

    Noise never cancels in absolute values, so percentiles of the draws lie above the truth, and far above where it is
    0. Here instead every true value from 0 up to twice the estimate is asked whether it would give the estimate: the
    parts are shrunk or stretched to that value and the resampling noise is added. Values that would give it are the
    interval (inversion of a test, with consistency resampling: Bröcker and Smith, 2007); at 0 it is the test whether
    there is any gap at all. The upper end is never below the estimate, so near 0 only the lower end can miss, and
    it alone gets the 5 %.

    Args:
        parts: the signed parts.
        chance: draws of the parts where each is truly 0 (R, S), if that is known; see ``noise_of``.

    Returns:
        Lower and upper end.
    """
    noise, total = noise_of(parts, chance), float(np.abs(parts.value).sum())
    scales = np.linspace(0, 2, 161)
    seen = np.array([np.abs(scale * parts.value + noise).sum(axis=1) for scale in scales])
    under = np.minimum((1 - LEVEL) / 2, (seen < scales[:, None] * total).mean(axis=1))
    kept = scales[((seen <= total).mean(axis=1) >= under) & ((seen >= total).mean(axis=1) >= 1 - LEVEL - under)]
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


def _without(n: int, units: int, codes: npt.NDArray[np.int64] | None, seed: int) -> Iterator[Floats]:
    """Ones, and zeros for one part of the units in turn (j, n): single units, or 250 parts drawn at random."""
    parts = min(units, _MOST_LEFT_OUT)
    part = np.random.default_rng([seed, 1]).permutation(units) % parts
    part = part if codes is None else part[codes]
    step = max(_FEWEST_AT_ONCE, _CHUNK // n)
    for start in range(0, parts, step):
        yield (part != np.arange(start, min(start + step, parts))[:, None]).astype(np.float64)


def _quantiles(draws: Floats, levels: Floats) -> Floats:
    """One quantile of each column (S,), NaN left out; NaN of a column that has nothing else."""
    ordered = np.sort(draws, axis=0)
    last = (~np.isnan(draws)).sum(axis=0) - 1
    at = np.clip(levels * last, 0, np.maximum(last, 0))
    below = np.floor(at).astype(np.int64)
    columns, above = np.arange(draws.shape[1]), np.minimum(below + 1, np.maximum(last, 0))
    low, high = ordered[below, columns], ordered[above, columns]
    return low + (at - below) * (high - low)


def _two_dimensional(values: Floats) -> Floats:
    return values[:, None] if values.ndim == 1 else values
