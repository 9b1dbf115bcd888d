"""How much of each class was found."""

from __future__ import annotations

import numpy as np

from vouch.charts import FIRST, MUTED, Spec, chart, names, share
from vouch.contracts.finding import Figure
from vouch.report.held import Held
from vouch.statistics.intervals import wilson
from vouch.wording import number

MOST_CLASSES = 25


def recall_by_class(held: Held) -> Figure | None:
    """Recall of each class with its 95 % interval, weakest first; the weakest 25 of more than that."""
    n = held.actual.sum(axis=0)
    occurring = np.flatnonzero(n)
    if not len(occurring):
        return None
    found = (held.actual & held.chosen).sum(axis=0)
    low, high = wilson(found, n)
    recall = found / np.maximum(n, 1)
    weakest = occurring[np.argsort(recall[occurring], kind="stable")]
    first, last = int(weakest[0]), int(weakest[-1])
    says = (
        f"Least is found of “{held.classes[first]}”: {number(float(recall[first]))} of its {n[first]:,} sealed rows "
        f"(95 % interval {number(float(low[first]))} to {number(float(high[first]))}); most of “{held.classes[last]}”: "
        f"{number(float(recall[last]))}."
    )
    rows = [
        {"class": held.classes[k], "recall": float(recall[k]), "low": float(low[k]), "high": float(high[k])}
        for k in weakest[:MOST_CLASSES]
    ]
    return Figure("recall_by_class", "Recall of each class", says, _spec(says, rows))


def _spec(says: str, rows: list[dict[str, object]]) -> Spec:
    y = names("class", [str(row["class"]) for row in rows])
    x = share("recall", "Recall: share of the class that was found")
    span = {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": y}
    layers = [
        {"mark": {"type": "rule", "color": MUTED, "strokeWidth": 2}, "encoding": span},
        {
            "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1, "color": FIRST},
            "encoding": {"x": x, "y": y},
        },
    ]
    return chart(says, rows, layers, height=70 + 26 * len(rows))
