"""Shares and means of many sets of rows, and how far any two lie apart, with intervals that hold all at once.

Who holds every group against every other and reports the widest gap finds one by chance. Here the intervals of all
differences that are asked for hold at once, 95 times in 100 (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from vouch.statistics.intervals import LEVEL, wilson
from vouch.statistics.simultaneous import Together

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Codes: TypeAlias = npt.NDArray[np.int64]
Ends: TypeAlias = tuple[Floats, Floats]
_SMALLEST = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """One share, or one mean, of each of C sets of rows, and how well it is known.

    Args:
        value: the figures (C,); NaN where a set has no rows.
        error: their standard errors (C,).
        worth: independent rows that would tell as much (C,).
        n: rows of each set (C,).
        share: whether they are shares, whose intervals are Wilson's (1927); those of means are Student's.
    """

    value: Floats
    error: Floats
    worth: Floats
    n: Codes
    share: bool

    def together(self) -> Together:
        """Every figure, with intervals that hold for all of them at once."""
        alone = np.stack(self._ends(1))
        return Together(self.value, *self._ends(len(self.n)), alone, self.n, np.full(len(self.n), np.nan))

    def at(self, which: Codes) -> Cells:
        """The figures of some sets, in their order."""
        return Cells(self.value[which], self.error[which], self.worth[which], self.n[which], self.share)

    def differences(self, first: Codes, second: Codes) -> Together:
        """Figures of some sets less those of others, which share no rows with them.

        Each end joins the halves of both intervals that point there (MOVER: Zou and Donner, 2008; of two shares method
        10 of Newcombe, 1998). Where the two share units of rows that belong together, intervals are too wide.

        Args:
            first: numbers of sets (P,).
            second: numbers of those that are taken off (P,).

        Returns:
            The differences, with p-values of each being 0: by the score test of two shares, or Welch's of two means.
        """
        value, n = self.value[first] - self.value[second], self.n[first] + self.n[second]
        ends, alone = (_joined(self.value, self._ends(family), first, second) for family in (len(first), 1))
        return Together(value, *ends, np.stack(alone), n, self._chance(first, second))

    def ratios(self, first: Codes, second: Codes) -> Together:
        """Figures of some sets over those of others, none below 0, likewise: as differences of their logarithms."""
        logs = _log(self.value)
        value, n = np.exp(logs[first] - logs[second]), self.n[first] + self.n[second]
        ends, alone = (
            np.exp(_joined(logs, (_log(low), _log(high)), first, second))
            for low, high in (self._ends(family) for family in (len(first), 1))
        )
        return Together(value, ends[0], ends[1], alone, n, self._chance(first, second))

    def _ends(self, family: int) -> Ends:
        """Lower and upper ends that hold for so many figures at once."""
        tail = (1 - LEVEL) / 2 / max(family, 1)
        if self.share:
            # The interval of another level is that of fewer rows: only z² / n counts in it.
            fewer = (ndtri((1 - LEVEL) / 2) / ndtri(tail)) ** 2 * self.worth
            return wilson(self.value * fewer, fewer)
        reach = stdtrit(np.maximum(self.worth, 2) - 1, 1 - tail) * self.error
        return self.value - reach, self.value + reach

    def _chance(self, first: Codes, second: Codes) -> Floats:
        gap, rows = np.abs(self.value[first] - self.value[second]), (self.worth[first], self.worth[second])
        if self.share:
            common = (rows[0] * self.value[first] + rows[1] * self.value[second]) / (rows[0] + rows[1])
            error = np.sqrt(common * (1 - common) * (1 / rows[0] + 1 / rows[1]))
            return 2 * ndtr(-_over(gap, error))
        parts = [np.square(self.error[which]) for which in (first, second)]
        spent = sum(np.square(part) / np.maximum(n - 1, 1) for part, n in zip(parts, rows, strict=True))
        freedom = np.square(parts[0] + parts[1]) / np.maximum(spent, 1e-300)
        return 2 * stdtr(np.maximum(freedom, 1), -_over(gap, np.sqrt(parts[0] + parts[1])))


def cells(values: npt.NDArray[np.generic], code: Codes, sets: int, groups: npt.NDArray[np.generic] | None) -> Cells:
    """The share, or the mean, of each set of rows.

    Args:
        values: of each row (n,): whether it succeeds, for a share, or a number.
        code: the set of each row (n,), -1 for none.
        sets: how many there are (C).
        groups: which rows belong together (n,), if some do; they count as one (shares: Kish's design effect, 1965).

    Example:
        >>> found = cells(np.arange(100) < 60, np.arange(100) % 2, 2, None)
        >>> found.value.tolist(), round(float(found.differences(np.array([0]), np.array([1])).high[0]), 2)
        ([0.6, 0.6], 0.19)
    """
    inside = code >= 0
    share, x, at = values.dtype == np.bool_, values[inside].astype(np.float64), code[inside]
    n = np.bincount(at, minlength=sets)
    mean = np.where(n > 0, np.bincount(at, weights=x, minlength=sets), np.nan) / np.maximum(n, 1)
    units, totals, owner = n, x - mean[at], at
    if groups is not None:
        unit, place = np.unique(np.unique(groups[inside], return_inverse=True)[1] * sets + at, return_inverse=True)
        totals, owner = np.bincount(place.reshape(-1), weights=totals, minlength=len(unit)), unit % sets
        units = np.bincount(owner, minlength=sets)
    squares = np.bincount(owner, weights=np.square(totals), minlength=sets)
    variance = np.where(units > 1, squares * units / np.maximum(n, 1) ** 2 / np.maximum(units - 1, 1), np.nan)
    error = np.sqrt(variance)
    worth = units.astype(np.float64)
    if share:
        plain = mean * (1 - mean) / np.maximum(n, 1)
        # A single unit of rows that belong together is worth one row.
        known = plain if groups is None else np.where(units > 1, np.fmax(variance, plain), plain * n)
        worth = n.astype(np.float64) * np.where(plain > 0, plain / np.maximum(known, 1e-300), units / np.maximum(n, 1))
    return Cells(mean, error, worth, n, bool(share))


def joined(parts: Sequence[Cells]) -> Cells:
    """Several lists of figures of one kind as one."""
    fields = ((one.value, one.error, one.worth, one.n) for one in parts)
    value, error, worth, n = (np.concatenate(some) for some in zip(*fields, strict=True))
    return Cells(value, error, worth, n, parts[0].share)


def _joined(value: Floats, ends: Ends, first: Codes, second: Codes) -> Ends:
    gap, (low, high) = value[first] - value[second], ends
    down = np.hypot(value[first] - low[first], high[second] - value[second])
    return gap - down, gap + np.hypot(high[first] - value[first], value[second] - low[second])


def _log(values: Floats) -> Floats:
    return np.log(np.maximum(values, _SMALLEST))


def _over(values: Floats, by: Floats) -> Floats:
    """A quotient that is endless where something is divided by nothing, and 0 where nothing is."""
    return np.divide(values, by, out=np.where(values > 0, np.inf, 0.0), where=by > 0)
