"""Whether errors of predicted numbers are as they were on validation rows, and of one size everywhere."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr

from vouch.challenges.calibration import drawings
from vouch.challenges.calibration.parts import REGRESSION, in_quarters
from vouch.challenges.judging import FEWEST_ROWS, judge, not_asked, too_few
from vouch.charts import curves as curve_chart
from vouch.contracts.case import Case, Scored
from vouch.contracts.finding import Check, Estimate, Figure, Table, Threshold
from vouch.statistics.delong import ranks
from vouch.wording import number

Floats = npt.NDArray[np.float64]

MOVED = Threshold(
    "quantile_gap", warn=0.05, fail=0.15,
    why="at 0.15 a limit that 90 of 100 errors kept on validation rows may be kept by 75 only",
)  # fmt: skip
UNEVEN = Threshold(
    "spread_correlation", warn=0.25, fail=0.6,
    why="from 0.25 on intervals of one width are clearly too wide for some predictions and too narrow for others",
)  # fmt: skip
# Where the distribution of the largest gap between two empirical curves has its 95 % point (Smirnov, 1948).
_SMIRNOV = 1.358
_NORMAL = 1.96
_LEVELS = np.linspace(0.05, 0.95, 19)


def residual_quantiles(case: Case) -> Check:
    """Are errors of sealed rows spread as those of validation rows, on which any interval must rest?

    The largest gap between the two distributions (Kolmogorov and Smirnov), which is also the farthest that probability
    integral transforms of the sealed rows stray from evenness (Gneiting, Balabdaoui and Raftery, 2007).

    Promises to find: a gap of 0.2, such as a bias of half a standard deviation of the error, on 500 validation and
    500 sealed rows.
    """
    name = "residual_quantiles"
    if case.bundle.task.name != REGRESSION:
        return not_asked(name, "the predictions are no numbers")
    valid, test = case.scored("valid"), case.scored("test")
    smaller, what = min((len(valid.rows), "validation rows"), (len(test.rows), "sealed rows"))
    if smaller < FEWEST_ROWS:
        return too_few(name, smaller, what)
    before, after = valid.truth - valid.decoded, test.truth - test.decoded
    from scipy.stats import ks_2samp

    gap = ks_2samp(before, after, method="asymp")
    value, units = float(gap.statistic), [_units(case, part) for part in (valid, test)]
    reach = _SMIRNOV * math.sqrt(1 / units[0] + 1 / units[1])
    ends = max(value - reach, 0.0), min(value + reach, 1.0)
    estimate = Estimate("quantile_gap", value, *ends, len(after), "", False, method="smirnov")
    p = float(gap.pvalue) if case.groups is None else None
    threshold = case.threshold(MOVED, name)
    found = judge(estimate, threshold, p)
    headline = (
        f"Errors of the sealed rows are spread as on validation rows to within {number(value)} of the rows; the mean "
        f"error is {number(float(after.mean()))} here and {number(float(before.mean()))} there."
    )
    figure = _transforms(before, after, headline)
    return Check(name, found.verdict, headline, found.reason, (estimate,), threshold, p, figures=(figure,))


def residual_spread(case: Case) -> Check:
    """Do errors grow, or shrink, with the predicted number?

    Spearman's correlation of the absolute error with the prediction, its interval by Fisher's transform (Bonett and
    Wright, 2000). Only growth in one direction is looked for.

    Promises to find: a standard deviation of the error that grows fivefold from the lowest to the highest prediction,
    on 500 sealed rows.
    """
    name = "residual_spread"
    if case.bundle.task.name != REGRESSION:
        return not_asked(name, "the predictions are no numbers")
    test = case.scored("test")
    if len(test.rows) < FEWEST_ROWS:
        return too_few(name, len(test.rows), "sealed rows")
    errors = np.abs(test.truth - test.decoded)
    quarters = in_quarters("prediction", test.decoded)
    if len(quarters) < 2 or np.ptp(errors) == 0:
        return not_asked(name, "all predictions, or all errors, are the same")
    estimate, p = correlation(test.decoded, errors, _units(case, test))
    threshold = case.threshold(UNEVEN, name)
    found = judge(estimate, threshold, p)
    typical = [float(np.median(errors[one.members])) for one in quarters]
    headline = (
        f"The typical error is {number(typical[0])} where predictions are lowest and {number(typical[-1])} where they "
        f"are highest; the rank correlation of their sizes is {number(estimate.value)}."
    )
    rows = [{"who": one.name, "value": value} for one, value in zip(quarters, typical, strict=True)]
    spec = drawings.bars(headline, rows, "Quarter of the predictions", "Median absolute error")
    figure = Figure("residual_spread", "Size of errors by prediction", headline, spec)
    heads = ("quarter of the predictions", "rows", "median absolute error")
    cells = tuple((one.name, int(one.members.sum()), v) for one, v in zip(quarters, typical, strict=True))
    table = Table("Size of errors by prediction", heads, cells)
    return Check(
        name, found.verdict, headline, found.reason, (estimate,), threshold, p, figures=(figure,), tables=(table,)
    )


def correlation(x: Floats, y: Floats, units: int) -> tuple[Estimate, float]:
    """The size of Spearman's correlation of two columns (n,), and the p-value of there being none.

    Args:
        x: one column.
        y: the other.
        units: how many independent rows there are.

    Example:
        >>> correlation(np.arange(100.0), -np.arange(100.0), 100)[0].value > 0.999
        True
    """
    rho = float(np.clip(np.corrcoef(ranks(x), ranks(y))[0, 1], -1, 1))
    size = min(abs(rho), 1 - 1e-9)
    reach = _NORMAL * math.sqrt((1 + size**2 / 2) / max(units - 3, 1))
    signed_low, high = math.tanh(math.atanh(size) - reach), math.tanh(math.atanh(size) + reach)
    score = size * math.sqrt(max(units - 2, 1) / (1 - size**2))
    p = float(2 * stdtr(max(units - 2, 1), -score))
    estimate = Estimate(
        "spread_correlation", abs(rho), max(signed_low, 0.0), max(high, abs(rho)), len(x), "", False, method="fisher"
    )
    return estimate, p


def _units(case: Case, scored: Scored) -> int:
    """How many of the rows are independent: all, or as many as there are groups."""
    return len(scored.rows) if case.groups is None else len(np.unique(case.groups[scored.rows]))


def _transforms(before: Floats, after: Floats, says: str) -> Figure:
    """For each level the share of sealed rows whose error lies below that quantile of the validation rows."""
    cut = np.quantile(before, _LEVELS)
    lines = {
        "sealed rows": [float((after <= c).mean()) for c in cut],
        "validation rows": _LEVELS.tolist(),
    }
    rows = [
        {"x": float(x), "y": y, "line": name} for name, ys in lines.items() for x, y in zip(_LEVELS, ys, strict=True)
    ]
    spec = curve_chart(says, rows, "Share of validation rows with a lower error", "Share of sealed rows below it")
    return Figure("residual_quantiles", "Errors of sealed rows among those of validation rows", says, spec)
