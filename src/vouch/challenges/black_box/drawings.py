"""The pictures of this challenge: curves of the answer, and bars of what it rests on."""

from __future__ import annotations

from typing import Any

from vouch.charts import FIRST, INK, MUTED, SECOND, Spec, chart, names, quantity, written

Rows = list[dict[str, Any]]
_LINE_HEIGHT, _MARGIN, _LEVELS = 24, 70, 25


def bars(says: str, rows: Rows, title: str) -> Spec:
    """One bar with its interval for each name.

    Args:
        says: what they show.
        rows: with "who", "value", "low" and "high", in their order.
        title: of the axis.
    """
    who, x = names("who", [row["who"] for row in rows]), quantity("value", title, zero=True)
    layers: list[Spec] = [
        {"mark": {"type": "bar", "color": FIRST, "opacity": 0.8}, "encoding": {"y": who, "x": x}},
        {
            "mark": {"type": "rule", "color": SECOND, "strokeWidth": 2},
            "encoding": {"y": who, "x": {**x, "field": "low"}, "x2": {"field": "high"}},
        },
    ]
    return chart(says, rows, layers, height=_MARGIN + _LINE_HEIGHT * len(rows))


def followed(says: str, rows: Rows, x: str, y: str) -> Spec:
    """A curve with its band, and a dashed one beside it.

    Args:
        says: what they show.
        rows: with "x", "local", "low", "high" and "everywhere".
        x: title of the axis of the quantity.
        y: title of the axis of the answer.
    """
    at, up = quantity("x", x), quantity("local", y)
    layers: list[Spec] = [
        {
            "mark": {"type": "area", "color": FIRST, "opacity": 0.2},
            "encoding": {"x": at, "y": {**up, "field": "low"}, "y2": {"field": "high"}},
        },
        {"mark": {"type": "line", "color": FIRST, "strokeWidth": 2}, "encoding": {"x": at, "y": up}},
        {
            "mark": {"type": "line", "color": MUTED, "strokeDash": [4, 4]},
            "encoding": {"x": at, "y": {**up, "field": "everywhere"}},
        },
    ]
    return chart(says, rows, layers)


def outline(says: str, rows: Rows) -> Spec:
    """Lines of text, further in the deeper they stand, as a tree is written down.

    Args:
        says: what they show.
        rows: with "line", "depth", "said" and "kind", which is "question" or "answer".
    """
    hidden = {"axis": None, "type": "quantitative"}
    x = {**hidden, "field": "depth", "scale": {"domain": [0, _LEVELS], "nice": False}}
    y = {**hidden, "field": "line", "scale": {"domain": [len(rows) - 0.5, -0.5], "nice": False}}
    colour = {
        "field": "kind", "type": "nominal", "legend": None,
        "scale": {"domain": ["question", "answer"], "range": [INK, FIRST]},
    }  # fmt: skip
    lines = written("said", {"x": x, "y": y, "color": colour})
    return chart(says, rows, [lines], height=_MARGIN // 2 + _LINE_HEIGHT * len(rows))
