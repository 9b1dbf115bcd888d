"""What one column alone tells of the target: means by value or by bin, on rows that they were not made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from vouch.challenges.data_quality.looking import Floats, Rows, as_numbers
from vouch.statistics.permutation import p_beyond_draws

FOLDS = 5
BINS = 64
_ROWS_OF_A_BIN = 20
_PRIOR = 2.0
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Skill:
    """How much of the target's variance is told on rows that were not learned from; 1 is all, 0 or less is nothing.

    Args:
        value: one less the squared errors, out of those of the mean.
        low: lower end of the 95 % interval.
        high: upper end.
        n: rows.
    """

    value: float
    low: float
    high: float
    n: int


def binned(series: pl.Series, rows: int = _ROWS_OF_A_BIN) -> Rows:
    """A code for each cell (B,): up to 64 bins of equal mass for quantities, else the values; missing is a code.

    Of a column of strings of which most are different, the letters before the first digit are the value: file names
    and codes often begin with what they name.

    Args:
        series: the cells.
        rows: how many a bin has at least.

    Example:
        >>> binned(pl.Series(["cat_1", "cat_2", "dog_1", "dog_2"])).tolist()
        [0, 0, 1, 1]
    """
    if series.dtype == pl.String and series.n_unique() > len(series) / 2:
        series = series.str.extract(r"^(\D*)", 1)
    if series.dtype.is_numeric() or series.dtype.is_temporal():
        x = as_numbers(series)
        edges = (
            np.unique(np.nanquantile(x, np.linspace(0, 1, min(BINS, max(len(x) // rows, 2)) + 1)[1:-1]))
            if np.isfinite(x).any()
            else x[:0]
        )
        return np.where(np.isfinite(x), np.searchsorted(edges, x, side="right"), len(edges) + 1).astype(np.int64)
    return codes_of(series)


def codes_of(series: pl.Series) -> Rows:
    """A code for each different cell (B,), in the order of their first rows."""
    if series.dtype.is_nested() or series.dtype == pl.Binary:
        series = series.hash(seed=0)
    return series.rank("dense").fill_null(0).cast(pl.Int64).to_numpy() - (0 if series.null_count() else 1)


def out_of_fold_skill(codes: Rows, target: Floats, folds: Rows) -> Skill:
    """How much of the target a code alone tells, by means made on the other folds.

    The mean of few rows is drawn towards that of all (Micci-Barreca, 2001), so that a code of its own in every row
    tells nothing.

    Args:
        codes: the code of each row (n,).
        target: the target as columns (n, K).
        folds: which fold each row is in (n,).

    Returns:
        The share of the variance that is told, with its interval.

    Example:
        >>> y = np.tile([[0.0], [1.0]], (50, 1))
        >>> out_of_fold_skill(np.tile([0, 1], 50), y, np.arange(100) // 20).value > 0.9
        True
    """
    size, width = int(codes.max()) + 1, target.shape[1]
    predicted = np.empty_like(target)
    for fold in np.unique(folds):
        learn, held = folds != fold, folds == fold
        mean = target[learn].mean(axis=0)
        rows = np.bincount(codes[learn], minlength=size)[:, None]
        sums = np.stack([np.bincount(codes[learn], target[learn, k], size) for k in range(width)], axis=1)
        predicted[held] = ((sums + _PRIOR * mean) / (rows + _PRIOR))[codes[held]]
    return skill(np.square(target - predicted).sum(axis=1), np.square(target - target.mean(axis=0)).sum(axis=1))


def line_skill(x: Floats, target: Floats, folds: Rows) -> Skill:
    """How much of the target a straight line through the values of one column tells, fitted on the other folds.

    Bins lose what lies within them, most of all at the far ends of skewed columns.

    Args:
        x: values, NaN where missing (n,).
        target: the target as columns (n, K).
        folds: which fold each row is in (n,).

    Returns:
        The share of the variance that is told, with its interval.

    Example:
        >>> x = np.random.default_rng(0).lognormal(size=100)
        >>> line_skill(x, x[:, None], np.arange(100) % 5).value > 0.99
        True
    """
    known = np.isfinite(x)
    filled = np.where(known, x, 0.0)
    design = np.stack([np.ones(len(x)), known, filled], axis=1)
    predicted = np.empty_like(target)
    for fold in np.unique(folds):
        learn, held = folds != fold, folds == fold
        predicted[held] = design[held] @ np.linalg.lstsq(design[learn], target[learn], rcond=None)[0]
    return skill(np.square(target - predicted).sum(axis=1), np.square(target - target.mean(axis=0)).sum(axis=1))


def left_out_skill(codes: Rows, target: Floats) -> Skill:
    """How much of the target the other rows of the same code tell, for rows that have such."""
    size = int(codes.max()) + 1
    rows = np.bincount(codes, minlength=size)
    several = rows[codes] > 1
    if several.sum() < 2:
        return Skill(0.0, 0.0, 0.0, 0)
    inside, y = codes[several], target[several]
    mean = y.mean(axis=0)
    sums = np.stack([np.bincount(inside, y[:, k], size) for k in range(y.shape[1])], axis=1)
    predicted = (sums[inside] - y + mean) / rows[inside][:, None]
    return skill(np.square(y - predicted).sum(axis=1), np.square(y - mean).sum(axis=1))


def skill(errors: Floats, variances: Floats) -> Skill:
    """One less a ratio of means, with its interval by the delta method."""
    n, scale = len(errors), float(variances.mean()) if len(variances) else 0.0
    if scale <= 0:
        return Skill(0.0, 0.0, 0.0, n)
    ratio = float(errors.mean()) / scale
    half = _Z * float(np.std((errors - ratio * variances) / scale)) / np.sqrt(n)
    return Skill(1 - ratio, 1 - ratio - half, 1 - ratio + half, n)


def agreement(codes: Rows, target: Floats, rng: np.random.Generator, draws: int = 99) -> float:
    """p-value of the hypothesis that rows of one code are no more alike in the target than any rows (permutation)."""
    seen = left_out_skill(codes, target).value
    return p_beyond_draws(
        seen, [left_out_skill(codes, target[rng.permutation(len(target))]).value for _ in range(draws)]
    )
