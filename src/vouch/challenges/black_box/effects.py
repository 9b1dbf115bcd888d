"""How answers follow one quantity: accumulated local effects, and partial dependence beside them, with bands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
# From numbers of rows (m,), and for each the number of the row whose cell of the column it is given, to answers (m,).
Answer = Callable[[Rows, Rows], Floats]

_BINS, _LINES = 20, 200
_Z = 1.959964


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """How the answer changes with one quantity, other things being what they are; 0 is its mean.

    Args:
        at: values of the quantity, rising (K,).
        local: accumulated local effects (K,).
        low: lower ends of their pointwise 95 % intervals (K,).
        high: upper ends (K,).
        everywhere: partial dependence (K,).
    """

    at: Floats
    local: Floats
    low: Floats
    high: Floats
    everywhere: Floats


def effects(values: Floats, answer: Answer, rng: np.random.Generator) -> Effects | None:
    """Move a quantity a little in rows that are near, and everywhere in some rows, and watch the answer.

    Local effects compare each row with itself at the ends of its own bin, so that no row is asked about that could not
    be; partial dependence gives every row every value, likely or not. Both are the same where columns have nothing to
    do with each other.

    Args:
        values: the quantity in each row (n,); NaN is missing.
        answer: of rows that are given the cell of other rows.
        rng: draws the rows of the partial dependence.

    Returns:
        The effects; none where there are fewer than three values.

    Source:
        Apley and Zhu, Visualizing the effects of predictor variables in black box supervised learning models (2020);
        Friedman, Greedy function approximation (2001), for partial dependence.

    Example:
        >>> x = np.linspace(-1, 1, 400)
        >>> found = effects(x, lambda rows, given: 3 * x[given] + rows % 2, np.random.default_rng(0))
        >>> bool(np.allclose(np.diff(found.local) / np.diff(found.at), 3))
        True
    """
    known = np.flatnonzero(np.isfinite(values))
    if len(np.unique(values[known])) < 3:
        return None
    ranked = known[np.argsort(values[known], kind="stable")]
    places = np.unique(np.linspace(0, len(ranked) - 1, _BINS + 1).round().astype(np.int64))
    edges = ranked[places]
    edges = edges[np.concatenate([[True], np.diff(values[edges]) > 0])]
    inside = np.clip(np.searchsorted(values[edges], values[known], side="left") - 1, 0, len(edges) - 2)
    moved = answer(known, edges[inside + 1]) - answer(known, edges[inside])
    steps, errors, counts = _means(moved, inside, len(edges) - 1)
    local = np.concatenate([[0.0], steps.cumsum()])
    error = np.concatenate([[0.0], np.sqrt(np.square(errors).cumsum())])
    # The mean over rows is taken off, so that the curve says how far from the usual answer each value is.
    middle = ((local[:-1] + local[1:]) / 2 * counts).sum() / counts.sum()
    some = rng.choice(known, min(_LINES, len(known)), replace=False)
    everywhere = np.array([answer(some, np.full(len(some), edge)).mean() for edge in edges])
    share = np.concatenate([counts[:1] / 2, (counts[:-1] + counts[1:]) / 2, counts[-1:] / 2]) / counts.sum()
    return Effects(
        values[edges], local - middle, local - middle - _Z * error, local - middle + _Z * error,
        everywhere - everywhere @ share,
    )  # fmt: skip


def _means(moved: Floats, inside: Rows, bins: int) -> tuple[Floats, Floats, Floats]:
    """Mean step of each bin, its standard error, and its rows."""
    counts = np.bincount(inside, minlength=bins).astype(np.float64)
    rows = np.maximum(counts, 1)
    mean = np.bincount(inside, moved, bins) / rows
    squares = np.bincount(inside, np.square(moved - mean[inside]), bins)
    return mean, np.sqrt(squares / np.maximum(counts - 1, 1) / rows), counts
