"""Points with an interval each way, told apart by their kind: what figures of trials and proofs are drawn with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from vouch.charts import INK, Spec, chart


@dataclass(frozen=True, slots=True)
class Point:
    """One candidate or state, with intervals where they are known; NaN where they are not."""

    label: str
    x: float
    x_low: float
    x_high: float
    y: float
    y_low: float
    y_high: float
    kind: str


def crosses(
    says: str, points: Sequence[Point], axes: tuple[Spec, Spec], looks: Mapping[str, tuple[str, str]],
    below: Sequence[Spec] = (),
) -> Spec:  # fmt: skip
    """A figure of points.

    Args:
        says: what it shows.
        points: in any order.
        axes: of x and y.
        looks: colour and shape of each kind, in the order of the legend.
        below: layers that are drawn first.
    """
    rows = [{key: value if value == value else None for key, value in asdict(one).items()} for one in points]
    kinds = [kind for kind in looks if any(one.kind == kind for one in points)]
    scales = [{"domain": kinds, "range": [looks[kind][at] for kind in kinds]} for at in (0, 1)]
    colour, shape = ({"field": "kind", "type": "nominal", "scale": scale} for scale in scales)
    x, y = axes
    place = {"x": x, "y": y, "color": colour}
    rule: Spec = {"type": "rule", "strokeWidth": 1.5, "opacity": 0.6}
    drawn = chart(says, rows, [
        *below,
        {"mark": rule, "encoding": {**place, "x": {**x, "field": "x_low"}, "x2": {"field": "x_high"}}},
        {"mark": rule, "encoding": {**place, "y": {**y, "field": "y_low"}, "y2": {"field": "y_high"}}},
        {"mark": {"type": "point", "filled": True, "size": 70, "opacity": 1}, "encoding": {**place, "shape": shape}},
        {
            "mark": {"type": "text", "align": "left", "dx": 6, "dy": -7, "fontSize": 11, "color": INK},
            "encoding": {"x": x, "y": y, "text": {"field": "label", "type": "nominal"}},
        },
    ], height=340)  # fmt: skip
    drawn["config"]["legend"] |= {"direction": "vertical", "symbolOpacity": 1}
    return drawn
