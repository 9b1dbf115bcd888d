"""LIME: a weighted linear model of the answer around one row, with how well it fits."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from vouch.contracts.explaining import Attribution, Question
from vouch.explainers.game import Bools, Floats, Game

_LEAST, _PER_PART, _MOST = 500, 10, 2_000
_KERNEL = 0.25
_RIDGE = 1.0


class Lime:
    """Random coalitions, the closer to the row the more they count, and a ridge regression on which parts are in.

    Source:
        Ribeiro, Singh and Guestrin, "Why should I trust you?" Explaining the predictions of any classifier (2016).
    """

    name: ClassVar[str] = "lime"
    says: ClassVar[str] = "The slope of a linear model of the answer, fitted to random changes near this row."
    reference: ClassVar[str] = "Ribeiro, Singh and Guestrin (2016), “Why should I trust you?”"

    def applies(self, question: Question) -> str:
        """Every network can be asked."""
        del question
        return ""

    def passes(self, parts: int) -> int:
        """Once for each coalition."""
        return _coalitions(parts)

    def attribute(self, question: Question) -> Attribution:
        """The slope of every part for every row, and how much of the answers' variance the local model explains."""
        game, rng = Game(question), np.random.default_rng(question.seed)
        count = _coalitions(game.players)
        keep = rng.random((count, game.players)) < rng.random((count, 1))
        keep[0] = True
        values = game.values(keep, rng.integers(0, game.stand_ins, count))
        weight = nearness(keep)
        fits = [surrogate(keep, said, weight) for said in values]
        slopes, errors = np.array([fit[1] for fit in fits]), np.array([fit[2] for fit in fits])
        explained = np.array([fit[3] for fit in fits])
        notes = ("a linear model of random changes of the row, the closer the more they count",)
        bases = np.array([fit[0] for fit in fits])
        return Attribution(slopes, bases, game.answers(), errors, False, notes=notes, fit=explained)


def _coalitions(parts: int) -> int:
    return int(np.clip(_PER_PART * parts, _LEAST, _MOST))


def nearness(keep: Bools) -> Floats:
    """How much each coalition (S, P) counts: less, the further it is from the whole row by the angle between them."""
    kept = keep.mean(1)
    return np.exp(-np.square(1 - np.sqrt(kept)) / _KERNEL**2)


def surrogate(keep: Bools, values: Floats, weight: Floats) -> tuple[float, Floats, Floats, float]:
    """Ridge regression of values (S,) on which parts are in (S, P).

    Returns:
        The intercept, a slope for each part, their standard errors, and the share of the weighted variance explained.

    Example:
        >>> keep = np.array([[True, True], [True, False], [False, True], [False, False]] * 50)
        >>> found = surrogate(keep, keep @ np.array([2.0, -1.0]) + 1, np.ones(200))
        >>> found[1].round(1).tolist(), round(found[3], 2)
        ([2.0, -1.0], 1.0)
    """
    total = weight.sum()
    x, y = keep - weight @ keep / total, values - weight @ values / total
    gram = (x * weight[:, None]).T @ x + _RIDGE * np.eye(keep.shape[1])
    slopes = np.linalg.solve(gram, (x * weight[:, None]).T @ y)
    left = y - x @ slopes
    inverse = np.linalg.inv(gram)
    # Heteroscedastic: each coalition brings its own squared remainder.
    middle = (x * (np.square(weight * left))[:, None]).T @ x
    errors = np.sqrt(np.clip(np.diag(inverse @ middle @ inverse), 0, None))
    variance = float(weight @ np.square(y))
    explained = 1 - float(weight @ np.square(left)) / variance if variance > 0 else 1.0
    return float(weight @ values / total - (weight @ keep / total) @ slopes), slopes, errors, explained
