"""Parallel coordinates: what every attempt of a search set, and what came of it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

from vouch.charts import FIRST, GRID, INK, MUTED, SECOND, Spec, chart, data, names
from vouch.contracts.finding import Figure
from vouch.contracts.search import Attempt, Search, Setting
from vouch.report.cells import spoken
from vouch.wording import clean, count, number

MOST_LINES, _MOST_AXES = 60, 7
_OTHER, _PRUNED, _DEFAULT, _CHOSEN = "done", "pruned", "the default recipe", "chosen"
_COLOURS = {_PRUNED: GRID, _OTHER: MUTED, _DEFAULT: FIRST, _CHOSEN: SECOND}
_WIDTHS = {_PRUNED: 1.0, _OTHER: 1.0, _DEFAULT: 2.5, _CHOSEN: 2.5}
_HEIGHT = 340


def parallel_coordinates(search: Search) -> Figure | None:
    """One line for each attempt over the settings that matter most, and its score; none where nothing was compared."""
    axes = _axes(search)
    drawn = _drawn(search, axes)
    if len(drawn) < 2:
        return None
    scale = _score_scale(drawn)
    rows = [row for one in drawn for row in _line(one, axes, search.metric, scale)]
    says = (
        f"{count(len(drawn), 'attempt')} of {len(search.attempts)}, one line each: where it stands on the scale "
        f"of each setting, and at the right its validation {spoken(search.metric)}, better upwards. "
        f"{_most_telling(search)}"
    ).strip()
    spec = _spec(says, rows, [*_ends(axes), _end(search.metric, number(scale[1]), number(scale[0]))])
    return Figure("search_parallel_coordinates", "What was tried", says, spec)


def _drawn(search: Search, axes: Sequence[Setting]) -> list[Attempt]:
    """The chosen and the default attempt, then the others, best first; last come those that were pruned."""
    known = [one for one in search.attempts if math.isfinite(one.score) and _places(one, axes)]
    order = {_CHOSEN: 0, _DEFAULT: 1, _OTHER: 2, _PRUNED: 3}
    return sorted(known, key=lambda one: (order[_kind(one)], one.score))[:MOST_LINES]


def _places(one: Attempt, axes: Sequence[Setting]) -> list[float]:
    """Where an attempt stands on each axis; nothing where that makes no sense, as in what a stranger has written."""
    try:
        found = [axis.place(one.settings[axis.name]) for axis in axes]
    except (LookupError, ValueError, ArithmeticError):
        return []
    return [min(max(place, 0.0), 1.0) for place in found] if all(map(math.isfinite, found)) else []


def _kind(one: Attempt) -> str:
    if one.chosen:
        return _CHOSEN
    return _DEFAULT if one.default else _OTHER if one.state == "done" else _PRUNED


def _axes(search: Search) -> list[Setting]:
    """The settings that explain most, in their own order; the first ones where that is not known."""
    ranked = sorted(search.space, key=lambda one: -search.importances.get(one.name, 0.0))[:_MOST_AXES]
    return [one for one in search.space if one in ranked]


def _score_scale(drawn: Sequence[Attempt]) -> tuple[float, float]:
    """The best score, and the one from which on all are drawn at the bottom."""
    scores = [one.score for one in drawn]
    best, median = min(scores), statistics.median(scores)
    worst = min(max(scores), median + 2 * (median - best))
    return best, worst if worst > best else best + 1.0


def _line(one: Attempt, axes: Sequence[Setting], metric: str, scale: tuple[float, float]) -> list[dict[str, Any]]:
    best, worst = scale
    at = [(axis.name, place) for axis, place in zip(axes, _places(one, axes), strict=True)]
    at.append((metric, 1 - min(max((one.score - best) / (worst - best), 0.0), 1.0)))
    return [
        {"axis": clean(name, 30), "at": round(place, 4), "attempt": one.number, "kind": _kind(one)}
        for name, place in at
    ]


def _ends(axes: Sequence[Setting]) -> list[dict[str, Any]]:
    found = []
    for axis in axes:
        low = "0" if axis.off else f"{axis.low:g}"
        ends = (str(axis.choices[0]), str(axis.choices[-1])) if axis.choices else (low, f"{axis.high:g}")
        found.append(_end(axis.name, *ends))
    return found


def _end(name: str, low: str, high: str) -> dict[str, Any]:
    return {"axis": clean(name, 30), "low": clean(low, 12), "high": clean(high, 12)}


def _most_telling(search: Search) -> str:
    if not search.importances:
        return ""
    name, share = next(iter(search.importances.items()))
    return f"{clean(name, 40)} explains most of how the scores differ ({100 * share:.0f} %)."


def _spec(says: str, rows: list[dict[str, Any]], ends: list[dict[str, Any]]) -> Spec:
    order = [str(one["axis"]) for one in ends]
    kinds = [kind for kind in _COLOURS if any(row["kind"] == kind for row in rows)]
    x = names("axis", order)
    x["axis"] |= {"labelAngle": -35, "labelLimit": 120}
    y = {"field": "at", "type": "quantitative", "axis": None, "scale": {"domain": [-0.08, 1.08], "nice": False}}
    colour = {"field": "kind", "type": "nominal", "scale": {"domain": kinds, "range": [_COLOURS[k] for k in kinds]}}
    rule: Spec = {"type": "rule", "color": GRID, "strokeWidth": 1}
    layers: list[Spec] = [{"data": data([{"axis": name} for name in order]), "mark": rule, "encoding": {"x": x}}]
    for kind in kinds:
        mine = [row for row in rows if row["kind"] == kind]
        mark = {"type": "line", "strokeWidth": _WIDTHS[kind], "opacity": 0.9}
        lines = {"x": x, "y": y, "color": colour, "detail": {"field": "attempt", "type": "nominal"}}
        layers.append({"data": data(mine), "mark": mark, "encoding": lines})
    for field, place, shift in (("low", 0.0, 12), ("high", 1.0, -10)):
        text: Spec = {"type": "text", "fontSize": 10, "dy": shift, "color": INK}
        written = [{**end, "at": place} for end in ends]
        layers.append({"data": data(written), "mark": text, "encoding": {"x": x, "y": y, "text": {"field": field}}})
    return chart(says, [], layers, height=_HEIGHT)
