"""P-values corrected for asking several questions at once."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]


def holm(p: npt.ArrayLike) -> Floats:
    """Adjusted p-values that keep the chance of even one false claim below the level (Holm, 1979).

    Holds however the questions depend on each other.

    Args:
        p: p-values (M,); NaN, a test that could not be made, stays NaN and is not counted.

    Returns:
        Adjusted p-values (M,): claim those below the level, such as 0.05.

    Raises:
        ValueError: a p-value lies outside 0 to 1.

    Example:
        >>> holm([0.01, 0.04, 0.03]).tolist()
        [0.03, 0.06, 0.06]
    """
    values, order, ranked = _ranked(p)
    steps = np.arange(len(ranked), 0, -1)
    return _unranked(values, order, np.maximum.accumulate(ranked * steps))


def benjamini_yekutieli(p: npt.ArrayLike) -> Floats:
    """Adjusted p-values that keep the share of false claims among all claims below the level.

    Holds however the questions depend on each other, at the price of a factor 1 + 1/2 + … + 1/M.
    Source: Benjamini and Yekutieli, "The control of the false discovery rate in multiple testing under dependency",
    2001.

    Args:
        p: p-values (M,); NaN stays NaN and is not counted.

    Returns:
        Adjusted p-values (M,).

    Raises:
        ValueError: a p-value lies outside 0 to 1.

    Example:
        >>> benjamini_yekutieli([0.01, 0.02, 0.9]).round(3).tolist()
        [0.055, 0.055, 1.0]
    """
    values, order, ranked = _ranked(p)
    every = np.arange(1, len(ranked) + 1)
    scaled = ranked * len(ranked) * (1 / every).sum() / every
    return _unranked(values, order, np.minimum.accumulate(scaled[::-1])[::-1])


def _ranked(p: npt.ArrayLike) -> tuple[Floats, npt.NDArray[np.int64], Floats]:
    """All values, where the smallest, second smallest, … stand, and these."""
    values = np.asarray(p, np.float64).reshape(-1)
    if ((values < 0) | (values > 1)).any():
        raise ValueError("a p-value lies between 0 and 1")
    order = np.argsort(values, kind="stable")[: int((~np.isnan(values)).sum())]
    return values, order, values[order]


def _unranked(values: Floats, order: npt.NDArray[np.int64], adjusted: Floats) -> Floats:
    found = np.full_like(values, np.nan)
    found[order] = np.minimum(adjusted, 1)
    return found
