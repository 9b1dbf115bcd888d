"""Logging a run where people look at it with tools of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from vouch.contracts.finding import Estimate

Setting = str | float | int | bool


@dataclass(frozen=True, slots=True)
class Opening:
    """What is known of a run before its first step.

    Args:
        name: of the run, for readers.
        run: by which a run that goes on is found again: the place of its bundle; empty where it has none.
        recipe: every setting; those of an optimiser and its like under names such as ``optimizer.momentum``.
        facts: task, target, and how many rows there are of each part.
        resumed: whether the run goes on from a checkpoint, so that what is logged is to be appended.
    """

    name: str
    run: str
    recipe: Mapping[str, Setting]
    facts: Mapping[str, Setting]
    resumed: bool = False


class Tracker(Protocol):
    """One way to log: checked before any data is read, opened before the first step, told each epoch and the end.

    ``scheme`` is what stands before the colon in ``--log SCHEME:PLACE``; ``extra`` is what has to be installed, if
    anything. Whatever a method raises after ``begin`` does not end the run: it is told, and nothing more is logged.
    """

    scheme: ClassVar[str]
    extra: ClassVar[str]

    def __init__(self, place: str) -> None:
        """Log to a place: a file, a folder, or an address."""
        ...

    def check(self) -> None:
        """Make sure that there is such a place, within seconds, and leave nothing there.

        Raises:
            UsageError: what has to be installed is not, or that is no such place.
            OutputError: the place cannot be written, or does not answer.
        """
        ...

    def begin(self, opening: Opening) -> None:
        """The run starts, or goes on.

        Raises:
            OutputError: the place cannot be written, or does not answer.
        """
        ...

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        """An epoch is over: loss, score, learning_rate, rows_per_second."""
        ...

    def end(self, metrics: Mapping[str, Sequence[Estimate]]) -> None:
        """The run is over: its figures with their intervals, by the rows that they are of, such as "sealed"."""
        ...

    def close(self, done: bool) -> None:
        """Nothing more will come, and the run is done or was interrupted."""
        ...
