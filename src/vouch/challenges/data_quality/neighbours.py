"""Near copies in tables of numbers and values: nearest neighbours that are nearer than the data is dense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import bdtrc

from vouch.challenges.data_quality.looking import Floats, Rows, spread

RADIUS = 0.03
ROOM = 8
CHANCE = 0.005
_APART = 1e3
_MISSING = -1e6
_MOST_COLUMNS = 60


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of rows that are nearly equal.

    Args:
        first: the smaller row number of each (P,).
        second: the larger (P,).
        likeness: 1 where they are equal, less where they differ (P,).
        p_value: of the hypothesis that chance brings so many rows so near; 0 where chance never does.
    """

    first: Rows
    second: Rows
    likeness: Floats
    p_value: float = 0.0

    def only(self, kept: npt.NDArray[np.bool_]) -> Pairs:
        """Some of the pairs."""
        return Pairs(self.first[kept], self.second[kept], self.likeness[kept], self.p_value)


def no_pairs(p_value: float = 1.0) -> Pairs:
    """No pair at all."""
    return Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), p_value)


def near_in_space(numbers: Mapping[str, Floats], values: Mapping[str, pl.Series], radius: float = RADIUS) -> Pairs:
    """Rows with equal values whose numbers all differ by less than ``radius`` robust standard deviations, but not by 0.

    Chance: of rows with just one neighbour within eight radii, at most one in eight has it within one, for it may stand
    anywhere in that room (as a Poisson process has it, however dense the rows lie there). Copies stand within one.
    Where rows lie densely, the radius shrinks with the typical distance of the second neighbour.

    Args:
        numbers: columns on a scale, NaN where missing (B,).
        values: columns that must be equal (B,).
        radius: the largest difference, in robust standard deviations of its column.

    Returns:
        The pairs that stand alone; none when chance explains them.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(300, 8))
        >>> x[:9] = x[9:18] + 0.001
        >>> found = near_in_space({str(i): x[:, i] for i in range(8)}, {})
        >>> found.first.tolist() == list(range(9))
        True
    """
    from scipy.spatial import cKDTree

    points = _points(numbers, values)
    distinct, first = np.unique(points, axis=0, return_index=True) if points.size else (points, np.zeros(0, np.int64))
    if len(distinct) < 3:
        return no_pairs()
    distance, other = cKDTree(distinct).query(distinct, k=3, p=np.inf, distance_upper_bound=2 * ROOM * radius)
    reach = min(radius, float(np.median(distance[:, 2])) / ROOM)
    alone = (distance[:, 1] <= ROOM * reach) & (distance[:, 2] > ROOM * reach)
    ends = np.sort(first[np.stack([np.flatnonzero(alone), other[alone, 1]], axis=1)], axis=1).reshape(-1, 2)
    ends, kept = np.unique(ends, axis=0, return_index=True)
    gaps = distance[alone, 1][kept]
    near = gaps <= reach
    p_value = float(bdtrc(near.sum() - 1, len(gaps), 1 / ROOM)) if near.any() else 1.0
    if p_value > CHANCE:
        return no_pairs(p_value)
    return Pairs(ends[near, 0], ends[near, 1], 1 - gaps[near] / (ROOM * radius), p_value)


def _points(numbers: Mapping[str, Floats], values: Mapping[str, pl.Series]) -> Floats:
    """One coordinate for each number, in robust standard deviations, and one that sets rows of other values apart."""
    columns = []
    for x in list(numbers.values())[:_MOST_COLUMNS]:
        scale = spread(x)
        if scale > 0:
            columns.append(np.where(np.isfinite(x), (x - np.nanmedian(x)) / scale, _MISSING))
    if columns and values:
        whole = pl.DataFrame(list(values.values())).hash_rows(seed=0).to_numpy()
        columns.append(_APART * np.unique(whole, return_inverse=True)[1].reshape(-1))
    return np.stack(columns, axis=1) if columns else np.zeros((0, 0))
