"""Whether there is an explanation that is true of the network: what it calls important is what the answers follow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vouch.challenges.black_box.attributed import Floats, Tried, asked, attributed, best, suitable
from vouch.challenges.black_box.rowwise import row_by_row
from vouch.challenges.judging import judge, not_asked, too_few
from vouch.charts import curves as curve_chart
from vouch.contracts.case import Case
from vouch.contracts.explaining import Explainer
from vouch.contracts.finding import Check, Estimate, Figure, Table, Threshold
from vouch.explainers import ALL
from vouch.explainers.faithfulness import rank_correlation
from vouch.statistics.simultaneous import Together, several_means
from vouch.wording import number

FAITHFUL = Threshold(
    "faithfulness", warn=0.2, fail=0.0, higher_is_worse=False,
    why="0 is what a random order of the parts gives on average, whatever the network; the truth gives a half and more",
)  # fmt: skip
PLAIN = "gradient"
_FEWEST = 20
_POINTS = 41


def faithful_explanations(case: Case, methods: Sequence[Explainer] = ALL) -> Check:
    """Do the answers follow what an explanation calls important?

    Parts of a row are taken out, and put in, in the order of their contributions; the figure is the area under the
    curve of insertion less that of deletion (Samek and others, 2017; Petsiuk, Das and Saenko, 2018), as a share of how
    far answers move on the way. It is 0 on average for an order that knows nothing. The method is the one that was best
    on validation rows; the figure is of sealed rows. All other methods are shown beside it, with intervals that hold
    for all at once, and those that are not better than chance are named as failed.

    Promises to find: contributions that have nothing to do with the network, on 60 sealed rows of columns or 24 others.
    """
    name = "faithful_explanations"
    some = asked(case, "test")
    if not some.questions or not asked(case, "valid").questions:
        return not_asked(name, "the network is told one thing alone, so there is nothing to weigh")
    if len(some.rows) < _FEWEST:
        return too_few(name, len(some.rows), "sealed rows", _FEWEST)
    chosen, fit = best(case, methods), suitable(case, methods)
    found = [attributed(case, "test", method) for method in fit]
    gaps = np.stack([one.shares for one in found], axis=1)
    known = several_means(gaps, np.ones(gaps.shape, bool), some.together(case))
    place = fit.index(chosen)
    low, high = known.alone[:, place]
    value = float(known.value[place])
    estimate = Estimate(f"{FAITHFUL.name}[{chosen.name}]", value, float(low), float(high), len(gaps), method="t")
    threshold = case.threshold(FAITHFUL, name)
    judged = judge(estimate, threshold)
    headline = (
        f"Of {len(fit)} methods '{chosen.name}' was the truest on validation rows; on {len(gaps)} sealed rows answers "
        f"follow it by {number(value)} of their range, where 0 is chance{_failed(fit, known)}."
    )
    figures = (_figure(found[place], headline, _unit(case)), *row_by_row(case, some, found[place]))
    return Check(
        name, judged.verdict, headline, judged.reason, (estimate,), threshold, figures=figures,
        tables=(_table(case, found, known, chosen),),
    )  # fmt: skip


def _failed(fit: Sequence[Explainer], known: Together) -> str:
    """The methods that are not better than chance, in the middle of a sentence."""
    lost = [method.name for method, low in zip(fit, known.low, strict=True) if low <= 0]
    return f"; not better than chance: {', '.join(lost)}" if lost else ""


def _table(case: Case, found: Sequence[Tried], known: Together, chosen: Explainer) -> Table:
    """All methods, the best on validation rows first."""
    place = next(k for k, one in enumerate(found) if one.method is chosen)
    plain = next((one.shares for one in found if one.method.name == PLAIN), None)
    valid = [float(attributed(case, "valid", one.method).shares.mean()) for one in found]
    rows = []
    for k in np.argsort(-np.array(valid), kind="stable"):
        one = found[k]
        said = "better than chance" if known.low[k] > 0 else "worse than chance" if known.high[k] < 0 else "failed"
        beyond = "" if plain is None or one.method.name == PLAIN else _beyond(case, one.shares - plain)
        rows.append((
            one.method.name + (" (chosen)" if one.method is chosen else ""), round(valid[k], 4),
            *(round(float(x[k]), 4) for x in (known.value, known.low, known.high)), said, beyond,
            round(_agreement(one, found[place]), 3),
        ))  # fmt: skip
    heads = (
        "method", "on validation rows", "on sealed rows", "from", "to", "verdict", f"beyond {PLAIN}", "agrees by",
    )  # fmt: skip
    return Table("How closely answers follow each method", heads, tuple(rows))


def _agreement(one: Tried, other: Tried) -> float:
    """Rank correlation of the sizes of contributions of two methods, the mean over rows."""
    pairs = zip(one.found, other.found, strict=True)
    each = np.concatenate([rank_correlation(a.values, b.values) for a, b in pairs])
    return float(each[~np.isnan(each)].mean()) if (~np.isnan(each)).any() else 0.0


def _beyond(case: Case, moved: Floats) -> str:
    """How much more closely answers follow one method than another, row by row."""
    one = several_means(moved, np.ones((len(moved), 1), bool), asked(case, "test").together(case))
    return f"{number(float(one.value[0]))} [{number(float(one.low[0]))}, {number(float(one.high[0]))}]"


def _figure(one: Tried, says: str, unit: str) -> Figure:
    """The mean answer while parts are put in, and taken out, over the share of the parts."""
    shares = np.linspace(0, 1, _POINTS)
    rows = []
    for line, curves in (
        ("put in", [c.insertion for c in one.curves]),
        ("taken out", [c.deletion for c in one.curves]),
    ):
        each = [np.interp(shares, np.linspace(0, 1, curve.shape[1]), row) for curve in curves for row in curve]
        mean = np.mean(each, axis=0)
        rows += [{"x": float(x), "y": float(y), "line": line} for x, y in zip(shares, mean, strict=True)]
    spec = curve_chart(says, rows, "Share of the parts, the most important first", f"Mean answer {unit}".strip())
    return Figure("faithful_explanations", f"The answer while parts come and go by '{one.method.name}'", says, spec)


def _unit(case: Case) -> str:
    """The unit of what is explained: none of a probability."""
    return "" if case.bundle.task.classes else case.bundle.schema.target.name
