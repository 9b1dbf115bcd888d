"""The schedules that a recipe may name: how the learning rate moves between its peak and nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """The peak rate all along."""

    when: ClassVar[str] = "early stopping decides the end, and the weights are averaged"
    name: Literal["constant"] = "constant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The rate is multiplied by a factor at even distances.

    Args:
        every: share of all steps between two changes.
        factor: what the rate is multiplied by.
    """

    when: ClassVar[str] = "to repeat what was published with it"
    name: Literal["step"] = "step"
    every: float = 0.3
    factor: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosine:
    """From the peak to the end along half a cosine: Loshchilov and Hutter, SGDR (2017).

    Args:
        final: share of the peak that is left at the end.
    """

    when: ClassVar[str] = "the number of epochs is known: the first choice for pictures"
    name: Literal["cosine"] = "cosine"
    final: float = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatCosine:
    """The peak for a while, then along half a cosine to the end.

    Args:
        flat: share of the steps, after the warm-up, that keep the peak.
        final: share of the peak that is left at the end.
    """

    when: ClassVar[str] = "as cosine, where more steps at the peak help"
    name: Literal["flat_cosine"] = "flat_cosine"
    flat: float = 0.5
    final: float = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class OneCycle:
    """Up in a straight line during the warm-up and down in a straight line: Smith (2018).

    Args:
        final: share of the peak that is left at the end.
    """

    when: ClassVar[str] = "few epochs with a high peak: the first choice for texts"
    name: Literal["one_cycle"] = "one_cycle"
    final: float = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Plateau:
    """The rate is multiplied by a factor whenever the validation score has not improved for some epochs.

    Args:
        factor: what the rate is multiplied by.
        patience: epochs without a better score before that.
    """

    when: ClassVar[str] = "the number of epochs is unknown and the score is steady"
    name: Literal["plateau"] = "plateau"
    factor: float = 0.3
    patience: int = 3


Schedule = Constant | Step | Cosine | FlatCosine | OneCycle | Plateau
SCHEDULES: tuple[type[Schedule], ...] = (Constant, Step, Cosine, FlatCosine, OneCycle, Plateau)
