"""How much data is enough: what the error would be with more rows, from what it is with fewer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vouch.challenges.judging import judge, p_beyond
from vouch.challenges.overfitting.forecasting import gain_from_doubling
from vouch.challenges.overfitting.held import held, relative
from vouch.challenges.overfitting.subsets import Rows, nested, shares_for, smaller, strata_of
from vouch.charts import FIRST, MUTED, SECOND, Spec, chart, data, quantity
from vouch.contracts.case import BudgetSpent, Case, Scored
from vouch.contracts.finding import Check, Estimate, Figure, Table, Threshold
from vouch.statistics.compare import main_metric
from vouch.statistics.evidence import Truth
from vouch.statistics.intervals import Floats
from vouch.statistics.mover import Ends
from vouch.statistics.power_law import Forecast, LearningCurve, fit_power_law
from vouch.tasks.metrics import MetricSpec
from vouch.wording import metric, metric_within, number

_FEWEST_SIZES = 3
_FEWEST_ROWS = 40
_FEWEST_SCORED, _FEWEST_TESTED = 100, 50
_MOST_SCORED = 5000
_RESAMPLES = 200
_GOALS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)

GAIN = Threshold(
    "gain",
    warn=0.1,
    fail=0.35,
    why="share of the error that twice the data would take away; from a tenth on more rows are worth more than most "
    "remedies, and .35 is steeper than learning curves are known to be where data is not the bottleneck",
)


@dataclass(frozen=True, slots=True)
class Point:
    """The error of one training run.

    Args:
        rows: that it learned from.
        error: on rows that it never saw.
        low: lower end of its 95 % interval.
        high: upper end.
        measured: on which rows.
    """

    rows: int
    error: float
    low: float
    high: float
    measured: str

    @property
    def deviation(self) -> float:
        """The standard error of the error."""
        return max((self.high - self.low) / 3.92, 1e-9)


def data_needed(case: Case) -> Check:
    """What twice the data would give, and how many rows a rounder figure takes.

    Networks are trained on nested parts of the training rows and scored on training rows that are in none of the
    parts; the bundle itself, on sealed rows, is the largest. The sealed rows choose nothing here. A power law with a
    floor goes through the errors. Promises to warn of a curve whose RMSE falls by 30 % with each doubling, or whose
    error in a share by 40 %, with 1 000 rows to score on.

    Args:
        case: the network and its data.

    Returns:
        The share of the error that twice the data would take away; the forecast error; the rows that are needed.
    """
    test = case.scored("test")
    spec, half = _spec(case, test), _half(case)
    points = (*_smaller_fits(case, spec, bool(half)), *half, *_full(case, test, spec))
    if len(points) < _FEWEST_SIZES:
        return Check(
            "data_needed",
            "inconclusive",
            "Too few networks could be trained on parts of the rows to tell what more data would give.",
            f"{_FEWEST_SIZES} sizes of {_FEWEST_ROWS} rows and more are needed, and the time to train on them; "
            f"there are {len(points)}",
        )
    curve = fit_power_law([p.rows for p in points], [p.error for p in points], [p.deviation for p in points])
    rows = points[-1].rows
    gain = Estimate("gain", *gain_from_doubling(curve), rows, "", False, "train", "power law")
    twice = _twice(curve.at(2.0 * rows), rows, spec, case)
    threshold = case.threshold(GAIN, "data_needed")
    p_value = p_beyond(gain, threshold)
    judgement = judge(gain, threshold, p_value)
    now = curve.at(rows).value
    goal = _goal(spec, now)
    needed = curve.rows_for(goal)
    headline = (
        f"By the curve through {len(points)} sizes, {metric_within(spec.name)} is {number(_shown(spec, now))} with "
        f"{rows:,} rows; twice the rows would give {number(twice.value)} "
        f"({number(twice.low)} to {number(twice.high)}), "
        f"and {number(_shown(spec, goal))} {_in_rows(needed, rows)}."
    )
    ends = needed.value, needed.low, needed.high
    wanted = Estimate("rows_needed", *ends, rows, "rows", False, "train", "power law")
    estimates = (gain, twice, *((wanted,) if np.isfinite(ends).all() else ()))
    return Check(
        "data_needed",
        judgement.verdict,
        headline,
        judgement.reason,
        estimates,
        threshold,
        p_value,
        figures=(_figure(curve, points, spec, headline),),
        tables=(_table(points),),
    )


def _smaller_fits(case: Case, spec: MetricSpec, halves: bool) -> list[Point]:
    """Networks on nested parts of the training rows, smallest first, as far as the time goes."""
    lesson = case.lesson
    train = np.unique(lesson.train)
    groups = None if case.groups is None else case.groups[train]
    strata = strata_of(case.truth(train), bool(case.bundle.task.classes))
    order = nested(train, strata, groups, case.random("nested parts"))
    sizes = [round(share * len(order)) for share in shares_for(len(order), halves)]
    sizes = [size for size in sizes if size >= _FEWEST_ROWS]
    held_out = order[max(sizes, default=len(order)) :][:_MOST_SCORED]
    points: list[Point] = []
    if len(held_out) < _FEWEST_SCORED:
        return points
    for size in sizes:
        if not case.budget.fits(size / len(order)):
            break
        decoded = case.retrain(smaller(lesson, np.sort(order[:size])), held_out)
        points.append(_point(case, spec, size, held_out, decoded))
    return points


def _half(case: Case) -> tuple[Point, ...]:
    """Networks on one half of the rows each, where rows were predicted out of two folds; they cost nothing more."""
    try:
        scored = case.out_of_fold()
    except BudgetSpent:
        return ()
    if len(np.unique(scored.fold)) != 2 or len(scored.rows) < _FEWEST_SCORED:
        return ()
    part, size = held(case, scored), len(case.split.train) // 2
    spec = main_metric(part.truth, part.scored.decoded)
    return (_of(part.measured(spec, case.bundle.recipe.seed, _RESAMPLES), spec, size, "rows out of fold"),)


def _full(case: Case, test: Scored, spec: MetricSpec) -> tuple[Point, ...]:
    """The bundle itself."""
    if len(test.rows) < _FEWEST_TESTED:
        return ()
    ends = held(case, test).measured(spec, case.bundle.recipe.seed, _RESAMPLES)
    return (_of(ends, spec, len(case.split.train), "test rows"),)


def _point(case: Case, spec: MetricSpec, size: int, rows: Rows, decoded: Floats) -> Point:
    """The error of one smaller network on training rows that it did not learn from."""
    truth = case.truth(rows)
    losses = case.bundle.task.losses(decoded, truth)
    part = held(case, Scored(rows, decoded, truth, losses, "train", np.zeros(len(rows), np.int64)))
    return _of(part.measured(spec, case.bundle.recipe.seed, _RESAMPLES), spec, size, "other training rows")


def _of(ends: Ends, spec: MetricSpec, size: int, measured: str) -> Point:
    error, low, high = ends if relative(spec) else (1 - ends[0], 1 - ends[2], 1 - ends[1])
    return Point(size, max(error, 1e-6), max(low, 0.0), max(high, 1e-6), measured)


def _spec(case: Case, test: Scored) -> MetricSpec:
    task = case.bundle.task
    return main_metric(Truth(task.name, task.classes, test.truth), test.decoded)


def _twice(found: Forecast, rows: int, spec: MetricSpec, case: Case) -> Estimate:
    low, high = sorted((_shown(spec, found.low), _shown(spec, found.high)))
    unit = case.bundle.schema.target.name if relative(spec) else ""
    name, value = f"{spec.name}[twice the rows]", _shown(spec, found.value)
    return Estimate(name, value, low, high, 2 * rows, unit, spec.higher_is_better, "train", "power law")


def _goal(spec: MetricSpec, error: float) -> float:
    """The error to aim at: that of the next round share, or nine tenths of today's."""
    if relative(spec):
        return 0.9 * error
    return next((1 - goal for goal in _GOALS if 1 - goal < 0.97 * error), error / 2)


