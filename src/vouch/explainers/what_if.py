"""The smallest change of a row that was found to turn a decision: values of real rows, or parts taken out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from torch import Tensor

from vouch.contracts.explaining import Question
from vouch.explainers.game import Game, owner_of_values

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

_MOST_CHANGES = 8


@dataclass(frozen=True, slots=True)
class Turned:
    """A change that turns a decision.

    Args:
        parts: numbers of the parts that are changed, in the order of the question's names.
        like: number of the row whose values stand in them.
        other: the class that is decided for then.
        value: its probability then.
    """

    parts: tuple[int, ...]
    like: int
    other: int
    value: float


def turned(question: Question, free: Bools) -> Turned | None:
    """The fewest parts of one row that must change for another decision, as far as going step by step finds them.

    Columns take values of a row that is decided for otherwise, so that each value occurs, and all of them together in
    one row; words and patches are taken out. In every step the part is changed that brings the decision closest to
    turning; afterwards each change that is not needed is taken back. No part of the change can then be left out, but it
    is not proved that fewer other ones would not do.

    Args:
        question: about one row, whose wanted output is the class that is decided for; the rows that stand in are
            decided otherwise, and each is tried by itself.
        free: which parts may change (P,).

    Returns:
        The change of the fewest parts, over all rows that stand in; none where eight changes do not suffice.

    Source:
        Brughmans, Leyman and Martens, NICE: an algorithm for nearest instance counterfactual explanations (2023);
        Martens and Provost, Explaining data-driven document classifications (2014), for taking out.

    Raises:
        ValueError: the question is about several rows.
    """
    if question.rows != 1:
        raise ValueError(f"one row is turned at a time; these are {question.rows}")
    several = any(some.blank is None for some in question.parts)
    rows = range(len(question.others[0]) if several else 1)
    found = [_by(question, like, free) for like in rows]
    known = [one for one in found if one is not None]
    return min(known, key=lambda one: (len(one.parts), -one.value)) if known else None


def _by(question: Question, like: int, free: Bools) -> Turned | None:
    """The change that takes values of one of the rows that stand in."""
    alone = replace(question, others=tuple(x[like : like + 1] for x in question.others))
    game, own = Game(alone), int(question.wanted[0])
    open_parts: list[int] = np.flatnonzero(free & _differing(alone)).tolist()
    changed: list[int] = []
    ahead = False
    while not ahead and open_parts and len(changed) < _MOST_CHANGES:
        margins = _margins(_decoded(game, [[*changed, part] for part in open_parts]), own)
        best = int(np.argmax(margins))
        ahead = bool(margins[best] > 0)
        changed.append(open_parts.pop(best))
    if not ahead:
        return None
    for part in list(changed):
        rest = [k for k in changed if k != part]
        if _margins(_decoded(game, [rest]), own)[0] > 0:
            changed = rest
    said = _decoded(game, [changed])[0]
    return Turned(tuple(changed), like, int(said.argmax()), float(said.max()))


def _decoded(game: Game, changes: Sequence[Sequence[int]]) -> Floats:
    """What is said after each change (S, K)."""
    keep = np.ones((len(changes), game.players), bool)
    for row, parts in enumerate(changes):
        keep[row, list(parts)] = False
    return game.decoded(keep, np.zeros(len(changes), np.int64), 0)


def _margins(said: Floats, own: int) -> Floats:
    """By how much the best other class is ahead (S,)."""
    return np.delete(said, own, axis=1).max(axis=1) - said[:, own]


def _differing(question: Question) -> Bools:
    """Which parts would be another if they changed (P,)."""
    found = np.zeros(len(question.names), bool)
    blocks = zip(question.parts, question.inputs, question.others, owner_of_values(question), strict=True)
    for parts, x, others, owner in blocks:
        behind: Tensor = others[0] if parts.blank is None else parts.blank
        moved = owner[x[0] != behind]
        found[moved[moved >= 0].numpy()] = True
    return found
