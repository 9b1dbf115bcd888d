"""From errors at a few sizes to the error at another: a power law with a floor, and how far it may be off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vouch.statistics.intervals import LEVEL, Floats

_EXPONENTS = np.linspace(0.04, 1.2, 59)
_FLOORS = np.linspace(0, 1, 41)
_SCATTERS = (0.02, 0.04, 0.08, 0.16)
_LIKELY = (0.2, 0.35, 0.3, 0.15)
_USUAL, _SPREAD = 0.35, 0.25
_DRAWS = 4000
_MOST = 1e9


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Curves that are likely to have given the errors that were seen.

    Args:
        floor: error that no data takes away, of each curve (R,).
        height: error above the floor at ``size`` rows, of each curve (R,).
        exponent: of the power law, of each curve (R,).
        size: rows at which the height is meant.
        scatter: how far one training run lies off its curve, as a share of the error (R,).
    """

    floor: Floats
    height: Floats
    exponent: Floats
    size: float
    scatter: Floats

    def at(self, rows: Floats) -> Floats:
        """Errors of all curves at these sizes (R, sizes)."""
        return self.floor[:, None] + self.height[:, None] * (rows / self.size) ** -self.exponent[:, None]


def forecast(
    sizes: Sequence[float], errors: Sequence[float], standard_errors: Sequence[float], at: float
) -> tuple[float, float, float]:
    """The error of a training run on so many rows, from the errors of runs on fewer.

    Args:
        sizes: rows that each run learned from, at least three.
        errors: error of each on rows that it never saw, such as 1 - accuracy, or RMSE.
        standard_errors: of those errors, from the rows that they were measured on.
        at: rows to forecast for.

    Returns:
        The median forecast, and the ends of its 95 % interval, in which a single run is expected.

    Source:
        Power laws of learning curves: Cortes and others, "Learning curves" (1993); Hestness and others (2017), whose
        exponents are the prior here.

    Example:
        >>> value, low, high = forecast((100, 200, 400), (0.4, 0.3, 0.23), (0.01, 0.01, 0.01), at=1600)
        >>> low < 0.14 < high
        True
    """
    curves = likely_curves(sizes, errors, standard_errors)
    noise = np.random.default_rng(1).standard_normal(len(curves.scatter)) * curves.scatter
    found = curves.at(np.array([float(at)]))[:, 0] * np.exp(noise)
    low, value, high = np.quantile(found, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2])
    return float(value), float(low), float(high)


def band(curves: Curves, rows: Floats) -> tuple[Floats, Floats, Floats]:
    """Median and 95 % band of the curves at these sizes."""
    low, value, high = np.quantile(curves.at(rows), [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2], axis=0)
    return value, low, high


def rows_for(curves: Curves, error: float) -> tuple[float, float, float]:
    """Rows at which the curves reach an error: the median and the 95 % interval; infinite where it stays out of reach.

    Example:
        >>> curves = likely_curves((100, 200, 400), (0.4, 0.3, 0.23), (0.01, 0.01, 0.01))
        >>> value, low, high = rows_for(curves, 0.2)
        >>> low < value < high
        True
    """
    above = error - curves.floor
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        rows = curves.size * (above / curves.height) ** (-1 / curves.exponent)
    rows = np.where((above > 0) & (rows < _MOST), rows, np.inf)
    low, value, high = np.quantile(rows, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2], method="nearest")
    return float(value), float(low), float(high)


def likely_curves(sizes: Sequence[float], errors: Sequence[float], standard_errors: Sequence[float]) -> Curves:
    """Curves drawn from the posterior on a grid of exponents, floors and scatters; the height follows by least squares.

    Args:
        sizes: rows that each run learned from (k,).
        errors: error of each (k,), above 0.
        standard_errors: of the errors (k,).

    Returns:
        4 000 curves, always the same for the same errors.
    """
    n, y, own = (np.asarray(one, np.float64) for one in (sizes, errors, standard_errors))
    size = float(np.exp(np.log(n).mean()))
    c, floor, scatter = (axis.ravel() for axis in np.meshgrid(_EXPONENTS, _FLOORS * y.min(), _SCATTERS, indexing="ij"))
    x = (n / size) ** -c[:, None]
    sigma = np.hypot(own, scatter[:, None] * y)
    weight = 1 / sigma**2
    precision = (weight * x**2).sum(axis=1)
    height = (weight * x * (y - floor[:, None])).sum(axis=1) / precision
    misfit = (weight * (y - floor[:, None] - height[:, None] * x) ** 2).sum(axis=1)
    usual = -(((c - _USUAL) / _SPREAD) ** 2) / 2 + np.log(np.asarray(_LIKELY)[np.searchsorted(_SCATTERS, scatter)])
    flat = np.log(np.maximum(height, 1e-12 * y.max()))
    score = -misfit / 2 - np.log(sigma).sum(axis=1) - np.log(precision) / 2 - flat + usual
    score = np.where(height > 0, score, -np.inf)
    share = np.exp(score - score.max())
    rng = np.random.default_rng(0)
    picked = rng.choice(len(share), _DRAWS, p=share / share.sum())
    drawn = height[picked] + rng.standard_normal(_DRAWS) / np.sqrt(precision[picked])
    return Curves(floor[picked], np.maximum(drawn, 0.0), c[picked], size, scatter[picked])
