"""Figures of several subgroups of rows at once: intervals that hold together, and the largest or smallest of them.

Who looks at twenty subgroups and reports the worst one finds something bad by chance. Here all intervals of a family
hold at once, 95 times in 100 (Bonferroni), so that the worst one may be read without that mistake.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtr, stdtrit

from vouch.statistics.intervals import LEVEL, wilson

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Groups: TypeAlias = npt.NDArray[np.generic] | None


@dataclass(frozen=True, slots=True, eq=False)
class Together:
    """One figure for each of G subgroups, with intervals that hold all at once, and with those that hold one by one.

    Args:
        value: the figures (G,).
        low: lower ends that hold all at once (G,).
        high: upper ends that hold all at once (G,).
        alone: lower and upper ends that hold one by one (2, G).
        n: rows of each (G,).
        p_value: of each being 0, before correction (G,); NaN where that is no question.
    """

    value: Floats
    low: Floats
    high: Floats
    alone: Floats
    n: npt.NDArray[np.int64]
    p_value: Floats

    def largest(self) -> tuple[float, float, float]:
        """The largest figure, with a 95 % interval for the largest of the true ones.

        That one of them is large must survive having looked at all; that all are small need not, since each of them
        has to be (intersection-union test: Berger, 1982).
        """
        return float(self.value.max()), float(self.low.max()), float(self.alone[1].max())

    def smallest(self) -> tuple[float, float, float]:
        """The smallest figure, with a 95 % interval for the smallest of the true ones, likewise."""
        return float(self.value.min()), float(self.alone[0].min()), float(self.high.min())

    def absolute(self) -> Together:
        """The same of the absolute values."""
        low, high = _without_sign(self.low, self.high)
        alone = np.stack(_without_sign(*self.alone))
        return Together(np.abs(self.value), low, high, alone, self.n, self.p_value)


def several_means(values: Floats, members: Bools, groups: Groups = None, spread: Floats | None = None) -> Together:
    """The mean of each subgroup, with Student's interval.

    Args:
        values: one number for each row (n,), or one for each row and subgroup (n, G).
        members: which rows are in which subgroup (n, G); every subgroup has two rows or more.
        groups: which rows belong together (n,), if some do; they then count as one.
        spread: variance that each value should have (n,) or (n, G), if that is known; intervals are never narrower
            than it says, so that subgroups in which nothing happened yet are not taken for certain.

    Returns:
        The means, and p-values of the hypotheses that they are 0.

    Example:
        >>> found = several_means(np.tile([-1.0, 1.0], 50), np.ones((100, 1), bool))
        >>> round(float(found.high[0]), 2)
        0.2
    """
    shape = members.shape
    x = np.broadcast_to(values if values.ndim == 2 else values[:, None], shape)
    n = members.sum(axis=0)
    mean = np.where(members, x, 0).sum(axis=0) / n
    variance, units = _variance(np.where(members, x - mean, 0), members, groups)
    if spread is not None:
        known = np.broadcast_to(spread if spread.ndim == 2 else spread[:, None], shape)
        variance = np.maximum(variance, np.where(members, known, 0).sum(axis=0) / n**2)
    error = np.sqrt(variance)
    far, near = (stdtrit(units - 1, 1 - _tail(family)) * error for family in (shape[1], 1))
    score = np.divide(np.abs(mean), error, out=np.where(mean == 0, 0.0, np.inf), where=error > 0)
    alone = np.stack([mean - near, mean + near])
    return Together(mean, mean - far, mean + far, alone, n, 2 * stdtr(units - 1, -score))


def several_shares(success: Bools, members: Bools, groups: Groups = None) -> Together:
    """The share of rows that succeed in each subgroup, with Wilson's interval (1927).

    Where rows belong together, as many rows are counted as would tell as much if they did not (the design effect of
    Kish, 1965).

    Args:
        success: of each row (n,).
        members: which rows are in which subgroup (n, G); none is empty.
        groups: which rows belong together (n,), if some do.

    Returns:
        The shares; no p-values.

    Example:
        >>> found = several_shares(np.arange(100) < 90, np.ones((100, 1), bool))
        >>> round(float(found.low[0]), 3), round(float(found.high[0]), 3)
        (0.826, 0.945)
    """
    n = members.sum(axis=0)
    share = (success[:, None] & members).sum(axis=0) / n
    worth = n.astype(np.float64)
    if groups is not None:
        plain = share * (1 - share) / n
        variance, _ = _variance(np.where(members, success[:, None] - share, 0), members, groups)
        worth *= np.where(plain > 0, plain / np.maximum(np.maximum(variance, plain), 1e-300), 1.0)
    # The interval of another level is that of fewer rows: only z² / n counts in it.
    fewer = (ndtri(_tail(1)) / ndtri(_tail(members.shape[1]))) ** 2 * worth
    return Together(
        share, *wilson(share * fewer, fewer), np.stack(wilson(share * worth, worth)), n, np.full(len(n), np.nan)
    )


def _without_sign(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    return np.maximum(np.maximum(low, -high), 0), np.maximum(np.abs(low), np.abs(high))


def _tail(family: int) -> float:
    return (1 - LEVEL) / 2 / family


def _variance(centred: Floats, members: Bools, groups: Groups) -> tuple[Floats, Floats]:
    """Variance of each mean (G,), rows of a group taken together, and how many units there were (G,), at least 2."""
    n = members.sum(axis=0)
    if groups is None:
        totals, units = centred, n
    else:
        codes = np.unique(groups, return_inverse=True)[1].reshape(-1)
        totals = np.zeros((codes.max() + 1, centred.shape[1]))
        there = np.zeros(totals.shape, bool)
        np.add.at(totals, codes, centred)
        np.logical_or.at(there, codes, members)
        units = there.sum(axis=0)
    units = np.maximum(units, 2).astype(np.float64)
    return np.square(totals).sum(axis=0) / n**2 * units / (units - 1), units
