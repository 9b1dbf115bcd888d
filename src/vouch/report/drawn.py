"""Figures with their drawings, as far as there is room for them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from vouch.contracts.finding import Figure
from vouch.report.svg import svg
from vouch.wording import clean

_LARGEST_SPECIFICATION, _LARGEST_DRAWING, _SMALLEST = 150_000, 60_000, 3_000


@dataclass(frozen=True, slots=True)
class Drawn:
    """A figure with its drawing."""

    name: str
    title: str
    says: str
    drawing: Markup


class Room:
    """How many bytes, and how many drawings, are left on the page."""

    def __init__(self, left: int, drawings: int = 60) -> None:
        self.left, self.drawings = left, drawings

    @property
    def is_full(self) -> bool:
        """Whether nothing of any size fits any more."""
        return self.left < _SMALLEST

    def takes(self, *texts: str) -> bool:
        """Whether texts fit, as they are when they are escaped; then their room is gone."""
        size = sum(len(escape(text).encode()) for text in texts)
        if size > self.left:
            return False
        self.left -= size
        return True


def drawn(figure: Figure) -> Drawn:
    """A figure of the report's own with its drawing."""
    # An SVG comes out of an XML writer, which has escaped every label in it.
    return Drawn(figure.name, figure.title, figure.says, Markup(svg(figure)))


def drawn_within(figures: Iterable[Figure], room: Room) -> list[Drawn]:
    """Those figures of an audit that can be drawn and that there is room for.

    A specification that comes with a stranger's bundle may be wrong, huge, or ask for something from elsewhere; it is
    left to whoever opens ``audit.json``.
    """
    found = []
    for figure in figures:
        short = Figure(figure.name, clean(figure.title, 120), clean(figure.says, 500), figure.spec)
        if room.left < _LARGEST_DRAWING or not room.drawings or not is_plain(figure.spec):
            continue
        room.drawings -= 1
        with suppress(ValueError):
            one = drawn(short)
            if len(one.drawing) <= _LARGEST_DRAWING and room.takes(one.drawing, one.says, one.title):
                found.append(one)
    return found


def is_plain(specification: Any) -> bool:
    """Whether a specification is JSON of a size that can be drawn, and asks for nothing from elsewhere.

    Example:
        >>> is_plain({"mark": "bar"}), is_plain({"data": {"url": "file:///etc/hosts"}})
        (True, False)
    """
    try:
        text = json.dumps(specification, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return len(text) <= _LARGEST_SPECIFICATION and not _asks(specification)


def _asks(part: Any) -> bool:
    if isinstance(part, dict):
        return "url" in part or any(_asks(value) for value in part.values())
    return isinstance(part, list | tuple) and any(_asks(value) for value in part)
