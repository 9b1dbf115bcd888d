"""Small phrases for notes and messages."""

from __future__ import annotations


def some(count: int, noun: str) -> str:
    """A number with its noun.

    Example:
        >>> some(1, "row"), some(1200, "row")
        ('1 row', '1200 rows')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def short(message: str, length: int = 120) -> str:
    """The first line of a message, cut to a length.

    Example:
        >>> short("first\\nsecond")
        'first'
    """
    lines = message.strip().splitlines()
    first = lines[0] if lines else ""
    return first if len(first) <= length else first[: length - 1] + "…"
