"""The reliability diagram: how often what was promised came true."""

from __future__ import annotations

import numpy as np

from vouch.charts import FIRST, MUTED, Spec, chart, data, share
from vouch.contracts.finding import Figure
from vouch.report.held import Bools, Floats, Held
from vouch.statistics.calibration import reliability_bins
from vouch.wording import number

_MOST_BINS = 10
_FEWEST_ROWS = 20


def reliability_diagram(held: Held) -> Figure | None:
    """Promised probability against what happened, in bins of equal mass with 95 % bands; none on too few rows.

    Of two classes it is the second's probability, of more the highest one, for multilabel every label's.
    """
    promised, happened, what = _question(held)
    bins = min(_MOST_BINS, len(promised) // _FEWEST_ROWS)
    if bins < 2:
        return None
    found = reliability_bins(promised, happened, bins)
    rows = [
        {"promised": float(p), "happened": float(y), "low": float(low), "high": float(high)}
        for p, y, low, high in zip(found.promised, found.happened, found.low, found.high, strict=True)
    ]
    bins = len(rows)
    gap = max(rows, key=lambda row: abs(row["promised"] - row["happened"]))
    outside = sum(not row["low"] <= row["promised"] <= row["high"] for row in rows)
    says = (
        f"{what}: in {outside} of {bins} groups of about equal size the promised probability lies outside the 95 % "
        "band of what happened. "
        f"The widest gap: {number(gap['promised'])} promised, {number(gap['happened'])} happened."
    )
    return Figure("reliability_diagram", "Reliability", says, _spec(says, rows))


def _question(held: Held) -> tuple[Floats, Bools, str]:
    if held.task == "binary":
        return held.score[:, 1], held.actual[:, 1], f"Probability of “{held.classes[1]}”"
    if held.task == "multilabel":
        return held.score.ravel(), held.actual.ravel(), "Probability of every label"
    return (
        held.score.max(axis=1),
        np.asarray((held.actual & held.chosen).any(axis=1)),
        "Probability of the predicted class",
    )


def _spec(says: str, rows: list[dict[str, float]]) -> Spec:
    x, y = share("promised", "Promised probability"), share("happened", "Share that came true")
    line = {"x": {"field": "promised", "type": "quantitative"}, "y": {"field": "happened", "type": "quantitative"}}
    ends = [{"promised": 0, "happened": 0}, {"promised": 1, "happened": 1}]
    layers = [
        {
            "data": data(ends),
            "mark": {"type": "line", "color": MUTED, "strokeDash": [4, 4], "strokeWidth": 1},
            "encoding": line,
        },
        {
            "mark": {"type": "rule", "color": FIRST, "strokeWidth": 2, "opacity": 0.6},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1, "color": FIRST},
            "encoding": {"x": x, "y": y},
        },
    ]
    return chart(says, rows, layers, height=360)
