"""A search over settings: what may be chosen, what was tried, and what it came to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Value = str | int | float
State = Literal["done", "pruned", "failed"]

# The share of a logarithmic scale that stands for 0, where a setting may be off.
_OFF = 0.25


@dataclass(frozen=True, slots=True)
class Setting:
    """A recipe key that a search may change, and between what.

    Args:
        name: the recipe key.
        low: the smallest value of a continuous setting.
        high: the largest one.
        log: whether a continuous setting is drawn on a logarithmic scale.
        off: whether it may be 0 as well, which no logarithmic scale holds.
        choices: the values of any other setting, in their order; of a continuous one none.
        times: shares of the default value instead of values, for a setting whose scale depends on the data.
        needs: what a column must be like for the setting to matter: a capability, or nothing.

    Example:
        >>> Setting("learning_rate", 3e-4, 1e-2, log=True).choices
        ()
    """

    name: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    off: bool = False
    choices: tuple[Value, ...] = ()
    times: tuple[float, ...] = ()
    needs: str = ""

    @property
    def floor(self) -> float:
        """Where the scale of a continuous setting begins: below its smallest value where what is smaller means 0."""
        return self.low * (self.low / self.high) ** _OFF if self.off else self.low

    def place(self, value: Value) -> float:
        """Where a value stands on the scale of the setting, from 0 to 1.

        Example:
            >>> Setting("width", choices=(64, 128, 256)).place(128), Setting("dropout", 0, 0.5).place(0.1)
            (0.5, 0.2)
        """
        if self.choices:
            return self.choices.index(value) / max(len(self.choices) - 1, 1)
        number, low = float(value), self.floor
        if not self.log:
            return (number - low) / (self.high - low)
        return math.log(number / low) / math.log(self.high / low) if number > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One recipe that was tried on the training rows, and judged on the validation rows.

    Args:
        number: in the order in which attempts were begun, from 0.
        state: done; pruned, because it did not keep up or the time was over; or failed.
        score: the best validation score that was seen, lower is better; NaN when none was.
        epochs: passes over the training rows.
        seconds: wall time.
        settings: value of each setting of the space.
        default: whether it is the recipe that ``fit`` would have used.
        again: validation scores of further trainings with other seeds, for the best few.
        why: why it was pruned, or how it failed.
        chosen: whether the bundle has these settings.
    """

    number: int
    state: State
    score: float
    epochs: int
    seconds: float
    settings: Mapping[str, Value]
    default: bool = False
    again: tuple[float, ...] = ()
    why: str = ""
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """What ``tune`` tried before it settled on a recipe.

    Args:
        said: one sentence on what it came to, with the number in it.
        metric: the score by which attempts were judged; lower is better.
        space: the settings that were open.
        attempts: everything that was tried, in order.
        importances: share of the variance of the scores that each setting explains (fANOVA: Hutter and others, 2014);
            nothing where too few attempts were done.
        seconds: wall time of the whole search.
        notes: what the reader must know.

    Example:
        >>> Search("The default recipe was the best of 1.", "log_loss", (), (), {}, 1.5).attempts
        ()
    """

    said: str
    metric: str
    space: tuple[Setting, ...]
    attempts: tuple[Attempt, ...]
    importances: Mapping[str, float]
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def default(self) -> Attempt | None:
        """The recipe that ``fit`` would have used; none where it was never finished."""
        every = [one for one in self.attempts if one.default]
        return next((one for one in every if one.state == "done"), every[0] if every else None)

    @property
    def best(self) -> Attempt | None:
        """What was chosen."""
        return next((one for one in self.attempts if one.chosen), None)
