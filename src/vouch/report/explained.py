"""Explanations as one page without scripts: bars for columns, heat on pictures, colour behind words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from vouch.contracts.explaining import Alike, Explained, Explanation, Share
from vouch.report.drawn import drawn
from vouch.report.environment import read, template
from vouch.report.figures.contributions import contributions
from vouch.report.pictures import is_picture
from vouch.report.synthesis import panels
from vouch.wording import clean, count, listed, number

_MOST_BARS, _MOST_ROWS, _MOST_WORDS = 14, 200, 400


@dataclass(frozen=True, slots=True)
class Bar:
    """One contribution as a bar, whose ends are shares of the width from 0 to 100.

    Args:
        name: of the part.
        cell: its content.
        value: the contribution, signed.
        error: its standard error, where it has one.
        start: where the bar begins.
        width: how wide it is.
        speaks_for: whether it raises the answer.
    """

    name: str
    cell: str
    value: str
    error: str
    start: float
    width: float
    speaks_for: bool


@dataclass(frozen=True, slots=True)
class Patch:
    """One part of a picture: where it lies, how strongly it speaks, from 0 to 1, and whether taking it out turns it."""

    left: int
    top: int
    width: int
    height: int
    strength: float
    speaks_for: bool
    says: str
    taken: bool


@dataclass(frozen=True, slots=True)
class Word:
    """One part of a text, and how strongly it speaks, from 0 to 1."""

    text: str
    strength: float
    speaks_for: bool
    says: str


def explained_page(found: Explained, title: str) -> str:
    """The whole page.

    Args:
        found: explanations of some rows.
        title: what was explained, such as the name of the bundle.

    Returns:
        HTML that holds all it needs; every word from the data is escaped.
    """
    shown = found.explanations[:_MOST_ROWS]
    overall = bars(_overall(found.explanations)) if len(found.explanations) > 1 else []
    swarm = contributions(found.explanations)
    return template("explained.html").render(
        css=Markup(read("report.css") + read("explained.css")), found=found, title=clean(title, 120),
        rows=[_row(one) for one in shown], left=len(found.explanations) - len(shown),
        seen=found.synthesis, panels=panels(found.synthesis) if found.synthesis else (),
        overall=[replace(bar, value=bar.value.lstrip("+")) for bar in overall],
        swarm=None if swarm is None else drawn(swarm),
    )  # fmt: skip


def bars(shares: Sequence[Share]) -> list[Bar]:
    """The largest contributions as bars on one scale, the others joined in a last one."""
    first, rest = list(shares[:_MOST_BARS]), shares[_MOST_BARS:]
    if rest:
        joined = sum(share.value for share in rest)
        first.append(Share(f"{len(rest)} others together", "", 0, "", joined))
    low, high = min([0.0, *(s.value for s in first)]), max([0.0, *(s.value for s in first)])
    span = high - low or 1.0
    return [
        Bar(
            clean(s.part, 60), "" if is_picture(s.cell) else clean(s.cell, 60), f"{s.value:+.3g}",
            f"± {1.96 * s.error:.1g}" if s.error else "", round(100 * (min(s.value, 0) - low) / span, 2),
            round(100 * abs(s.value) / span, 2), s.value >= 0,
        )
        for s in first
    ]  # fmt: skip


def _row(one: Explanation) -> dict[str, object]:
    """What the page shows of one explanation."""
    strongest = max((abs(share.value) for share in one.shares), default=0.0) or 1.0
    boxed = [share for share in one.shares if share.box is not None]
    worded = [share for share in one.shares if share.box is None and share.part != share.column]
    plain = [share for share in one.shares if share.box is None and share.part == share.column]
    cells = dict(one.cells)
    taken = {change.part for change in one.what_if.changes} if one.what_if else set()
    inside = [_joined(column, [s for s in (*boxed, *worded) if s.column == column])
              for column in dict.fromkeys(s.column for s in (*boxed, *worded))]  # fmt: skip
    ranked = sorted([*plain, *inside], key=lambda share: -abs(share.value))
    return {
        "row": one.row,
        "prediction": clean(str(one.prediction), 80) if isinstance(one.prediction, str) else number(one.prediction),
        "answer": clean(one.answer, 80),
        "value": number(one.value),
        "base": number(one.base_value),
        "bars": bars(ranked),
        "what_if": _turned(one),
        "alike": [_alike(row) for row in one.alike],
        "pictures": [
            (clean(column, 60), cells[column], _size(some), [_patch(share, strongest, taken) for share in some])
            for column in cells
            if is_picture(cells[column]) and (some := [s for s in boxed if s.column == column])
        ],
        "texts": [
            (clean(column, 60), [_word(share, strongest) for share in some[:_MOST_WORDS]])
            for column in cells
            if (some := sorted((s for s in worded if s.column == column), key=lambda share: share.place))
        ],
    }


def _turned(one: Explanation) -> dict[str, object] | None:
    """The change that would turn the decision, for a reader."""
    if (found := one.what_if) is None:
        return None
    boxed = {share.part: share.column for share in one.shares if share.box is not None}
    put = [
        f"{clean(change.part, 60)} were {clean(change.after, 60)} instead of {clean(change.before, 60)}"
        for change in found.changes if change.after
    ]  # fmt: skip
    out = [
        f"“{clean(change.before or change.part, 40)}”"
        for change in found.changes if not change.after and change.part not in boxed
    ]  # fmt: skip
    patches = [boxed[change.part] for change in found.changes if change.part in boxed]
    out += [f"the {count(patches.count(column), 'outlined patch', 'outlined patches')} of {clean(column, 60)}"
            for column in dict.fromkeys(patches)]  # fmt: skip
    how = [f"if {listed(put)}"] * bool(put) + [f"without {listed(out)}"] * bool(out)
    return {
        "how": " and ".join(how), "prediction": clean(found.prediction, 80), "value": number(found.value),
        "like": found.like,
    }  # fmt: skip


def _alike(row: Alike) -> dict[str, object]:
    """A training row that has to do with an answer, for a reader."""
    said = [f"{name} {cell}" for name, cell in row.cells if not is_picture(cell)]
    return {
        "row": row.row, "target": clean(row.target, 60), "cosine": number(row.cosine),
        "influence": f"{row.influence:+.2g}", "cells": clean("; ".join(said), 160),
        "pictures": [cell for _, cell in row.cells if is_picture(cell)],
    }  # fmt: skip


def _joined(column: str, shares: Sequence[Share]) -> Share:
    """All parts inside one cell as one contribution."""
    error = sum(share.error**2 for share in shares) ** 0.5
    return Share(column, column, 0, "", sum(share.value for share in shares), error)


def _overall(explanations: Sequence[Explanation]) -> list[Share]:
    """The mean size of each column's contribution over all rows, largest first."""
    sums: dict[str, float] = {}
    for one in explanations:
        columns: dict[str, float] = {}
        for share in one.shares:
            columns[share.column] = columns.get(share.column, 0.0) + share.value
        for column, value in columns.items():
            sums[column] = sums.get(column, 0.0) + abs(value) / len(explanations)
    found = [Share(column, column, 0, "", value) for column, value in sums.items()]
    return sorted(found, key=lambda share: -share.value)


def _size(shares: Sequence[Share]) -> tuple[int, int]:
    """Height and width of a picture, by its parts."""
    boxes = [share.box for share in shares if share.box is not None]
    return max(box[2] for box in boxes), max(box[3] for box in boxes)


def _patch(share: Share, strongest: float, taken: set[str]) -> Patch:
    top, left, bottom, right = share.box or (0, 0, 0, 0)
    strength = round(abs(share.value) / strongest, 3)
    said = f"{share.value:+.3g}"
    return Patch(left, top, right - left, bottom - top, strength, share.value >= 0, said, share.part in taken)


def _word(share: Share, strongest: float) -> Word:
    return Word(clean(share.cell, 40), round(abs(share.value) / strongest, 3), share.value >= 0, f"{share.value:+.3g}")
