"""Is an explanation true of the network: take out what it calls important, and see whether the answer falls.

Parts are taken out one after the other, those that speak most for the answer first (deletion), or put in in that order
(insertion). Under a random order the areas under both curves are the same on average, for a random order read backwards
is a random order too. Their difference is therefore zero for an explanation that knows nothing, and the larger the more
it knows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vouch.explainers.game import Game

Floats = npt.NDArray[np.float64]
_STEPS = 12


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """The answer while parts are taken out, or put in, in an order (B, S + 1).

    Args:
        deletion: with more and more parts taken out, from none to all.
        insertion: with more and more parts put in.
        shares: of the parts that are out, or in, at each step (S + 1,).
    """

    deletion: Floats
    insertion: Floats
    shares: Floats

    @property
    def areas(self) -> tuple[Floats, Floats]:
        """Areas under both curves, as the mean answer over shares of the parts from 0 to 1 (B,)."""
        return area(self.deletion, self.shares), area(self.insertion, self.shares)

    @property
    def gap(self) -> Floats:
        """Area under insertion less area under deletion (B,): 0 on average under a random order."""
        out, put_in = self.areas
        return put_in - out

    @property
    def reach(self) -> Floats:
        """How far apart the highest and the lowest answer on the way are (B,): no gap is larger."""
        every = np.concatenate([self.deletion, self.insertion], axis=1)
        return every.max(1) - every.min(1)


def curves(game: Game, values: Floats) -> Curves:
    """Deletion and insertion by the order of the contributions, averaged over all rows that stand in.

    Of many parts several are moved at each step. A step at which so many are out has one at which as many are in, so
    that a random order still has no gap on average.

    Args:
        game: of the rows.
        values: contributions (B, P).

    Source:
        Samek et al., Evaluating the visualization of what a deep neural network has learned (2017); Petsiuk, Das and
        Saenko, RISE (2018), for both curves together.
    """
    count, players = values.shape
    order = np.argsort(-values, axis=1, kind="stable")
    place = np.argsort(order, axis=1)
    steps = steps_over(players)
    found = [np.empty((count, len(steps))), np.empty((count, len(steps)))]
    other = np.repeat(np.arange(game.stand_ins), len(steps))
    for row in range(count):
        put_in = place[row][None, :] < steps[:, None]
        for kept, out in zip((~put_in, put_in), found, strict=True):
            said = game.values(np.tile(kept, (game.stand_ins, 1)), other, slice(row, row + 1))
            out[row] = said.reshape(game.stand_ins, len(steps)).mean(0)
    return Curves(found[0], found[1], steps / max(players, 1))


def steps_over(players: int) -> npt.NDArray[np.int64]:
    """How many parts are moved at each step, from none to all: every number of few, and about 12 steps of many.

    Example:
        >>> steps_over(3).tolist(), len(steps_over(64))
        ([0, 1, 2, 3], 13)
    """
    some = np.linspace(0, players, min(players, _STEPS) + 1).round().astype(np.int64)
    return np.union1d(some, players - some)


def area(curve: Floats, shares: Floats) -> Floats:
    """The area under curves (B, S + 1) over shares of the parts from 0 to 1 (S + 1,), by trapezia.

    Example:
        >>> area(np.array([[1.0, 0.5, 0.0]]), np.array([0.0, 0.5, 1.0])).tolist()
        [0.5]
    """
    if len(shares) < 2:
        return curve[:, 0]
    return (curve[:, 1:] + curve[:, :-1]) @ np.diff(shares) / 2


def rank_correlation(one: Floats, other: Floats) -> Floats:
    """Spearman's correlation of the sizes of contributions, row by row (B,); NaN where all of a row are alike.

    Example:
        >>> rank_correlation(np.array([[3.0, -2.0, 1.0]]), np.array([[30.0, 20.0, 10.0]])).tolist()
        [1.0]
    """
    from scipy.stats import rankdata

    a, b = (rankdata(np.abs(x), axis=1) for x in (one, other))
    a, b = (x - x.mean(1, keepdims=True) for x in (a, b))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (a * b).sum(1) / np.sqrt(np.square(a).sum(1) * np.square(b).sum(1))
