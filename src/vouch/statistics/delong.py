"""ROC-AUC with its interval, without resampling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import ndtri

from vouch.statistics.intervals import LEVEL, Floats

_ROUNDING = 1e-15
_STEP = 1e-9
# With this many rows of the rarer kind DeLong's variance and the modelled one count alike; chosen by simulation.
_TRUSTED = 20


@dataclass(frozen=True, slots=True)
class Area:
    """ROC-AUC with its 95 % interval.

    Args:
        value: the area; NaN without rows of both kinds.
        low: lower end.
        high: upper end.
        variance: of the area (DeLong).
    """

    value: float
    low: float
    high: float
    variance: float


def delong(actual: npt.ArrayLike, score: npt.ArrayLike) -> Area:
    """ROC-AUC with a 95 % interval that holds near 1 and with few rows of a kind.

    The variance is that of DeLong, DeLong and Clarke-Pearson (1988), computed from ranks in O(n log n) (Sun and Xu,
    2014). It says nothing where no pair is out of order, and too little near there, on the logit scale too. So, as in
    Wilson's interval of a share, every area is asked whether it would give the estimate (Newcombe, "Confidence
    intervals for an effect size measure based on the Mann-Whitney statistic", 2006): the variance at that area has the
    shape of Hanley and McNeil's (1982), scaled to DeLong's at the estimate as far as the rows can tell it.

    Args:
        actual: whether the row is of the class (n,).
        score: larger for rows that are rather of it (n,).

    Returns:
        The area; all NaN without rows of both kinds.

    Example:
        >>> found = delong([0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 5, 6])
        >>> round(found.value, 3), round(found.low, 2), round(found.high, 2)
        (0.889, 0.4, 0.99)
    """
    inside = np.asarray(actual, np.bool_)
    if inside.all() or not inside.any():
        return Area(*[float("nan")] * 4)
    places = _placements(inside, np.asarray(score, np.float64))
    value, variance = float(np.clip(places[0].mean(), 0, 1)), _spread(*places)
    kinds = len(places[0]), len(places[1])
    modelled = _modelled(value, *kinds)
    known = min(kinds) / (min(kinds) + _TRUSTED)
    scale = (variance / modelled) ** known if min(variance, modelled) > _ROUNDING else 1.0
    low, high = (_end(value, wall, lambda area: scale * _modelled(area, *kinds)) for wall in (0.0, 1.0))
    return Area(value, low, high, variance)


def _placements(inside: npt.NDArray[np.bool_], score: Floats) -> tuple[Floats, Floats]:
    """For each row of the class the share of the others it scores above, ties half; for each other row the same."""
    joint = ranks(score)
    positive, negative = score[inside], score[~inside]
    above = (joint[inside] - ranks(positive)) / len(negative)
    below = 1 - (joint[~inside] - ranks(negative)) / len(positive)
    return above, below


def ranks(score: Floats) -> Floats:
    """Ranks from 1 on; scores that are equal share the mean of their places.

    Example:
        >>> ranks(np.array([0.5, 0.1, 0.5])).tolist()
        [2.5, 1.0, 2.5]
    """
    return pl.Series(score).rank("average").to_numpy()


def _spread(above: Floats, below: Floats) -> float:
    """Variance of the mean placement."""
    return sum(float(np.var(part, ddof=1)) / len(part) for part in (above, below) if len(part) > 1)


def _modelled(area: float, positives: int, negatives: int) -> float:
    """Variance of an area where both kinds of rows are spread exponentially (Hanley and McNeil, 1982)."""
    square = area * area
    pairs = (positives - 1) * (area / (2 - area) - square) + (negatives - 1) * (2 * square / (1 + area) - square)
    return (area * (1 - area) + pairs) / (positives * negatives)


def _end(value: float, wall: float, variance: Callable[[float], float]) -> float:
    """The area farthest towards the wall that would give this value."""
    if value == wall:
        return wall
    from scipy.optimize import brentq

    z = float(ndtri((1 + LEVEL) / 2))
    # At the value itself nothing is amiss; where that is 0 or 1 the variance is 0 too, so the search starts beside it.
    start = value + _STEP * (wall - value)
    return float(brentq(lambda area: abs(area - value) - z * np.sqrt(variance(area)), start, wall))
