"""The contributions of many rows as one figure: a dot for each row, piled up where dots would lie on each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vouch.charts import GRADES, GRID, INK, MUTED, NO_ORDER, Spec, chart, data, quantity, written
from vouch.wording import clean

Floats = npt.NDArray[np.float64]

# Fewer rows are seen as well one by one.
FEWEST_ROWS, MOST_ROWS = 20, 200
_SIZES, _TALL, _TALLEST, _GAP = (7.0, 6.0, 5.0, 4.5, 4.0, 3.2, 2.6), 46.0, 90.0, 9.0
_NAMES, _WORD = 120, 60
_LOW, _HIGH = 5.0, 95.0


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column as it contributed to the answers to several rows.

    Args:
        name: of the column.
        values: its contributions (n,).
        levels: how high its value is, see :func:`levels` (n,).
    """

    name: str
    values: Floats
    levels: Floats


def levels(values: Floats) -> Floats:
    """How high values (n,) are among each other: 0 at the 5th percentile and below, 1 at the 95th and above.

    Where both meet, the lowest and the highest value take their place; NaN stays, and what does not vary is NaN.

    Example:
        >>> levels(np.array([0.0, 0.0, 5.0, 10.0, np.nan])).round(2).tolist()
        [0.0, 0.0, 0.54, 1.0, nan]
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return np.full(len(values), np.nan)
    low, high = np.percentile(known, [_LOW, _HIGH])
    if low == high:
        low, high = known.min(), known.max()
    return np.clip((values - low) / (high - low), 0, 1) if high > low else np.full(len(values), np.nan)


def weightiest(columns: Sequence[Column], most: int = 10) -> list[Column]:
    """The columns of the largest contributions on average, at most so many, the first the largest."""
    order = np.argsort([-float(np.abs(one.values).mean()) for one in columns], kind="stable")
    return [columns[k] for k in order[:most]]


def beeswarm(says: str, columns: Sequence[Column], title: str, width: int = 300) -> Spec:
    """A line of dots for each column, coloured by how high the value of the cell is.

    Dots are as large as they can be without lying on each other in a figure of a fair height. Where even the smallest
    would make a column taller than 90 pixels, as where many rows have the same contribution, that pile is pressed
    together, and its dots overlap.

    Args:
        says: what it shows.
        columns: from the top down.
        title: of the axis of contributions.
        width: of the part where dots are, in pixels.
    """
    ends = [0.0, *(float(end) for one in columns for end in (one.values.min(), one.values.max()))]
    low, high = min(ends), max(ends)
    room = 0.03 * (high - low) or 1.0
    low, high = low - room, high + room
    places = [(one.values - low) / (high - low) * width for one in columns]
    size, piles = _piles(places)
    heights = [float(2 * np.abs(pile).max(initial=0.0)) + size + _GAP for pile in piles]
    middles = np.cumsum(heights) - np.array(heights) / 2
    dots = [
        {"x": round(float(x), 6), "y": round(float(middle + up), 2), "value": _grade(float(level))}
        for one, middle, pile in zip(columns, middles, piles, strict=True)
        for x, up, level in zip(one.values, pile, one.levels, strict=True)
    ]
    names = [{"name": clean(one.name, 40), "y": float(y)} for one, y in zip(columns, middles, strict=True)]
    total = float(sum(heights))
    x = {**quantity("x", title), "scale": {"domain": [low, high], "nice": False, "zero": False}}
    y = {"field": "y", "type": "quantitative", "axis": None, "scale": {"domain": [total, 0], "nice": False}}
    drawn = chart(says, dots, _layers(names, (x, y), _colour(dots, width), size))
    # A pixel of the figure is one that dots were piled up in; names may be wider in the reader's font than measured.
    padding = {**drawn["padding"], "left": 24}
    return {**drawn, "autosize": {"type": "pad"}, "padding": padding, "width": width, "height": round(total)}


def _colour(dots: list[dict[str, object]], width: int) -> Spec:
    """The colours of the dots, with a legend that is no wider than the figure."""
    grades = [grade for grade in (*GRADES, NO_ORDER) if any(dot["value"] == grade for dot in dots)]
    colours = {**GRADES, NO_ORDER: MUTED}
    scale = {"domain": grades, "range": [colours[grade] for grade in grades]}
    legend = {
        "symbolType": "circle", "columns": max(1, width // _WORD), "title": "Value of the cell", "titleColor": INK,
        "titleFontWeight": "normal",
    }  # fmt: skip
    return {"field": "value", "type": "nominal", "scale": scale, "legend": legend}


def _layers(names: list[dict[str, object]], axes: tuple[Spec, Spec], colour: Spec, size: float) -> list[Spec]:
    """Lines behind the dots, the dots, and the names of the columns."""
    y = axes[1]
    x = {**axes[0], "axis": {**axes[0]["axis"], "grid": False}}
    dot = {"type": "circle", "size": round(0.86 * size**2, 2), "opacity": 1}
    look = {"align": "right", "baseline": "middle", "limit": _NAMES}
    return [
        {"data": data(names), "mark": {"type": "rule", "color": GRID}, "encoding": {"y": y}},
        {"data": data([{"x": 0}]), "mark": {"type": "rule", "color": MUTED}, "encoding": {"x": x}},
        {"mark": dot, "encoding": {"x": x, "y": y, "color": colour}},
        {"data": data(names), **written("name", {"x": {"value": -10}, "y": y}, look)},
    ]


def _grade(level: float) -> str:
    return NO_ORDER if np.isnan(level) else list(GRADES)[min(int(level * len(GRADES)), len(GRADES) - 1)]


def _piles(places: Sequence[Floats]) -> tuple[float, list[Floats]]:
    """The largest size of dots at which columns are not too tall, and how far each dot is from its column's line."""
    size, piles, tall = _SIZES[0], list(places), [0.0]
    for size in _SIZES:
        piles = [piled(one, size) for one in places]
        tall = [2 * float(np.abs(pile).max(initial=0.0)) + size for pile in piles]
        if (max(tall) <= _TALLEST and sum(tall) <= _TALL * len(tall)) or size == _SIZES[-1]:
            break
    return size, [pile * min(1.0, _TALLEST / height) for pile, height in zip(piles, tall, strict=True)]


def piled(places: Floats, size: float) -> Floats:
    """How far dots of a size must be from a line so that none lies on another, each as near as it can be (n,).

    Example:
        >>> piled(np.array([0.0, 0.0, 50.0, 0.0]), 4.0).tolist()
        [0.0, 4.0, 0.0, -4.0]
    """
    out = np.zeros(len(places))
    order = np.argsort(places, kind="stable")
    for rank, dot in enumerate(order):
        near = order[:rank][places[dot] - places[order[:rank]] < size]
        reach = np.sqrt(size**2 - np.square(places[dot] - places[near]))
        tried = np.concatenate([[0.0], out[near] + reach, out[near] - reach])
        tried = tried[np.argsort(np.abs(tried), kind="stable")]
        free = (np.abs(tried[:, None] - out[near]) >= reach - 1e-9).all(axis=1)
        out[dot] = tried[free][0]
    return out
