"""What was seen inside a network, as the page shows it: each synthesised picture beside the real rows."""

from __future__ import annotations

from collections.abc import Sequence

from vouch.contracts.synthesis import Exciting, Synthesis, Synthesised
from vouch.report.pictures import is_picture, thumbnail
from vouch.wording import clean, count, number

_UNITS = (
    "Numbers: the unit's activation, averaged over its map. The weight, by which units are ordered, is the mean size "
    "of activation times gradient on the explained rows: how much the answers hang on the unit."
)


def anchor(place: int) -> str:
    """The name under which a page holds one of the pictures, by its place among them.

    Example:
        >>> anchor(3)
        'synthesised-3'
    """
    return f"synthesised-{place}"


def panels(seen: Synthesis) -> list[tuple[str, str, list[dict[str, object]]]]:
    """The pictures of the classes or the quantity, and those of the units, each group under its title.

    Args:
        seen: all that was made.

    Returns:
        Title, what its numbers are, and what the page shows of each picture; without groups that are empty.
    """
    numbered = list(enumerate(seen.pictures))
    outputs = [(place, one) for place, one in numbered if one.of != "unit"]
    title = "Classes" if any(one.of == "class" for _, one in outputs) else "The target, raised and lowered"
    groups = (
        (title, f"Numbers: {seen.output}.", outputs),
        ("Units of the last convolutional stage", _UNITS, [one for one in numbered if one[1].of == "unit"]),
    )
    return [(title, says, [_panel(*one, seen) for one in some]) for title, says, some in groups if some]


def _panel(place: int, one: Synthesised, seen: Synthesis) -> dict[str, object]:
    """One picture and the real rows beside it."""
    several = len({other.column for other in seen.pictures}) > 1
    titles = {"class": "{}", "unit": "Unit {}", "high": "{}, raised", "low": "{}, lowered"}
    return {
        "anchor": anchor(place), "title": titles[one.of].format(clean(one.name, 60)),
        "column": clean(one.column, 60) if several or one.of == "unit" else "",
        "picture": _small(one.cell), "value": number(one.value), "start": number(one.start),
        "probability": None if one.probability is None else number(one.probability),
        "weight": None if one.weight is None else f"{one.weight:.2g}",
        "exceeds": _exceeds(one, seen.rows), "real": _rows(one.real),
    }  # fmt: skip


def _exceeds(one: Synthesised, rows: int) -> str:
    """How the picture stands beside the real rows, in words."""
    how = "lies below" if one.of == "low" else "exceeds"
    if one.exceeds == 1:
        return f"{how} all {count(rows, 'row')}"
    beyond = round(one.exceeds * rows)
    return f"{how} {beyond:,} of {count(rows, 'row')}, {one.exceeds_shown} of the {len(one.real)} shown"


def _rows(real: Sequence[Exciting]) -> list[dict[str, object]]:
    return [{"row": one.row, "target": clean(one.target, 40), "value": number(one.value), "picture": _small(one.cell)}
            for one in real]  # fmt: skip


def _small(cell: str) -> str | None:
    """A picture that is small enough for the page; none where there is none."""
    return thumbnail(cell) if is_picture(cell) else None
