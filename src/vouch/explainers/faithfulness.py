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


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """The answer while parts are taken out, or put in, in an order (B, P + 1).

    Args:
        deletion: with 0, 1, ... parts taken out.
        insertion: with 0, 1, ... parts put in.
    """

    deletion: Floats
    insertion: Floats

    @property
    def areas(self) -> tuple[Floats, Floats]:
        """Areas under both curves, as the mean answer over shares of the parts from 0 to 1 (B,)."""
        return area(self.deletion), area(self.insertion)

    @property
    def gap(self) -> Floats:
        """Area under insertion less area under deletion (B,): 0 on average under a random order."""
        out, put_in = self.areas
        return put_in - out


def curves(game: Game, values: Floats) -> Curves:
    """Deletion and insertion by the order of the contributions, averaged over all rows that stand in.

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
    steps = np.arange(players + 1)
    found = [np.empty((count, players + 1)), np.empty((count, players + 1))]
    other = np.repeat(np.arange(game.stand_ins), players + 1)
    for row in range(count):
        put_in = place[row][None, :] < steps[:, None]
        for kept, out in zip((~put_in, put_in), found, strict=True):
            said = game.values(np.tile(kept, (game.stand_ins, 1)), other, slice(row, row + 1))
            out[row] = said.reshape(game.stand_ins, players + 1).mean(0)
    return Curves(*found)


def area(curve: Floats) -> Floats:
    """The area under curves (B, P + 1) over shares of the parts from 0 to 1, by trapezia.

    Example:
        >>> area(np.array([[1.0, 0.5, 0.0]])).tolist()
        [0.5]
    """
    if curve.shape[1] < 2:
        return curve[:, 0]
    return (curve[:, 1:] + curve[:, :-1]).mean(1) / 2


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
