"""What was seen inside a network: pictures made to raise one of its numbers, beside real rows that raise it most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Of = Literal["class", "unit", "high", "low"]


@dataclass(frozen=True, slots=True)
class Exciting:
    """A real row that raises a number of the network.

    Args:
        row: its number in the data.
        target: what is true of it; empty where that is not known.
        value: the number.
        cell: its picture, as a ``data:image/png`` address.
    """

    row: int
    target: str
    value: float
    cell: str


@dataclass(frozen=True, slots=True)
class Synthesised:
    """A picture that was made to raise one number of the network, beside the real rows that raise it most.

    Args:
        of: what the number is of: a class, or a unit, whose map is averaged over its places; "high" and "low" are of a
            quantity, raised and lowered.
        name: of the class or the target, or the number of the unit in the last stage.
        column: that the picture stands in.
        cell: the picture, as a ``data:image/png`` address.
        value: the number for this picture.
        start: the same for the noise that it was made from.
        exceeds: share of all real rows that lie below it; above it where the number was lowered.
        real: the rows that raise the number most, the strongest first.
        probability: that is given to the class; none for a unit or a quantity.
        weight: of a unit, the mean size of its activation times its gradient on the rows that are explained.
    """

    of: Of
    name: str
    column: str
    cell: str
    value: float
    start: float
    exceeds: float
    real: tuple[Exciting, ...]
    probability: float | None = None
    weight: float | None = None

    @property
    def exceeds_shown(self) -> int:
        """How many of the rows beside it the picture exceeds.

        Example:
            >>> real = (Exciting(0, "", 2.0, ""), Exciting(1, "", 1.0, ""))
            >>> Synthesised("unit", "7", "photo", "", 1.5, 0.0, 0.5, real).exceeds_shown
            1
        """
        sign = -1 if self.of == "low" else 1
        return sum(sign * self.value > sign * one.value for one in self.real)


@dataclass(frozen=True, slots=True)
class Synthesis:
    """All pictures that were made of one network.

    Args:
        pictures: of the classes, then of the units, those first that matter most.
        steps: of gradient ascent that each took.
        output: what the outputs are that were raised, as half a sentence.
        rows: how many real rows each is compared with.
        training: whether these are training rows; else they are those that are explained.
        notes: what else a reader must know of them.
    """

    pictures: tuple[Synthesised, ...]
    steps: int
    output: str
    rows: int
    training: bool
    notes: tuple[str, ...] = ()
