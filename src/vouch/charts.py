"""The look that all figures share, and the pieces that they are put together from."""

from __future__ import annotations

from typing import Any, TypeAlias

Spec: TypeAlias = dict[str, Any]

# The light page's colours; the page swaps them for its own in the dark. Blue and vermilion are told apart by readers
# with any kind of colour vision (Okabe and Ito, 2008), here dark enough for text on white.
INK, MUTED, GRID = "#1a2129", "#5a6672", "#dde2e7"
FIRST, SECOND, PAPER = "#0a63a8", "#c2410c", "#fdfdfc"
# How high a value is. Green and purple are told apart by readers with any kind of colour vision too (Brewer, 2003), and
# speak for no direction, as blue and vermilion do; they become darker, on a dark page lighter, as values rise.
GRADES = {"low": "#2f9e4f", "lower": "#71862a", "higher": "#9c5fb5", "high": "#561a75"}
NO_ORDER = "no order"
COLOURS = {"ink": INK, "muted": MUTED, "grid": GRID, "first": FIRST, "second": SECOND, "paper": PAPER, **GRADES}

WIDTH, HEIGHT = 400, 290
_LINE_HEIGHT, _MARGIN = 24, 70
_FONT = "Helvetica, Arial, sans-serif"
_AXIS = {
    "domainColor": MUTED,
    "tickColor": MUTED,
    "gridColor": GRID,
    "labelColor": MUTED,
    "titleColor": INK,
    "labelFontSize": 12,
    "titleFontSize": 12,
    "titleFontWeight": "normal",
    "labelFont": _FONT,
    "titleFont": _FONT,
    "labelLimit": 130,
    "titleLimit": 340,
    "tickSize": 4,
    "titlePadding": 8,
}


def chart(says: str, rows: list[dict[str, Any]], layers: list[Spec], height: int = HEIGHT) -> Spec:
    """A specification of layers in the shared look, of one fixed outer size.

    Args:
        says: its description for those who cannot see it.
        rows: the data; a layer may bring its own.
        layers: what is drawn, in order.
        height: of the whole figure, in pixels.
    """
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "description": says,
        "width": WIDTH,
        "height": height,
        "autosize": {"type": "fit", "contains": "padding"},
        "background": None,
        # Names are often wider in the reader's font than they were measured to be.
        "padding": {"left": 12, "right": 4, "top": 4, "bottom": 4},
        "data": data(rows),
        "layer": layers,
        "config": {
            "aria": False,
            "font": _FONT,
            "view": {"stroke": None},
            "axis": _AXIS,
            "text": {"color": INK, "font": _FONT, "fontSize": 12},
            "legend": {
                "labelColor": INK,
                "labelFontSize": 12,
                "labelFont": _FONT,
                "labelLimit": 200,
                "orient": "top",
                "title": None,
            },
        },
    }


def data(rows: list[dict[str, Any]]) -> Spec:
    """Rows inside a specification."""
    return {"values": rows}


def share(field: str, title: str) -> Spec:
    """An axis from 0 to 1."""
    axis = {"values": [0, 0.25, 0.5, 0.75, 1], "format": ".2~f"}
    return {"field": field, "type": "quantitative", "title": title, "scale": {"domain": [0, 1]}, "axis": axis}


def quantity(field: str, title: str, zero: bool = False) -> Spec:
    """An axis of numbers, ending where the data ends."""
    scale = {"zero": zero, "nice": True}
    return {"field": field, "type": "quantitative", "title": title, "scale": scale, "axis": {"tickCount": 5}}


def names(field: str, order: list[str], title: str | None = None) -> Spec:
    """An axis of names, in the given order."""
    return {
        "field": field,
        "type": "nominal",
        "title": title,
        "sort": order,
        "axis": {"grid": False, "domain": False, "ticks": False},
    }


def written(field: str, encoding: Spec, look: Spec | None = None) -> Spec:
    """A layer of words that begin where they stand.

    Args:
        field: that holds the words.
        encoding: where they stand, and in which colour.
        look: how else they stand there, such as ``{"align": "right"}``.
    """
    mark = {"type": "text", "align": "left", **(look or {})}
    return {"mark": mark, "encoding": {**encoding, "text": {"field": field}}}


def intervals(says: str, rows: list[dict[str, Any]], stated: float, title: str) -> Spec:
    """One point with its interval for each subgroup, beside a dashed line where it should lie.

    Args:
        says: what it shows.
        rows: with "who", "value", "low" and "high", in their order.
        stated: where the dashed line stands.
        title: of the axis.
    """
    who = names("who", [row["who"] for row in rows])
    x = quantity("value", title)
    layers = [
        {
            "data": data([{"stated": stated}]),
            "mark": {"type": "rule", "color": MUTED, "strokeDash": [4, 4]},
            "encoding": {"x": {"field": "stated", "type": "quantitative"}},
        },
        {
            "mark": {"type": "rule", "color": FIRST, "strokeWidth": 2, "opacity": 0.6},
            "encoding": {"y": who, "x": {**x, "field": "low"}, "x2": {"field": "high"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1, "color": FIRST},
            "encoding": {"y": who, "x": x},
        },
    ]
    return chart(says, rows, layers, height=_MARGIN + _LINE_HEIGHT * len(rows))


def curves(says: str, rows: list[dict[str, Any]], across: str, up: str) -> Spec:
    """Lines in two colours and a dashed grey one.

    Args:
        says: what it shows.
        rows: with "x", "y" and "line": the first two lines that occur are coloured, the third is grey.
        across: title of the horizontal axis.
        up: title of the vertical axis.
    """
    lines = list(dict.fromkeys(row["line"] for row in rows))
    colour = {"field": "line", "type": "nominal", "sort": lines}
    look = {
        "color": {**colour, "scale": {"domain": lines, "range": [FIRST, SECOND, MUTED][: len(lines)]}},
        "strokeDash": {**colour, "scale": {"domain": lines, "range": [[1, 0], [1, 0], [4, 4]][: len(lines)]}},
    }
    encoding = {"x": quantity("x", across), "y": quantity("y", up), **look}
    return chart(says, rows, [{"mark": {"type": "line", "strokeWidth": 2}, "encoding": encoding}])
