"""A small case to try a challenge on."""

from __future__ import annotations

from vouch.api import fit
from vouch.api.casing import LiveCase
from vouch.api.gathering import case_of
from vouch.api.predicting import Bundle
from vouch.auditing import Clock


def small_case(rows: int = 60, trainings: float = 1.5, seconds: float = 60.0) -> LiveCase:
    """A network of two epochs on one column, with time for a little more than one training.

    Args:
        rows: how many there are.
        trainings: that the case may spend.
        seconds: that it may spend.

    Example:
        >>> small_case().split.how
        'stratified'
    """
    data = {"size": [float(i) for i in range(rows)], "large": ["no"] * (rows // 2) + ["yes"] * (rows - rows // 2)}
    return case_for(fit(data, "large", settings={"epochs": 2}), trainings, seconds)


def case_for(bundle: Bundle, trainings: float = 1.5, seconds: float = 60.0) -> LiveCase:
    """The case of a bundle that was fitted in this process.

    Args:
        bundle: from ``fit``.
        trainings: that the case may spend.
        seconds: that it may spend.
    """
    return case_of(bundle, {}, Clock(trainings, seconds))
