"""How much data is enough: a learning curve, its forecast, and the rows that a target asks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from vouch.statistics.intervals import LEVEL, Floats

_DRAWS = 4000
_SLOPES = np.linspace(0.03, 1.5, 50)
# The floor as a share of the error at the largest size, closer to each other towards 0 and 1.
_FLOORS = (1 - np.cos(np.linspace(0, np.pi, 31))) / 2 * 0.995
# Spread of repeated trainings relative to their error.
_SPREADS = np.geomspace(0.003, 0.3, 12)
# Rows, as a share of the largest size, that a curve behaves as if it had besides: small sizes then lie below the law.
_HEADS = np.array([0, 0.03, 0.1, 0.3, 1.0])
_HEAD_WEIGHTS = np.array([0.5, 0.14, 0.12, 0.12, 0.12])
_USUAL_SPREAD = 0.03
# How far the slope on the log-log plot may drift per factor e of extrapolation; chosen by simulation.
_DRIFT = 0.02


@dataclass(frozen=True, slots=True)
class Forecast:
    """A figure that was not measured.

    Args:
        value: the median of what is plausible.
        low: lower end of the 95 % prediction interval.
        high: upper end; infinity where no amount of data may be enough.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class LearningCurve:
    """Curves error(n) = a · (n + d)^-b + c that agree with what was measured, as draws (R,).

    Args:
        largest: the largest size that was measured.
        level: error at that size.
        slope: b.
        floor: c as a share of the error at the largest size.
        head: d as a share of the largest size; 0 for a plain power law.
        spread: of repeated trainings, relative to the error.
        drift: by which the slope may be off beyond the largest size.
        noise: one standard normal draw for each curve, for what a training adds.
    """

    largest: float
    level: Floats
    slope: Floats
    floor: Floats
    head: Floats
    spread: Floats
    drift: Floats
    noise: Floats

    def at(self, n: float, standard_error: float = 0.0) -> Forecast:
        """The error that one training on n rows would show, with its 95 % prediction interval.

        It holds what is unknown of the curve, whether the curve goes on as a power law, the chance in a training, and
        that in measuring it.

        Args:
            n: training rows, above 0.
            standard_error: of the measurement that the forecast will be held against; 0 for the error itself.

        Returns:
            The forecast.
        """
        curve = self._curve(n)
        wide = np.sqrt(np.square(self.spread * curve) + standard_error**2)
        return _forecast(np.maximum(curve + self.noise * wide, 0))

    def rows_for(self, target: float) -> Forecast:
        """Training rows at which the curve reaches an error, with its interval.

        Args:
            target: the error to reach.

        Returns:
            The rows; infinity where the floor lies above the target.
        """
        # Beyond the largest size the drift multiplies the error by a power of n; it is joined with the slope.
        reach = (target / self.level - self.floor) / (1 - self.floor)
        slope = np.maximum(self.slope - self.drift, 1e-3)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            ratio = (1 + self.head) * np.power(reach, -1 / np.where(reach < 1, slope, self.slope)) - self.head
            rows = np.where(reach > 0, np.maximum(ratio, 0) * self.largest, np.inf)
        return _forecast(rows)

    def _curve(self, n: float) -> Floats:
        ratio = n / self.largest
        slope = np.maximum(self.slope - self.drift, 1e-3) if ratio > 1 else self.slope
        falling = ((ratio + self.head) / (1 + self.head)) ** -slope
        return self.level * ((1 - self.floor) * falling + self.floor)


def fit_power_law(
    n: npt.ArrayLike, error: npt.ArrayLike, standard_error: npt.ArrayLike, *, seed: int = 0
) -> LearningCurve:
    """Learning curves a · (n + d)^-b + c, with b in (0, 1.5], c and d from 0 up, that agree with measured errors.

    Errors fall with the amount of data as a power law towards a floor (Hestness and others, "Deep Learning Scaling is
    Predictable, Empirically", 2017; Cortes and others, 1994). A few small sizes leave much open, above all the floor,
    so no single curve is fitted: every curve of a grid is weighed by how well it agrees (Bayes, flat priors on the
    slope, on the floor's share of the error at the largest size, and on the level). Small sizes often lie below the law
    that larger ones follow, which d allows for. Repeated trainings of one size
    tell how far trainings of the same curve differ; where there are none, 3 % of the error is thought likely.

    Args:
        n: training rows of each measurement (P,); repeat a size for repeated trainings. Two sizes or more.
        error: the smaller the better, such as 1 - accuracy or the RMSE (P,), above 0.
        standard_error: of each measurement, from the rows it was measured on (P,).
        seed: fixes the draws.

    Returns:
        The curves.

    Raises:
        ValueError: fewer than two sizes, or an error that is not above 0.

    Example:
        >>> curve = fit_power_law([250, 500, 1000, 2000], [0.40, 0.30, 0.22, 0.17], [0.01] * 4)
        >>> later = curve.at(4000)
        >>> later.low < 0.13 < later.high, curve.rows_for(0.13).value > 2000
        (True, True)
    """
    rows, seen, known = (np.asarray(each, np.float64) for each in (n, error, standard_error))
    if len(np.unique(rows)) < 2 or not (seen > 0).all():
        raise ValueError("a learning curve needs errors above 0 at two sizes or more")
    slope, floor, head, spread = (g.ravel() for g in np.meshgrid(_SLOPES, _FLOORS, _HEADS, _SPREADS, indexing="ij"))
    falling = ((rows / rows.max() + head[:, None]) / (1 + head[:, None])) ** -slope[:, None]
    shape = (1 - floor)[:, None] * falling + floor[:, None]
    # The spread is relative to the curve; the curve at hand is the measured one.
    variance = np.square(known) + np.square(spread[:, None] * seen)
    precision = (np.square(shape) / variance).sum(axis=1)
    level = (shape * seen / variance).sum(axis=1) / precision
    misfit = (np.square(seen - level[:, None] * shape) / variance).sum(axis=1)
    positive = np.maximum(ndtr(level * np.sqrt(precision)), 1e-300)
    log_weight = -0.5 * (misfit + np.log(variance).sum(axis=1) + np.log(precision)) + np.log(positive)
    log_weight += np.log(_prior(spread)) + np.log(
        np.tile(np.repeat(_HEAD_WEIGHTS, len(_SPREADS)), _SLOPES.size * _FLOORS.size)
    )
    weight = np.exp(log_weight - log_weight.max())
    rng = np.random.default_rng(seed)
    drawn = rng.choice(len(weight), size=_DRAWS, p=weight / weight.sum())
    return LearningCurve(
        largest=float(rows.max()),
        level=np.maximum(level[drawn] + rng.normal(size=_DRAWS) / np.sqrt(precision[drawn]), 1e-9),
        slope=slope[drawn],
        floor=floor[drawn],
        head=head[drawn],
        spread=spread[drawn],
        drift=_DRIFT * rng.normal(size=_DRAWS),
        noise=rng.normal(size=_DRAWS),
    )


def _prior(spread: Floats) -> Floats:
    """Half-Cauchy, per step of a grid with even steps of its logarithm."""
    return spread / (1 + np.square(spread / _USUAL_SPREAD))


def _forecast(draws: Floats) -> Forecast:
    """Median and ends; draws themselves, since there is nothing between a number and infinity."""
    ordered = np.sort(draws)
    at = np.clip(np.round(np.array([0.5, (1 - LEVEL) / 2, (1 + LEVEL) / 2]) * len(ordered)), 0, len(ordered) - 1)
    value, low, high = ordered[at.astype(np.int64)].tolist()
    return Forecast(value, low, high)
