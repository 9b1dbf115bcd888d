"""A threshold for each group, such that a criterion of fairness is met as nearly as asked at the least cost.

A threshold says from which probability on rows are called the class. Each group has a curve of rates over thresholds;
what is looked for is a box that all groups can be brought into, as wide as the gap that may remain, where fewest rows
are called wrong. The choice is exact on a grid, and nothing is drawn at random. For equalised odds groups have to meet
in two rates with one number each, so that some gap may remain; the lots that Hardt and others draw to close it would
answer equal rows unequally, and are left out.

What a few rows say of a small group is noise. So its labels are mixed with what the network expects of the same rows:
a group of n rows counts its own labels for n of n + 100, and the expected ones for the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

_CUTS, _FEWEST_CUTS = 600, 60
_PRIOR_ROWS = 100
_BOXES = {1: 201, 2: 41}
_AS_GOOD = 0.002
_ROUNDS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """What each of G groups comes to at each of T thresholds, in rows.

    Args:
        cuts: the thresholds (T).
        called: rows called the class (G, T).
        right: rows of the class that are called it (G, T).
        actual: rows of the class (G, 1).
        rows: rows (G, 1).
    """

    cuts: Floats
    called: Floats
    right: Floats
    actual: Floats
    rows: Floats

    @property
    def wrong(self) -> Floats:
        """Rows called wrong (G, T)."""
        return self.called - self.right + self.actual - self.right

    def rates(self, criterion: str) -> Floats:
        """The rates that a criterion compares (G, T, Q); NaN where no row is asked."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.stack(RATES[criterion](self), axis=-1)


RATES: dict[str, Callable[[Curves], list[Floats]]] = {
    "demographic_parity": lambda c: [c.called / c.rows],
    "equal_opportunity": lambda c: [c.right / c.actual],
    "equalized_odds": lambda c: [c.right / c.actual, (c.called - c.right) / (c.rows - c.actual)],
    "predictive_parity": lambda c: [c.right / c.called],
    "error_parity": lambda c: [c.wrong / c.rows],
}


