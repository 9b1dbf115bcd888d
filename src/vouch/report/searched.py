"""A search over settings as the page shows it: what it came to, what mattered, and its attempts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vouch.contracts.search import Attempt, Search, Value
from vouch.report.cells import spoken
from vouch.wording import clean, count, duration, listed, number

MOST_ROWS = 40
_MOST_NAMES, _MOST_NOTES = 24, 20


@dataclass(frozen=True, slots=True)
class Row:
    """One attempt."""

    number: int
    state: str
    mark: str
    score: str
    again: str
    epochs: int
    took: str
    settings: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Searched:
    """A search as it stands on the page."""

    said: str
    made: str
    metric: str
    names: tuple[str, ...]
    rows: tuple[Row, ...]
    rest: int
    importances: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    took: str


def searched(search: Search | None) -> Searched | None:
    """The search that a bundle comes from; none where there was none."""
    if search is None:
        return None
    rows = sorted(search.attempts, key=_order)[:MOST_ROWS]
    explained = list(search.importances.items())[:_MOST_NAMES]
    states = [(sum(one.state == state for one in search.attempts), state) for state in ("done", "pruned", "failed")]
    return Searched(
        said=clean(search.said, 400),
        made=f"{count(len(search.attempts), 'attempt')}: {listed([f'{n} {state}' for n, state in states if n])}.",
        metric=spoken(search.metric),
        names=tuple(clean(one.name, 40) for one in search.space[:_MOST_NAMES]),
        rows=tuple(_row(one, search) for one in rows),
        rest=len(search.attempts) - len(rows),
        importances=tuple((clean(name, 40), f"{100 * share:.0f} %") for name, share in explained),
        notes=tuple(clean(note, 400) for note in search.notes[:_MOST_NOTES]),
        took=_took(search.seconds),
    )


def _order(one: Attempt) -> tuple[bool, bool, int, float, int]:
    """The chosen one and the default one, then the others by how far they came and how well."""
    score = one.score if math.isfinite(one.score) else math.inf
    return not one.chosen, not one.default, ("done", "pruned", "failed").index(one.state), score, one.number


def _row(one: Attempt, search: Search) -> Row:
    names = [("chosen", one.chosen), ("default", one.default)]
    return Row(
        number=one.number,
        state=one.state,
        mark=", ".join(name for name, holds in names if holds),
        score=number(one.score, 4),
        again=", ".join(number(score, 4) for score in one.again),
        epochs=one.epochs,
        took=_took(one.seconds),
        settings=tuple(_said(one.settings.get(setting.name)) for setting in search.space[:_MOST_NAMES]),
        why=clean(one.why, 200),
    )


def _took(seconds: float) -> str:
    return duration(seconds) if math.isfinite(seconds) else "–"


def _said(value: Value | None) -> str:
    if value is None:
        return "–"
    return f"{value:g}" if isinstance(value, float) else clean(value, 30)
