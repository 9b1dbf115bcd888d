"""The pictures of this challenge: figures with their intervals, curves, and the reliability diagram."""

from __future__ import annotations

from typing import Any

from vouch.charts import FIRST, MUTED, Spec, chart, data, names, quantity, share

Rows = list[dict[str, Any]]


def reliability(says: str, rows: Rows) -> Spec:
    """What happened against what was promised, with the band of each bin and a dashed line where they agree.

    Args:
        says: what it shows.
        rows: with "promised", "happened", "low" and "high".
    """
    x, y = share("promised", "Promised probability"), share("happened", "Share that came true")
    plain = {"x": {"field": "promised", "type": "quantitative"}, "y": {"field": "happened", "type": "quantitative"}}
    layers = [
        {
            "data": data([{"promised": 0, "happened": 0}, {"promised": 1, "happened": 1}]),
            "mark": {"type": "line", "color": MUTED, "strokeDash": [4, 4], "strokeWidth": 1},
            "encoding": plain,
        },
        {
            "mark": {"type": "area", "color": FIRST, "opacity": 0.15},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {
            "mark": {"type": "line", "color": FIRST, "point": {"filled": True, "size": 50, "color": FIRST}},
            "encoding": {"x": x, "y": y},
        },
    ]
    return chart(says, rows, layers, height=360)


def bars(says: str, rows: Rows, across: str, up: str) -> Spec:
    """One bar for each row of "who" and "value", in their order."""
    x = names("who", [row["who"] for row in rows], across)
    layers = [{"mark": {"type": "bar", "color": FIRST}, "encoding": {"x": x, "y": quantity("value", up, zero=True)}}]
    return chart(says, rows, layers)
