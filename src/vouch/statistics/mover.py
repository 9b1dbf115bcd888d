"""Figures of two different sets of rows held against each other, from the interval of each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from vouch.contracts.finding import Estimate

Ends: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Facts:
    """What an estimate says of itself, beside its figures: rows, split and unit."""

    n: int
    split: str
    unit: str = ""


def difference(name: str, first: Ends, second: Ends, about: Facts) -> Estimate:
    """The first figure less the second, which rests on other rows.

    Each end takes from both intervals the half that points there, so that skewed intervals stay skewed (MOVER: Zou and
    Donner, "Construction of confidence limits about effect measures", 2008).

    Args:
        name: of the estimate.
        first: value, low and high of a figure.
        second: the same of another, from independent rows.
        about: what else the estimate says of itself.

    Returns:
        The difference, of which less is better.

    Example:
        >>> found = difference("gap", (0.9, 0.87, 0.92), (0.8, 0.76, 0.84), Facts(100, "test"))
        >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
        (0.1, 0.05, 0.145)
    """
    (a, a_low, a_high), (b, b_low, b_high) = first, second
    low = a - b - float(np.hypot(a - a_low, b_high - b))
    high = a - b + float(np.hypot(a_high - a, b - b_low))
    return Estimate(name, a - b, low, high, about.n, about.unit, False, about.split, "mover")


def excess(name: str, first: Ends, second: Ends, about: Facts) -> Estimate:
    """The first figure over the second, less 1, from other rows: the difference of their logarithms."""
    logs = [np.log(np.maximum(np.array(ends), 1e-12)) for ends in (first, second)]
    found = difference(name, *(tuple(map(float, ends)) for ends in logs), about)  # type: ignore[arg-type]
    value, low, high = np.expm1([found.value, found.low, found.high]).tolist()
    return replace(found, value=value, low=low, high=high)
