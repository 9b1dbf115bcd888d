"""The trade-off: what every remedy that was tried does to its criterion, and to the main metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from string import ascii_uppercase
from typing import Any

from vouch.charts import FIRST, MUTED, SECOND, Spec, data, quantity
from vouch.contracts.bundle import BundleValue
from vouch.contracts.finding import Figure
from vouch.contracts.proof import Difference, Proof, Trial
from vouch.report.cells import spoken
from vouch.report.figures.crosses import Point, crosses
from vouch.tasks.metrics import BY_TASK
from vouch.wording import count

MOST_POINTS = 60
_NORMAL = 1.96
_TRIED, _CHOSEN, _PROVED = "tried, on rows kept for choosing", "chosen, on the same rows", "proved, on sealed rows"
_LOOKS = {_TRIED: (MUTED, "circle"), _CHOSEN: (FIRST, "square"), _PROVED: (SECOND, "diamond")}


def trade_offs(bundle: BundleValue) -> tuple[Figure, ...]:
    """One figure for each metric that remedies were chosen by: its change, and the change of the main metric.

    A remedy is labelled with the letter of its proof and its number in the table of trials, such as "A2"; the change
    that was proved on sealed rows bears the letter alone.
    """
    proofs = bundle.audit.proofs if bundle.audit else ()
    # A proof by a metric that is none of the task's brings a figure of its own.
    known = {spec.name for spec in BY_TASK[bundle.schema.task]}
    chosen_by = dict.fromkeys(one.chosen_by for one in proofs if len(one.trials) > 1 and one.chosen_by in known)
    drawn = (_trade_off(name, proofs, bundle) for name in chosen_by)
    return tuple(one for one in drawn if one is not None)


def letter(index: int) -> str:
    """The name of a proof in the figure: A, B, …, Z, A2, B2, …

    Example:
        >>> letter(0), letter(27)
        ('A', 'B2')
    """
    turn, place = divmod(index, len(ascii_uppercase))
    return ascii_uppercase[place] + (str(turn + 1) if turn else "")


def _trade_off(name: str, proofs: Sequence[Proof], bundle: BundleValue) -> Figure | None:
    specs = BY_TASK[bundle.schema.task]
    main, up = specs[0].name, {spec.name: spec.higher_is_better for spec in specs}
    mine = [(letter(i), proof) for i, proof in enumerate(proofs) if proof.chosen_by == name]
    points = [one for mark, proof in mine for one in _points(mark, proof, name, main)]
    # What was chosen and proved comes first, so that no cap leaves it out.
    points = sorted((one for one in points if math.isfinite(one.x) and math.isfinite(one.y)), key=_order)[:MOST_POINTS]
    if not points:
        return None
    says = _says(name, points, up.get(name, True))
    title = f"Trade-off: {spoken(name)} and {spoken(main)}"
    spec = _spec(says, points, (name, up.get(name, True)), (main, up[main]))
    return Figure(f"trade_off_{name}", title, says, spec)


def _order(point: Point) -> int:
    return [_PROVED, _CHOSEN, _TRIED].index(point.kind)


def _points(mark: str, proof: Proof, name: str, main: str) -> list[Point]:
    first = proof.trials[0] if proof.trials else None
    found = [_tried(f"{mark}{i}", one, first) for i, one in enumerate(proof.trials[1:], 1) if first is not None]
    moved = {one.name: one for one in (*proof.differences, *proof.price)}
    if name in moved and main in moved:
        found.append(_proved(mark, moved[name], moved[main]))
    return found


def _tried(label: str, one: Trial, nothing: Trial) -> Point:
    x, y = one.score - nothing.score, one.main - nothing.main
    reach = _NORMAL * one.error if math.isfinite(one.error) else 0.0
    return Point(label, x, x - reach, x + reach, y, y, y, _CHOSEN if one.chosen else _TRIED)


def _proved(label: str, x: Difference, y: Difference) -> Point:
    return Point(label, x.value, x.low, x.high, y.value, y.low, y.high, _PROVED)


def _says(name: str, points: Sequence[Point], up: bool) -> str:
    tried = [one for one in points if one.kind != _PROVED]
    proved = len(points) - len(tried)
    better = sum((one.x > 0) == up and one.x != 0 for one in tried)
    said = (
        f"Of {count(len(tried), 'remedy', 'remedies')} and strengths tried, {better} made {spoken(name)} better "
        "on rows kept for choosing"
    )
    if proved:
        said += f"; {count(proved, 'proof')} on sealed rows {'is' if proved == 1 else 'are'} beside them"
    return said + ". Lines are intervals; right and up are better; the dashed lines are doing nothing."


def _spec(says: str, points: Sequence[Point], across: tuple[str, bool], along: tuple[str, bool]) -> Spec:
    return crosses(says, points, (_axis("x", *across), _axis("y", *along)), _LOOKS, (_zero("x"), _zero("y")))


def _axis(field: str, name: str, higher_is_better: bool) -> dict[str, Any]:
    """The change as it is, turned so that better is right, or up."""
    way = ("higher" if higher_is_better else "lower") + " is better"
    axis = quantity(field, f"Change of {spoken(name)} ({way})", zero=True)
    return {**axis, "scale": {**axis["scale"], "reverse": not higher_is_better}}


def _zero(field: str) -> Spec:
    mark = {"type": "rule", "color": MUTED, "strokeDash": [4, 4], "strokeWidth": 1}
    return {"data": data([{field: 0}]), "mark": mark, "encoding": {field: {"field": field, "type": "quantitative"}}}
