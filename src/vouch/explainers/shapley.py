"""Shapley values: what each part adds to the answer, averaged over all orders in which parts can be put in."""

from __future__ import annotations

import math
import time
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from vouch.contracts.explaining import Attribution, Question
from vouch.explainers.game import Game

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

# Up to so many parts, all coalitions are cheaper than drawn orders that are as exact.
_FEW = 9
_MOST_EXACT = 20
_ORDERS, _MOST_ROUNDS = 4, 256


class Shapley:
    """Exact for few parts; else pairs of random orders and their reverses, each with a row that stands in.

    Source:
        Shapley, A value for n-person games (1953); Castro, Gómez and Tejada, Polynomial calculation of the Shapley
        value based on sampling (2009); Mitchell et al., Sampling permutations for Shapley value estimation (2022), for
        the reversed orders.
    """

    name: ClassVar[str] = "shapley"
    says: ClassVar[str] = "What each part adds to the answer, averaged over all orders in which parts can be put in."
    reference: ClassVar[str] = "Strumbelj and Kononenko (2014), Explaining prediction models and individual predictions"

    def applies(self, question: Question) -> str:
        """Every network can be asked."""
        del question
        return ""

    def passes(self, parts: int) -> int:
        """All coalitions of few parts, else those of one round of orders."""
        return 2**parts if parts <= _FEW else 2 * _ORDERS * (parts - 1)

    def attribute(self, question: Question) -> Attribution:
        """The Shapley value of every part, for every row."""
        game = Game(question)
        return exact(game) if game.players <= _FEW else sampled(game)


def exact(game: Game) -> Attribution:
    """Shapley values from all coalitions of at most 20 parts, averaged over all rows that stand in.

    Raises:
        ValueError: there are more parts.
    """
    players, stand_ins = game.players, game.stand_ins
    if players > _MOST_EXACT:
        raise ValueError(f"{2**players} coalitions are too many")
    codes = np.arange(2**players)
    keep = (codes[:, None] >> np.arange(players) & 1).astype(bool)
    value = np.zeros((game.question.rows, len(codes)))
    for other in range(stand_ins):
        value += game.values(keep, np.full(len(codes), other)) / stand_ins
    size = keep.sum(1)
    weight = np.array([1 / (players * math.comb(players - 1, s)) if s < players else 0.0 for s in range(players + 1)])
    found = np.empty((game.question.rows, players))
    for player in range(players):
        out = np.flatnonzero(~keep[:, player])
        found[:, player] = (value[:, out | 1 << player] - value[:, out]) @ weight[size[out]]
    notes = (f"exact, from all coalitions of the parts{_told(game)}",)
    return Attribution(found, value[:, 0], value[:, -1], np.zeros_like(found), True, notes=notes)


def sampled(game: Game) -> Attribution:
    """Shapley values from random orders, until the standard error is as small as asked, or the time is over.

    In every round each row that stands in gets an order of its own and the reverse of it, the same for all rows that
    are asked about; so contributions sum to the answer less the mean answer of the rows that stand in, whatever the
    number of rounds.
    """
    question, stand_ins = game.question, game.stand_ins
    rng, began = np.random.default_rng(question.seed), time.perf_counter()
    pairs = np.tile(np.arange(stand_ins), max(1, -(-_ORDERS // stand_ins)))
    nothing = np.zeros((stand_ins, game.players), bool)
    ends = game.values(nothing, np.arange(stand_ins)), game.answers()
    total, squares, rounds = np.zeros((question.rows, game.players)), np.zeros((question.rows, game.players)), 0
    error, wanted = np.full_like(total, np.inf), question.precision * _range(game, ends)
    while rounds < _MOST_ROUNDS and error.max(initial=0.0) > wanted:
        if rounds and (time.perf_counter() - began) * (rounds + 1) / rounds > question.seconds:
            break
        orders = np.stack([rng.permutation(game.players) for _ in pairs])
        found, spread = _one_round(game, orders, pairs, ends)
        total, squares, rounds = total + found, squares + spread, rounds + 1
        error = np.sqrt(squares / (rounds * len(pairs) * max(rounds * len(pairs) - rounds, 1)))
    notes = (f"random orders of the parts, each with its reverse{_told(game)}",)
    base = np.broadcast_to(ends[0].mean(1), question.rows).copy()
    return Attribution(total / rounds, base, ends[1], error, True, notes=notes)


def _one_round(game: Game, orders: Rows, pairs: Rows, ends: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """The mean contribution over all pairs of an order and its reverse (B, P), and the sum of squares around it."""
    count, players = orders.shape
    place = np.argsort(orders, axis=1)
    steps = np.arange(1, players)
    keep = np.concatenate([place[:, None] < steps[:, None], place[:, None] >= players - steps[:, None]])
    other = np.tile(np.repeat(pairs, players - 1), 2)
    inside = game.values(keep.reshape(-1, players), other).reshape(-1, 2 * count, players - 1)
    starts = np.tile(ends[0][:, pairs], 2)[..., None]
    finals = np.broadcast_to(ends[1][:, None, None], starts.shape)
    added = np.diff(np.concatenate([starts, inside, finals], axis=2), axis=2)
    walked = np.concatenate([orders, orders[:, ::-1]])
    each = np.empty_like(added)
    np.put_along_axis(each, np.broadcast_to(walked, added.shape), added, axis=2)
    paired = (each[:, :count] + each[:, count:]) / 2
    mean = paired.mean(1)
    return mean, np.square(paired - mean[:, None]).sum(1)


def _range(game: Game, ends: tuple[Floats, Floats]) -> float:
    """How far answers lie apart: 1 for probabilities, else the range of the answers that were seen."""
    if game.question.bundle.task.classes:
        return 1.0
    every = np.concatenate([ends[0].ravel(), ends[1]])
    return float(every.max() - every.min())


def _told(game: Game) -> str:
    if game.question.background == "conditional":
        return ", against the mean over rows that resemble what stays"
    return (
        f", against {game.stand_ins} rows that stand in" if game.stand_ins > 1 else ", against what a missing cell says"
    )
