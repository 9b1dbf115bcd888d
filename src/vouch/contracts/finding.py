"""A measured figure with its uncertainty, and where it was measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """One figure with its 95 % interval.

    Args:
        name: the metric, such as "accuracy"; one class of it as "recall[spam]".
        value: the figure on these rows.
        low: lower end of the 95 % interval.
        high: upper end of the 95 % interval.
        n: how many rows it rests on.
        unit: "" for a share, else the unit of the target.
        higher_is_better: which way is good.
        split: which rows: "train", "valid" or "test".
        method: how the interval was made: "wilson" or "bootstrap".

    Example:
        >>> Estimate("accuracy", 0.9, 0.87, 0.92, 500).split
        'test'
    """

    name: str
    value: float
    low: float
    high: float
    n: int
    unit: str = ""
    higher_is_better: bool = True
    split: str = "test"
    method: str = "bootstrap"
