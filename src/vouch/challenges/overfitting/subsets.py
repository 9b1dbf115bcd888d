"""Nested parts of the training rows, so that every larger one holds all rows of every smaller one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from vouch.contracts.case import Lesson
from vouch.contracts.recipe import Recipe

Rows = npt.NDArray[np.int64]

_STRATA = 10
_SMALLEST_BATCH = 16
_FEWEST_TO_STOP_BY = 500


def nested(rows: Rows, strata: Rows, groups: npt.NDArray[Any] | None, rng: np.random.Generator) -> Rows:
    """Rows in an order of which every beginning is a fair sample: each class in its share, groups whole.

    Args:
        rows: row numbers (n,).
        strata: the class of each row, or the tenth of the quantity (n,).
        groups: which rows belong together (n,), if some do; then classes are not balanced.
        rng: draws the order.

    Returns:
        The same rows, reordered.

    Example:
        >>> order = nested(np.arange(40), np.arange(40) % 4, None, np.random.default_rng(0))
        >>> sorted((order[:8] % 4).tolist())
        [0, 0, 1, 1, 2, 2, 3, 3]
    """
    if groups is not None:
        group = np.unique(groups, return_inverse=True)[1].reshape(-1)
        rank = rng.permutation(int(group.max()) + 1)
        return rows[np.argsort(rank[group], kind="stable")]
    place = np.empty(len(rows))
    for stratum in np.unique(strata):
        members = rng.permutation(np.flatnonzero(strata == stratum))
        # Each row's place within its stratum; the first of every stratum comes among the first of all.
        place[members] = np.arange(len(members)) / len(members) + rng.random() * 1e-6
    return rows[np.argsort(place, kind="stable")]


def strata_of(truth: npt.NDArray[Any], classes: bool) -> Rows:
    """The class of each row; of several labels the number of them, of a quantity its tenth."""
    if truth.ndim == 2:
        return truth.sum(axis=1).astype(np.int64)
    if classes:
        return truth.astype(np.int64)
    return (np.argsort(np.argsort(truth, kind="stable")) * _STRATA // max(len(truth), 1)).astype(np.int64)


def shares_for(rows: int, halves: bool) -> Sequence[float]:
    """Which parts of so many rows are learned from, smallest first.

    Args:
        rows: training rows.
        halves: whether networks on half of the rows are there already.

    Returns:
        Shares of the rows. Of few rows a sixteenth is too little to learn from, and half of them is soon trained on; of
        many a quarter is dear, and lies between what is there.
    """
    if rows >= 3000:
        return (1 / 16, 1 / 8) if halves else (1 / 16, 1 / 8, 1 / 4)
    return (1 / 8, 1 / 4) if halves else (1 / 8, 1 / 4, 1 / 2)


def smaller(lesson: Lesson, rows: Rows) -> Lesson:
    """The same lesson on fewer training rows, in smaller batches, stopped by as much fewer validation rows.

    With the same batches a small part would be trained for so few steps that it looked worse than it is, and the curve
    steeper; with batches as much smaller as the part, each would take as long as the whole. The square root is between.
    """
    share = len(rows) / max(len(lesson.train), 1)
    valid = lesson.valid[:: max(1, len(lesson.valid) // max(round(share * len(lesson.valid)), _FEWEST_TO_STOP_BY))]
    return replace(lesson, train=rows, valid=valid, recipe=_in_smaller_batches(lesson.recipe, share**0.5))


def _in_smaller_batches(recipe: Recipe, share: float) -> Recipe:
    batch = 2 ** round(float(np.log2(max(recipe.batch_size * share, 1))))
    return replace(recipe, batch_size=min(recipe.batch_size, max(batch, _SMALLEST_BATCH)))
