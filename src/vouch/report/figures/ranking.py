"""How well the scores rank: the ROC curve and the precision-recall curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vouch.charts import FIRST, MUTED, SECOND, Spec, chart, data, share
from vouch.contracts.finding import Figure
from vouch.report.held import Bools, Floats, Held, thin
from vouch.wording import number

MOST_POINTS = 200
_MOST_CURVES = 10


@dataclass(frozen=True, slots=True, eq=False)
class _Curve:
    """One class against the rest: points (P,) and the area or mean under them."""

    name: str
    x: Floats
    y: Floats
    area: float


def roc_curve(held: Held) -> Figure | None:
    """True against false positive rate over all thresholds; of two classes that of the second, else of every class."""
    curves = _curves(held, _roc)
    if not curves:
        return None
    says = _says(held, curves, "area under the curve", "0.5 would be chance")
    diagonal = {"data": data([{"x": 0, "y": 0}, {"x": 1, "y": 1}]), **_line(MUTED, 1, [4, 4])}
    return Figure(
        "roc_curve", "ROC curve", says, _spec(says, curves, ("False positive rate", "True positive rate"), [diagonal])
    )


def precision_recall_curve(held: Held) -> Figure | None:
    """Precision against recall over all thresholds; of two classes that of the second, else of every class."""
    curves = _curves(held, _precision_recall)
    if not curves:
        return None
    base = float(held.actual[:, held.asked].mean())
    says = _says(held, curves, "average precision", f"{number(base)} would be chance")
    floor = {"data": data([{"x": 0, "y": base}, {"x": 1, "y": base}]), **_line(MUTED, 1, [4, 4])}
    return Figure(
        "precision_recall_curve", "Precision and recall", says, _spec(says, curves, ("Recall", "Precision"), [floor])
    )


def _curves(held: Held, trace: Callable[[Bools, Floats], tuple[Floats, Floats, float]]) -> list[_Curve]:
    """A curve for each class that is asked for, the weakest first."""
    found = []
    for k in held.asked:
        if held.actual[:, k].any() and not held.actual[:, k].all():
            xs, ys, area = trace(held.actual[:, k], held.score[:, k])
            kept = thin(len(xs), MOST_POINTS)
            found.append(_Curve(held.classes[k], xs[kept], ys[kept], area))
    return sorted(found, key=lambda curve: curve.area)


def _roc(actual: Bools, score: Floats) -> tuple[Floats, Floats, float]:
    right, wrong = _counts(actual, score)
    xs, ys = np.append(0, wrong / wrong[-1]), np.append(0, right / right[-1])
    return xs, ys, float(np.trapezoid(ys, xs))


def _precision_recall(actual: Bools, score: Floats) -> tuple[Floats, Floats, float]:
    right, wrong = _counts(actual, score)
    recall, precision = right / right[-1], right / (right + wrong)
    mean = float((np.diff(recall, prepend=0) * precision).sum())
    return np.append(0, recall), np.append(precision[0], precision), mean


def _counts(actual: Bools, score: Floats) -> tuple[Floats, Floats]:
    """True and false positives at each different threshold, from the highest down."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.diff(score[order]) != 0, True)
    right = np.cumsum(actual[order])
    return right[last].astype(np.float64), (np.arange(1, len(score) + 1) - right)[last].astype(np.float64)


def _says(held: Held, curves: list[_Curve], what: str, chance: str) -> str:
    if held.task == "binary":
        return f"The {what} of “{curves[0].name}” is {number(curves[0].area)} on {held.rows:,} sealed rows; {chance}."
    mean = float(np.mean([curve.area for curve in curves]))
    low, high = curves[0], curves[-1]
    return (
        f"The mean {what} of {len(curves)} classes, each against the rest, is {number(mean)}; {chance}. It is lowest "
        f"for “{low.name}” (orange), {number(low.area)}, and highest for “{high.name}”, {number(high.area)}."
    )


def _spec(says: str, curves: list[_Curve], titles: tuple[str, str], behind: list[Spec]) -> Spec:
    single = len(curves) == 1
    drawn = [curves[i] for i in thin(len(curves), _MOST_CURVES)]
    layers = [
        {
            "data": data(_points(curve)),
            **_line(FIRST if single else SECOND if i == 0 else MUTED, 2 if single or i == 0 else 1),
        }
        for i, curve in reversed(list(enumerate(drawn)))
    ]
    axes = {"x": share("x", titles[0]), "y": share("y", titles[1])}
    frame = {"mark": {"type": "point", "opacity": 0}, "encoding": axes}
    return chart(says, [{"x": 0, "y": 0}], [frame, *behind, *layers], height=360)


def _points(curve: _Curve) -> list[dict[str, float]]:
    return [{"x": round(float(a), 5), "y": round(float(b), 5)} for a, b in zip(curve.x, curve.y, strict=True)]


def _line(colour: str, width: float, dash: list[int] | None = None) -> Spec:
    mark = {"type": "line", "color": colour, "strokeWidth": width} | ({"strokeDash": dash} if dash else {})
    place = {"x": {"field": "x", "type": "quantitative"}, "y": {"field": "y", "type": "quantitative"}}
    return {"mark": mark, "encoding": {**place, "order": {"value": 0}}}
