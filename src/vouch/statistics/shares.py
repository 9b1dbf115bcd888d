"""Several shares together: their difference, their mean, and one share against a limit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from vouch.statistics.intervals import Floats, wilson


@dataclass(frozen=True, slots=True)
class ShareDifference:
    """One share less another of other rows.

    Args:
        value: the difference.
        low: lower end of its 95 % interval.
        high: upper end.
        p_value: of the hypothesis that the shares are equal, two-sided.
    """

    value: float
    low: float
    high: float
    p_value: float


def share_difference(first: tuple[int, int], second: tuple[int, int]) -> ShareDifference:
    """The difference of two shares of different, independent rows.

    The interval joins Wilson's two (Newcombe, "Interval estimation for the difference between independent
    proportions", 1998, method 10); the p-value is that of the score test with a common share.

    Args:
        first: rows that succeed, and rows that count.
        second: the same of the other rows.

    Returns:
        The first share less the second; all NaN where no row counts.

    Example:
        >>> found = share_difference((56, 70), (48, 80))
        >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
        (0.2, 0.052, 0.334)
    """
    (k1, n1), (k2, n2) = first, second
    if n1 == 0 or n2 == 0:
        return ShareDifference(*[float("nan")] * 4)
    low, high = _joined(np.array([k1, k2]), np.array([n1, n2]), np.array([1.0, -1.0]))
    value, common = k1 / n1 - k2 / n2, (k1 + k2) / (n1 + n2)
    error = np.sqrt(common * (1 - common) * (1 / n1 + 1 / n2))
    p_value = float(2 * ndtr(-abs(value) / error)) if error > 0 else 1.0
    return ShareDifference(value, low, high, p_value)


def mean_share(successes: npt.ArrayLike, n: npt.ArrayLike) -> tuple[float, float]:
    """95 % interval of the plain mean of independent shares, such as balanced accuracy (binary).

    Each share has Wilson's interval, and their ends are joined as variances are (Newcombe, 1998; Zou and Donner,
    2008). Made for a few shares of more than a few rows each.

    Args:
        successes: rows that succeed, of each share (K,).
        n: rows that count (K,), none of them 0.

    Returns:
        Lower and upper end.

    Example:
        >>> low, high = mean_share([18, 70], [20, 80])
        >>> round(low, 3), round(high, 3)
        (0.777, 0.933)
    """
    k, rows = np.asarray(successes, np.float64), np.asarray(n, np.float64)
    return _joined(k, rows, np.full(len(k), 1 / len(k)))


def _joined(successes: Floats, n: Floats, factors: Floats) -> tuple[float, float]:
    """Interval of a sum of independent shares, each times its factor: the method of variance estimates recovery."""
    shares, (low, high) = successes / n, wilson(successes, n)
    down = np.where(factors > 0, shares - low, high - shares) * factors
    up = np.where(factors > 0, high - shares, shares - low) * factors
    value = float(shares @ factors)
    return value - float(np.sqrt(down @ down)), value + float(np.sqrt(up @ up))
