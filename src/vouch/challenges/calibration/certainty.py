"""Whether the network is less certain where it is wrong: accuracy when the least certain rows are left to people."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from vouch.challenges.calibration.parts import REGRESSION
from vouch.challenges.judging import FEWEST_ROWS, judge, not_asked, together_of, too_few
from vouch.charts import curves as curve_chart
from vouch.contracts.case import Case, Scored
from vouch.contracts.finding import Check, Estimate, Figure, Table, Threshold
from vouch.statistics.delong import delong
from vouch.statistics.intervals import bootstrap
from vouch.tasks.metrics import OneVsRest, roc_auc_each
from vouch.wording import number

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

GUIDES = Threshold(
    "certainty_auc", warn=0.65, fail=0.55, higher_is_worse=False,
    why="0.5 is chance; below 0.55 rejecting by certainty is hardly better than rejecting at random",
)  # fmt: skip
_FEWEST_ERRORS = 20
_REJECTED = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)
_POINTS = 50
_DRAWS = 300


def accuracy_rejection(case: Case) -> Check:
    """Does accuracy rise when the least certain rows are rejected?

    The figure is the chance that a row called right is more certain than one called wrong: the ROC-AUC of certainty, of
    which the area under the curve of errors against rows kept is a linear function (AUGRC: Traub and others, 2024).
    Beside it stands the area under the risk-coverage curve (AURC: Geifman and El-Yaniv, 2017). Certainty is the highest
    probability; of labels, the probability of what was called, averaged.

    Promises to find: certainty that has nothing to do with being right, on 1,000 sealed rows with 100 errors.
    """
    name = "accuracy_rejection"
    if case.bundle.task.name == REGRESSION:
        return not_asked(name, "predictions that are numbers carry no certainty")
    test = case.scored("test")
    if len(test.rows) < FEWEST_ROWS:
        return too_few(name, len(test.rows), "sealed rows")
    certain, right = certainty(test)
    if min((~right).sum(), right.sum()) < _FEWEST_ERRORS:
        few = "wrong" if right.mean() > 0.5 else "right"
        return too_few(
            name, int(min((~right).sum(), right.sum())), f"sealed rows that were called {few}", _FEWEST_ERRORS
        )
    estimate = _area(certain, right, together_of(case, test))
    threshold = case.threshold(GUIDES, name)
    found = judge(estimate, threshold)
    ranked = right[np.argsort(-certain, kind="stable")]
    kept = _rest(ranked)
    headline = (
        f"Rejecting the least certain tenth of the sealed rows takes accuracy from {number(float(right.mean()))} to "
        f"{number(kept(0.1))}; a right row is more certain than a wrong one with probability {number(estimate.value)}."
    )
    heads = ("rejected", "rows kept", "accuracy of the rest")
    rows = tuple((share, len(right) - round(share * len(right)), round(kept(share), 4)) for share in _REJECTED)
    table = Table("Accuracy when the least certain rows are rejected", heads, rows)
    figure, tables = _curve(right, kept, headline), (table, _risks(ranked))
    return Check(name, found.verdict, headline, found.reason, (estimate,), threshold, figures=(figure,), tables=tables)


def certainty(scored: Scored) -> tuple[Floats, Bools]:
    """How certain the network is of each row (n,), and whether it is right."""
    p = scored.decoded
    if scored.truth.ndim == 2:
        return np.maximum(p, 1 - p).mean(axis=1), ((p >= 0.5) == (scored.truth == 1)).all(axis=1)
    return p.max(axis=1), p.argmax(axis=1) == scored.truth


def aurc(ranked: Bools) -> float:
    """Mean share of errors among the rows kept, over all numbers of rows kept; 0 is best.

    Args:
        ranked: whether each row is right (n,), the most certain first.

    Example:
        >>> aurc(np.array([True, False])), aurc(np.array([False, True]))
        (0.25, 0.75)
    """
    return float(((~ranked).cumsum() / np.arange(1, len(ranked) + 1)).mean())


def _area(certain: Floats, right: Bools, groups: npt.NDArray[np.generic] | None) -> Estimate:
    """The chance that a right row is more certain than a wrong one; over groups where rows belong together."""
    found = delong(right, certain)
    ends, method = (found.low, found.high), "delong"
    if groups is not None:
        view = OneVsRest(right[:, None], right[:, None], certain[:, None])
        drawn = bootstrap(lambda weights: roc_auc_each(view, weights), len(right), resamples=_DRAWS, groups=groups)
        low, high = drawn.interval()
        ends, method = (float(low[0]), float(high[0])), "bootstrap"
    return Estimate("certainty_auc", found.value, *ends, len(right), method=method)


def _risks(ranked: Bools) -> Table:
    wrong = float((~ranked).mean())
    rows = (
        ("this network", round(aurc(ranked), 4)),
        ("at random", round(wrong, 4)),
        ("knowing every error", round(aurc(np.sort(ranked)[::-1]), 4)),
    )
    return Table("Area under the risk-coverage curve (AURC), lower is better", ("who decides", "AURC"), rows)


def _rest(right: Bools) -> Callable[[float], float]:
    """Accuracy of the rest by the share that is rejected; rows come in their order, the most certain first."""
    accuracy = right.cumsum() / np.arange(1, len(right) + 1)
    return lambda rejected: float(accuracy[max(len(right) - round(rejected * len(right)), 1) - 1])


def _curve(right: Bools, kept: Callable[[float], float], says: str) -> Figure:
    shares = np.linspace(0, 0.95, _POINTS)
    ideal = _rest(np.sort(right)[::-1])
    lines = {"this network": kept, "knowing every error": ideal, "at random": lambda _: float(right.mean())}
    rows = [{"x": float(x), "y": line(float(x)), "line": name} for name, line in lines.items() for x in shares]
    spec = curve_chart(says, rows, "Share of rows rejected", "Accuracy of the rest")
    return Figure("accuracy_rejection", "Accuracy when the least certain rows are rejected", says, spec)