def _shown(spec: MetricSpec, error: float) -> float:
    return error if relative(spec) else 1 - error


def _in_rows(needed: Forecast, rows: int) -> str:
    value, low, high = needed.value, needed.low, needed.high
    if not np.isfinite(value):
        far = np.isfinite(low) and low > 2 * rows
        return f"is not in sight before {_rounded(low)} rows" if far else "is not in sight by more rows alone"
    if low < rows and not np.isfinite(high):
        return "may or may not take more rows than there are"
    most = _rounded(high) if np.isfinite(high) else "out of reach"
    return f"would take about {_rounded(value)} rows ({_rounded(low)} to {most})"


def _rounded(rows: float) -> str:
    """Two digits, for no forecast has more."""
    return f"{float(f'{rows:.1e}'):,.0f}"


def _table(points: Sequence[Point]) -> Table:
    rows = tuple((p.rows, p.error, p.low, p.high, p.measured) for p in points)
    return Table("Error by rows learned from", ("rows", "error", "low", "high", "measured on"), rows)


def _figure(curve: LearningCurve, points: Sequence[Point], spec: MetricSpec, says: str) -> Figure:
    """Errors that were seen, the curve, and its band, over sizes on a logarithmic axis."""
    sizes = np.geomspace(points[0].rows, 4 * points[-1].rows, 40)
    expected = [(float(n), curve.at(float(n))) for n in sizes]
    drawn: list[dict[str, Any]] = [
        {"rows": n, "value": found.value, "low": found.low, "high": found.high} for n, found in expected
    ]
    seen = [{"rows": p.rows, "value": p.error, "low": p.low, "high": p.high} for p in points]
    x: Spec = {**quantity("rows", "Training rows"), "scale": {"type": "log", "nice": False}}
    title = metric(spec.name) if relative(spec) else f"1 − {metric(spec.name)}"
    y = quantity("value", title, zero=True)
    ends: Spec = {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}
    layers: list[Spec] = [
        {"mark": {"type": "area", "color": MUTED, "opacity": 0.2}, "encoding": ends},
        {"mark": {"type": "line", "color": FIRST, "strokeWidth": 2}, "encoding": {"x": x, "y": y}},
        {"data": data(seen), "mark": {"type": "rule", "color": SECOND, "strokeWidth": 2}, "encoding": ends},
        {
            "data": data(seen),
            "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1, "color": SECOND},
            "encoding": {"x": x, "y": y},
        },
    ]
    return Figure("learning_curve", "What more data would give", says, chart(says, drawn, layers))
