"""From errors at a few sizes to the error at another, and what twice the data would take away."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vouch.statistics.intervals import LEVEL
from vouch.statistics.mover import Ends
from vouch.statistics.power_law import LearningCurve, fit_power_law

_STEEPEST, _FLATTEST = 10.0, 1e-3


def forecast(sizes: npt.ArrayLike, errors: npt.ArrayLike, standard_errors: npt.ArrayLike, at: float) -> Ends:
    """The error of a training run on so many rows, from the errors of runs on fewer.

    Args:
        sizes: rows that each run learned from, at least two different ones.
        errors: error of each on rows that it never saw, such as 1 - accuracy, or RMSE.
        standard_errors: of those errors, from the rows that they were measured on.
        at: rows to forecast for.

    Returns:
        The median forecast, and the ends of its 95 % interval, in which a single run is expected.

    Source:
        Power laws of learning curves: Cortes and others (1994); Hestness and others (2017).

    Example:
        >>> value, low, high = forecast((100, 200, 400), (0.4, 0.3, 0.23), (0.01, 0.01, 0.01), at=1600)
        >>> low < 0.14 < high
        True
    """
    found = fit_power_law(sizes, errors, standard_errors).at(at)
    return found.value, found.low, found.high


def gain_from_doubling(curve: LearningCurve) -> Ends:
    """The share of the error at the largest size that twice as many rows would take away: median and 95 % interval.

    Example:
        >>> sizes = np.array([500.0, 1000, 2000, 4000])
        >>> value, low, high = gain_from_doubling(fit_power_law(sizes, sizes**-0.5, 0.01 * sizes**-0.5))
        >>> low < 0.29 < high
        True
    """
    slope = np.clip(curve.slope - curve.drift, _FLATTEST, _STEEPEST)
    left = (1 - curve.floor) * ((2 + curve.head) / (1 + curve.head)) ** -slope + curve.floor
    low, value, high = np.quantile(1 - left, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2]).tolist()
    return value, low, high
