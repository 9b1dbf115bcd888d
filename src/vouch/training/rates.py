"""The learning rate of a step, as a share of its peak."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vouch.contracts.recipe import Recipe
from vouch.contracts.schedules import Constant, Cosine, FlatCosine, OneCycle, Plateau, Step


def rate_at(done: float, recipe: Recipe, scores: Sequence[float] = ()) -> float:
    """Share of the peak rate after a share of all steps.

    Args:
        done: steps taken over all steps, from 0 to 1.
        recipe: its schedule, and the share of steps that warm up.
        scores: the validation score of each epoch so far, which a plateau is seen in; lower is better.

    Returns:
        A factor between 0 and 1.

    Example:
        >>> [round(rate_at(done, Recipe(schedule=Cosine())), 2) for done in (0.0, 0.5, 1.0)]
        [1.0, 0.5, 0.01]
    """
    if done < recipe.warmup:
        return max(done, 1e-3) / recipe.warmup
    left = (1 - done) / (1 - recipe.warmup)
    match recipe.schedule:
        case Constant():
            return 1.0
        case Step(every=every, factor=factor):
            # The last step of a stretch may stand a rounding error before its end.
            return factor ** math.floor((1 - left) / every + 1e-9)
        case Cosine(final=final):
            return _cosine(left, final)
        case FlatCosine(flat=flat, final=final):
            return 1.0 if left > 1 - flat else _cosine(left / (1 - flat), final)
        case OneCycle(final=final):
            return max(left, final)
        case Plateau(factor=factor, patience=patience):
            return factor ** _plateaus(scores, patience)


def _cosine(left: float, final: float) -> float:
    return final + (1 - final) * (1 - math.cos(math.pi * left)) / 2


def _plateaus(scores: Sequence[float], patience: int) -> int:
    """How often the score has stood still for more epochs than the patience."""
    best, waited, found = math.inf, 0, 0
    for score in scores:
        best, waited = (score, 0) if score < best else (best, waited + 1)
        if waited > patience:
            found, waited = found + 1, 0
    return found
