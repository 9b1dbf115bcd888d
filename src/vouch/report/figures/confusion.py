"""The confusion matrix: what was true against what was said."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from vouch.charts import FIRST, INK, WIDTH, Spec, chart
from vouch.contracts.finding import Figure
from vouch.report.held import Held
from vouch.wording import count

MOST_CLASSES = 20
_WITH_COUNTS = 12


def confusion_matrix(held: Held) -> Figure | None:
    """Rows by true and predicted class; none for multilabel, where a row has many of both.

    Of more than 20 classes it shows the 20 with most wrong rows, true or predicted.
    """
    if held.task == "multilabel":
        return None
    counts = held.actual.T.astype(np.int64) @ held.chosen.astype(np.int64)
    wrong = counts - np.diag(np.diag(counts))
    worst = np.sort(np.argsort(-(wrong.sum(axis=0) + wrong.sum(axis=1)), kind="stable")[:MOST_CLASSES])
    says = _says(held, wrong)
    if len(held.classes) > MOST_CLASSES:
        says += f" Of {len(held.classes)} classes the {MOST_CLASSES} with most wrong rows are drawn."
    shown = [held.classes[k] for k in worst]
    rows = _cells(counts[np.ix_(worst, worst)], counts.sum(axis=1)[worst], shown)
    return Figure("confusion_matrix", "Confusion matrix", says, _spec(says, rows, shown))


def _says(held: Held, wrong: npt.NDArray[np.int64]) -> str:
    right = held.rows - int(wrong.sum()) - int((~held.actual.any(axis=1)).sum())
    said = f"{right:,} of {count(held.rows, 'sealed row')} were called right"
    if not wrong.any():
        return said + "; no class was taken for another."
    true, called = (int(i) for i in np.unravel_index(wrong.argmax(), wrong.shape))
    pair = f"“{held.classes[true]}” called “{held.classes[called]}”"
    return f"{said}; the most frequent mistake is {pair}, {count(int(wrong[true, called]), 'time')}."


def _cells(counts: npt.NDArray[np.int64], totals: npt.NDArray[np.int64], names: list[str]) -> list[dict[str, Any]]:
    return [
        {"true": true, "called": called, "rows": int(counts[i, j]), "share": float(counts[i, j] / max(totals[i], 1))}
        for i, true in enumerate(names)
        for j, called in enumerate(names)
    ]


def _spec(says: str, rows: list[dict[str, Any]], order: list[str]) -> Spec:
    few = len(order) <= _WITH_COUNTS
    limit = {"labelLimit": 90, "grid": False, "domain": False, "ticks": False, "labelFontSize": 12 if few else 10}
    tilt = {"labelAngle": -40 if max(map(len, order)) > 3 and len(order) > 2 else 0}
    x = {"field": "called", "type": "nominal", "sort": order, "title": "Predicted", "axis": {**limit, **tilt}}
    y = {"field": "true", "type": "nominal", "sort": order, "title": "True", "axis": limit}
    opacity = {
        "field": "share",
        "type": "quantitative",
        "legend": None,
        "scale": {"domain": [0, 1], "range": [0.03, 0.6]},
    }
    cells = {"mark": {"type": "rect", "fill": FIRST}, "encoding": {"x": x, "y": y, "fillOpacity": opacity}}
    faint = {"condition": {"test": "datum.rows === 0", "value": 0.35}, "value": 1}
    size = 13 if len(order) < 7 else 11
    counts = {
        "mark": {"type": "text", "color": INK, "fontSize": size},
        "encoding": {"x": x, "y": y, "text": {"field": "rows", "format": ","}, "opacity": faint},
    }
    return chart(says, rows, [cells, counts] if few else [cells], height=min(WIDTH, 180 + 30 * len(order)))
