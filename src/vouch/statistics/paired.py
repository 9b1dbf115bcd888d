"""Two predictions of the same rows: how far apart, and whether that may be chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from vouch.contracts.finding import Estimate
from vouch.statistics.compare import main_metric, never_stuck
from vouch.statistics.evidence import Truth
from vouch.statistics.intervals import LEVEL, Floats, Resampled, bootstrap, enough_resamples
from vouch.tasks.metrics import Array, MetricSpec

_HALVINGS = 40
# Of what runs differ by, never less than this is put down to runs: three runs tell it too badly. Chosen by simulation.
_LEAST_LEFT = 0.1


@dataclass(frozen=True, slots=True)
class Compared:
    """The first less the second on the same rows.

    Args:
        estimate: the difference with its interval, under the name of the metric.
        p_value: of the hypothesis that there is none, two-sided; the interval of level 1 - p just touches 0.
        runs: training runs of the first and of the second.
        seeds_share: which share of the variance is due to training runs and not to rows; 0 where it cannot be told.
    """

    estimate: Estimate
    p_value: float
    runs: tuple[int, int]
    seeds_share: float


def paired_difference(
    truth: Truth,
    first: Sequence[Array],
    second: Sequence[Array],
    *,
    metric: MetricSpec | None = None,
    level: float = LEVEL,
    seed: int = 0,
) -> Compared:
    """How the first method differs from the second on the same rows, whichever rows and training runs chance gave.

    Each method comes with the predictions of one or more training runs (seeds). The figure is the mean over runs of
    the metric, first less second. Two sources of chance are measured apart and joined:

    - rows: both methods and all runs are measured on the same resamples (paired bootstrap: Efron and Tibshirani,
      1993; whole groups where rows belong together);
    - runs: the spread of the runs' own figures, less what the rows alone explain of it, with Student's t for so few
      (Bouthillier and others, "Accounting for variance in machine learning benchmarks", 2021, on why both are due).

    The distances from the figure to the ends are joined as those of independent parts (Zou and Donner, 2008). With one
    run each, the interval speaks of these two networks and not of the methods that made them.

    Args:
        truth: what is true, and of which rows.
        first: predictions of each run: probabilities (n, K), or numbers (n,).
        second: the same of the other method.
        metric: by default the first of the task that is defined on these rows.
        level: of the interval.
        seed: fixes the resamples.

    Returns:
        The difference with its interval and p-value.

    Raises:
        ValueError: no run is given, or the two methods have not equally many.

    Example:
        >>> truth = Truth("regression", (), np.zeros(30))
        >>> far, near = np.linspace(1, 2, 30), np.linspace(0.5, 1, 30)
        >>> found = paired_difference(truth, [far, far + 0.1], [near, near + 0.1])
        >>> found.estimate.value > 0, found.p_value < 0.05
        (True, True)
    """
    if not first or len(first) != len(second):
        raise ValueError(f"paired runs are equally many and at least one; these are {len(first)} and {len(second)}")
    spec = metric or main_metric(truth, first[0])
    drawn = _resample(truth, spec, first, second, seed)
    figures, draws, left_out = (_difference(part, len(first)) for part in (drawn.value, drawn.draws, drawn.left_out))
    rows = Resampled(figures, draws, left_out, drawn.units)
    error, freedom = _between_runs(drawn, len(first))
    value, same = float(rows.value[0]), all(map(np.array_equal, first, second))

    def ends(level: float) -> tuple[float, float]:
        low, high = never_stuck(rows, spec, level, same=same)
        reach = error * float(stdtrit(freedom, (1 + level) / 2)) if error > 0 else 0.0
        return value - float(np.hypot(value - low, reach)), value + float(np.hypot(high - value, reach))

    low, high = ends(level)
    estimate = Estimate(
        spec.name, value, low, high, truth.rows, truth.unit_of(spec), spec.higher_is_better, truth.split
    )
    known = rows.draws[~np.isnan(rows.draws)]
    spread = float(known.var()) if len(known) else 0.0
    share = error**2 / (error**2 + spread) if error > 0 else 0.0
    return Compared(estimate, _p_value(ends, value, len(rows.draws)), (len(first), len(second)), share)


def _resample(truth: Truth, spec: MetricSpec, first: Sequence[Array], second: Sequence[Array], seed: int) -> Resampled:
    """The metric of every run, of the first method and then of the second (…, runs), on the same resamples."""

    def measure(weights: Floats) -> Floats:
        return np.stack([spec.function(truth.values, run, weights) for run in (*first, *second)], axis=1)

    resamples = enough_resamples(truth.rows, effort=(len(first) + len(second)) / 2)
    return bootstrap(measure, truth.rows, resamples=resamples, seed=seed, groups=truth.groups)


def _difference(figures: Floats, runs: int) -> Floats:
    """Mean over the first runs less mean over the others (…, 1)."""
    return figures[..., :runs].mean(axis=-1, keepdims=True) - figures[..., runs:].mean(axis=-1, keepdims=True)


def _between_runs(drawn: Resampled, runs: int) -> tuple[float, float]:
    """Standard error of the mean difference that is due to runs, and its degrees of freedom; 0 where it is unknown.

    Runs differ on these rows for two reasons: as networks, and by how each fares on just these rows. The bootstrap
    measures the second, and its part is taken out, since the interval over rows has it already.
    """
    draws = drawn.draws[~np.isnan(drawn.draws).any(axis=1)]
    if runs < 2 or not len(draws):
        return 0.0, 1.0
    value, draws = drawn.value[:runs] - drawn.value[runs:], draws[:, :runs] - draws[:, runs:]
    seen = float(value.var(ddof=1)) / runs
    apart = draws - value
    by_rows = float((apart - apart.mean(axis=1, keepdims=True)).var(axis=0).sum()) / (runs - 1) / runs
    return float(np.sqrt(max(seen - by_rows, _LEAST_LEFT * seen))), float(runs - 1)


def _p_value(ends: Callable[[float], tuple[float, float]], value: float, draws: int) -> float:
    """The level at which the interval just touches 0, never below what so many draws can tell."""
    if value == 0:
        return 1.0
    near, far = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        low, high = ends(1 - middle)
        near, far = (middle, far) if low <= 0 <= high else (near, middle)
    return max(far, 1 / (draws + 1))
