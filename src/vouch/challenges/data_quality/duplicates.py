"""Exact duplicates: rows that repeat another in every cell, told from rows that few possible values make equal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from vouch.challenges.data_quality.looking import PARTS, Found, Rows, Say, flagged, once, parts, table, told, too_few
from vouch.contracts.case import Case
from vouch.contracts.finding import Check, Threshold

SHARE = Threshold("duplicates_share", 0.005, 0.2, why="one row in two hundred counted twice is no accident")
_WIDE = 200


@dataclass(frozen=True, slots=True, eq=False)
class Copies:
    """Rows that are equal in the columns that were looked at.

    Args:
        group: a number that equal rows share (B,).
        pairs: how many pairs are equal.
        by_chance: how many would be at most, if every row were drawn by itself.
    """

    group: Rows
    pairs: float
    by_chance: float

    @property
    def beyond_chance(self) -> bool:
        """Whether there are more equal pairs than few possible values explain."""
        return self.pairs > 2 * self.by_chance + 3 * np.sqrt(self.by_chance)

    @property
    def repeated(self) -> npt.NDArray[np.bool_]:
        """Rows of which another row is a copy, beyond chance (B,)."""
        sizes = np.bincount(self.group) if len(self.group) else np.zeros(0, np.int64)
        return (sizes[self.group] > 1) & self.beyond_chance

    @property
    def later(self) -> npt.NDArray[np.bool_]:
        """Rows that repeat an earlier one, beyond chance (B,)."""
        first = np.zeros(len(self.group), dtype=bool)
        first[np.unique(self.group, return_index=True)[1]] = True
        return self.repeated & ~first


def copies(columns: Sequence[pl.Series]) -> Copies:
    """Which rows are equal in all columns, and how many pairs chance would make equal.

    Chance is read off the rows that are equal in all columns but one: where values are few, there are many of those.
    With a the share of pairs that agree in the column left out, chance makes at most r / (1 − r) times as many pairs
    equal in it too, where r, the smaller of 10 a and √a, allows for columns that depend on one another; the largest
    figure of all columns counts.

    Args:
        columns: canonical cells of the same rows.

    Returns:
        The groups of equal rows, and the pairs.

    Example:
        >>> found = copies([pl.Series([1.5, 2.5, 1.5]), pl.Series(["a", "b", "a"])])
        >>> found.later.tolist()
        [False, False, True]
    """
    hashes = [series.hash(seed=at).to_numpy() for at, series in enumerate(columns)]
    whole = np.zeros(len(columns[0]) if len(columns) else 0, dtype=np.uint64)
    for one in hashes:
        whole = whole + _mixed(one)
    first, inverse = np.unique(whole, return_index=True, return_inverse=True)[1:]
    group, pairs = inverse.reshape(-1).astype(np.int64), _pairs(whole)
    chances = [_chance(one, whole - _mixed(one), pairs, first) for one in hashes[:_WIDE]] if pairs else []
    return Copies(group, pairs, max(chances, default=0.0) if len(hashes) > 1 else _alone(hashes, pairs))


def copies_of(case: Case, *, target: bool) -> Copies:
    """Rows that are equal in all features, and in the target too if asked; computed once."""
    names = [column.name for column in case.bundle.schema.features]
    names += [case.bundle.schema.target.name] if target else []
    frame = case.dataset.frame
    what = f"copies, target {target}"
    return once(case, what, lambda: copies([frame[name] for name in names if name in frame.columns]))


def exact_duplicates(case: Case) -> Check:
    """How many rows repeat an earlier one in every feature and in the target.

    Rows that are equal because there are few possible values do not count. It promises to find, with power .9, 2 % of
    the rows being copies, from 500 rows on, where a column has more values than rows are copied.
    """
    if few := too_few(case, "exact_duplicates"):
        return few
    found, part = copies_of(case, target=True), parts(case)
    first = np.unique(found.group, return_index=True)[1][found.group]
    later = np.flatnonzero(found.later)
    n, sizes = len(part), np.bincount(found.group)[found.group]
    reasons = [f"repeats row {first[row]} ({PARTS[part[first[row]]]}) in every cell" for row in later]
    headline = told(len(later), n, "row", "repeats", "repeat") + " an earlier row in every cell."
    if found.pairs and not found.beyond_chance:
        headline = f"No row of {n:,} repeats another beyond the chance that few possible values give."
    listed = [(int(row), PARTS[part[row]], int(first[row]), PARTS[part[first[row]]]) for row in later.tolist()]
    tables = (table("Repeated rows", ("row", "part", "repeats row", "part of that"), listed),) if listed else ()
    return flagged(
        case,
        "exact_duplicates",
        Found(later, sizes[later].astype(np.float64), reasons),
        n,
        Say(headline, SHARE, tables),
    )


def _mixed(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Hashes spread anew, so that sums of them tell columns apart (splitmix64: Steele et al., 2014)."""
    x = hashes + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    return x ^ (x >> np.uint64(27))


def _pairs(keys: npt.NDArray[np.uint64]) -> float:
    sizes = np.unique(keys, return_counts=True)[1].astype(np.float64)
    return float((sizes * (sizes - 1) / 2).sum())


def _chance(
    column: npt.NDArray[np.uint64], rest: npt.NDArray[np.uint64], pairs: float, first: npt.NDArray[np.intp]
) -> float:
    """How many pairs that agree in the rest chance would let agree in the column too."""
    # Copies make the cells of a column agree that are else all different: there, each row is asked once.
    few = 10 * len(np.unique(column)) <= len(column)
    asked = column if few else column[first]
    agree = _pairs(asked) / max(len(asked) * (len(asked) - 1) / 2, 1)
    root = min(10 * agree, np.sqrt(agree), 1 - 1e-9)
    return max(_pairs(rest) - pairs, 0.0) * root / (1 - root)


def _alone(hashes: Sequence[npt.NDArray[np.uint64]], pairs: float) -> float:
    """A column that stands alone: values that are mostly its own are copied; values out of a set are not."""
    distinct = len(np.unique(hashes[0])) if hashes else 0
    return 0.0 if hashes and distinct > len(hashes[0]) / 2 else pairs