def curves_of(score: Floats, actual: npt.NDArray[np.bool_], code: Codes, groups: int) -> Curves:
    """The curves of all groups over thresholds that lie between the scores of each.

    Args:
        score: probability of the class (n,).
        actual: whether a row is of it (n,).
        code: the group of each row (n,).
        groups: how many there are (G).

    Example:
        >>> found = curves_of(np.array([0.2, 0.8]), np.array([False, True]), np.array([0, 1]), 2)
        >>> found.rates("demographic_parity")[:, found.cuts == 0.5, 0].tolist()
        [[0.0], [1.0]]
    """
    inside = [score[code == g] for g in range(groups)]
    levels = np.linspace(0, 1, max(_CUTS // groups, _FEWEST_CUTS))
    cuts = np.unique(np.concatenate([[0.5], *(np.quantile(one, levels) for one in inside if len(one))]))
    # A threshold at a score itself would hang on the last bit; between two scores it does not.
    cuts = np.unique(np.concatenate([[0.5], (cuts[1:] + cuts[:-1]) / 2]))
    called, right = np.zeros((groups, len(cuts))), np.zeros((groups, len(cuts)))
    of_class, rows = np.zeros((groups, 1)), np.zeros((groups, 1))
    for g, own in enumerate(inside):
        order = np.argsort(own, kind="stable")
        labels = _mixed(actual[code == g], own)[order]
        above = np.searchsorted(own[order], cuts, side="right")
        called[g] = len(own) - above
        right[g] = np.concatenate([np.cumsum(labels[::-1])[::-1], [0.0]])[above]
        of_class[g], rows[g] = labels.sum(), len(own)
    return Curves(cuts, called, right, of_class, rows)


def chosen_cuts(curves: Curves, criterion: str, closed: float) -> Floats:
    """The threshold of each group (G,) that brings a criterion's gap down at the least cost.

    Args:
        curves: of all groups.
        criterion: one of :data:`RATES`.
        closed: the share of the gap at one half that is to be closed.

    Source:
        Hardt, Price and Srebro (2016), Equality of opportunity in supervised learning.

    Example:
        >>> score = np.linspace(0.01, 0.99, 99)
        >>> both = np.concatenate([score, score / 2])
        >>> found = curves_of(both, both > 0.4, np.repeat([0, 1], 99), 2)
        >>> low, high = sorted(chosen_cuts(found, "demographic_parity", 1.0).tolist())
        >>> round(high / low, 1)
        2.0
    """
    rates, asked = curves.rates(criterion), (curves.rows > 0)[:, 0]
    half = rates[asked][:, np.flatnonzero(curves.cuts == 0.5)[0]]
    low, high = np.nanmin(half, axis=0), np.nanmax(half, axis=0)
    width = (1 - closed) * float(np.nanmax(high - low))
    grid = [np.linspace(a, b, _BOXES[rates.shape[2]]) for a, b in zip(low, high, strict=True)]
    boxes = np.stack([axis.ravel() for axis in np.meshgrid(*grid, indexing="ij")], axis=-1)
    chosen, outside, wrong = [], [], []
    for g in range(len(rates)):
        place, off, cost = _best_of(rates[g], curves.wrong[g], boxes, width)
        chosen.append(place)
        outside.append(off)
        wrong.append(cost)
    # A box that no group is farther out of than of the best one is as good; of those the cheapest is taken.
    off, cost = np.max(outside, axis=0), np.sum(wrong, axis=0)
    best = int(np.argmin(np.where(off <= off.min() + _AS_GOOD, cost, np.inf)))
    return curves.cuts[[int(place[best]) for place in chosen]]


# Of which rows it is asked how often they are called each of more than two classes, from whether they are of it (n, K).
ASKED: dict[str, Callable[[Floats], list[Floats]]] = {
    "demographic_parity": lambda actual: [np.ones_like(actual)],
    "equal_opportunity": lambda actual: [actual],
    "equalized_odds": lambda actual: [actual, 1 - actual],
}


def class_shifts(told: Floats, truth: Codes, grouped: tuple[Codes, int], criterion: str, closed: float) -> Floats:
    """What is added to the log-probabilities of each group (G, K), so that its rates near those of all rows.

    More than two classes have no thresholds to choose among: a class that is called too seldom is raised in small
    steps, until it is called as often as wanted. What that costs is not weighed. Where a criterion compares two rates
    it is their sum that is met. A group of which every class is found more seldom is not helped by any shift.

    Args:
        told: probabilities of more than two classes (n, K).
        truth: class of each row (n,).
        grouped: the group of each row (n,), and how many there are (G).
        criterion: one of :data:`ASKED`.
        closed: how far the rates of each group move to those of all rows.

    Example:
        >>> told = np.random.default_rng(0).dirichlet([2, 2, 2], 2000)
        >>> told[1000:, 0] *= 0.7
        >>> group = np.repeat([0, 1], 1000)
        >>> added = class_shifts(told, told.argmax(axis=1), (group, 2), "demographic_parity", 1.0)
        >>> bool(added[1, 0] > added[0, 0])
        True
    """
    logs, actual, (code, groups) = np.log(np.clip(told, 1e-15, None)), _of_class(told, truth), grouped
    every, added = _called(told, ASKED[criterion](actual)), np.zeros((groups, told.shape[1]))
    for g in np.unique(code).tolist():
        own, asked = logs[code == g], ASKED[criterion](_mixed(actual[code == g], told[code == g]))
        wanted = (1 - closed) * _called(own, asked) + closed * every
        for step in range(_ROUNDS):
            short = np.log((wanted + 1 / len(own)) / (_called(own + added[g], asked) + 1 / len(own)))
            added[g] += short / (1 + step / 10)
        added[g] -= added[g].mean()
    return added


def _of_class(told: Floats, truth: Codes) -> Floats:
    """1 where a row is of a class, else 0 (n, K)."""
    return (truth[:, None] == np.arange(told.shape[1])).astype(np.float64)


def _mixed(actual: npt.NDArray[Any], told: Floats) -> Floats:
    """Labels of the rows of a group mixed with what is expected of them, the more the fewer they are."""
    share = _PRIOR_ROWS / (len(told) + _PRIOR_ROWS)
    return (1 - share) * actual + share * told


def _called(score: Floats, asked: list[Floats]) -> Floats:
    """How often each class is called (K,), added up over the rows that are asked, as weights (n, K)."""
    said = _of_class(score, score.argmax(axis=1))
    return np.sum([(said * one).sum(axis=0) / np.maximum(one.sum(axis=0), 1e-9) for one in asked], axis=0)


def _best_of(rates: Floats, wrong: Floats, boxes: Floats, width: float) -> tuple[Codes, Floats, Floats]:
    """For each box (N, Q) a group's threshold, how far its rates stay outside, and how many rows are called wrong."""
    off = np.zeros((len(boxes), len(rates)))
    for q in range(rates.shape[1]):
        here, end = rates[:, q], boxes[:, [q]]
        # A rate that nothing can be said of is outside of no box.
        off = np.maximum(off, np.nan_to_num(np.maximum(end - here, here - end - width), nan=0.0))
    near = off <= off.min(axis=1, keepdims=True) + _AS_GOOD
    place = np.argmin(np.where(near, wrong, np.inf), axis=1)
    rows = np.arange(len(boxes))
    return place, off[rows, place], wrong[place]
