"""The front: what every remedy that was tried leaves of the criterion and of the main metric, and what was proved."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vouch.charts import FIRST, INK, MUTED, SECOND, Spec, quantity
from vouch.contracts.finding import Estimate, Figure
from vouch.contracts.proof import Proof, Trial
from vouch.report.cells import spoken
from vouch.report.figures.crosses import Point, crosses
from vouch.tasks.metrics import BY_TASK
from vouch.wording import count, number

_MOST_POINTS = 40
_NORMAL = 1.96
_TRIED, _CHOSEN, _BEFORE, _AFTER = (
    "tried, on rows kept for choosing", "chosen, on the same rows", "sealed rows, before", "sealed rows, after",
)  # fmt: skip
_LOOKS = {
    _TRIED: (MUTED, "circle"), _CHOSEN: (FIRST, "square"), _BEFORE: (INK, "triangle-up"), _AFTER: (SECOND, "diamond"),
}  # fmt: skip


def front(proof: Proof) -> Figure | None:
    """The criterion against the metric whose loss is limited: every trial, and both states of the sealed rows.

    Args:
        proof: with its trials; without any there is no figure.
    """
    main = proof.main
    before, after = ({one.name: one for one in side} for side in (proof.before, proof.after))
    shown = [i for i, one in enumerate(proof.trials) if i < _MOST_POINTS or one.chosen]
    higher = next((one.higher_is_better for some in BY_TASK.values() for one in some if one.name == main), True)
    points = [_tried(i, proof.trials[i], named=not _beaten(proof.trials[i], proof.trials, higher)) for i in shown]
    if main in before and proof.criterion in before:
        points += [_state(_BEFORE, before[main], before[proof.criterion])]
        points += [_state(_AFTER, after[main], after[proof.criterion])]
    points = [one for one in points if math.isfinite(one.x) and math.isfinite(one.y)]
    if not proof.trials or not points:
        return None
    says = _says(proof, main, before, after)
    title = f"{spoken(proof.chosen_by).capitalize()} and {spoken(main)}"
    return Figure("front", title, says, _spec(says, points, (main, proof.chosen_by)))


def _beaten(one: Trial, every: Sequence[Trial], higher: bool) -> bool:
    """Whether another candidate leaves less of the gap and no less of the main metric: the front is of all others."""
    sign = 1 if higher else -1
    return any(other.score < one.score and sign * other.main >= sign * one.main for other in every)


def _tried(place: int, one: Trial, *, named: bool) -> Point:
    reach = _NORMAL * one.error if math.isfinite(one.error) else 0.0
    kind = _CHOSEN if one.chosen else _TRIED
    label = "nothing" if not place else str(place) if named or one.chosen else ""
    return Point(label, one.main, one.main, one.main, one.score, one.score - reach, one.score + reach, kind)


def _state(kind: str, x: Estimate, y: Estimate) -> Point:
    return Point("", x.value, x.low, x.high, y.value, y.low, y.high, kind)


def _says(proof: Proof, main: str, before: dict[str, Estimate], after: dict[str, Estimate]) -> str:
    said = f"{count(len(proof.trials) - 1, 'candidate')} and doing nothing on rows kept for choosing"
    if proof.criterion in before and main in before:
        moves = [
            f"{spoken(name)} from {number(before[name].value)} to {number(after[name].value)}"
            for name in (proof.criterion, main)
        ]
        said += f"; on the sealed rows {' and '.join(moves)}"
    lines = "Lines are 95 % intervals, of a candidate that of its change"
    return f"{said}. {lines}; numbers are those of the list below, of what no other candidate beats in both."


def _spec(says: str, points: list[Point], names: tuple[str, str]) -> Spec:
    x, y = (quantity(field, spoken(name).capitalize()) for field, name in zip("xy", names, strict=True))
    return crosses(says, points, (x, y), _LOOKS)
