"""How far out a figure lies among draws that chance made, further out than there are draws."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_ENOUGH_BEYOND = 10
_FEWEST = 50


def p_beyond_draws(seen: float, draws: npt.ArrayLike) -> float:
    """P-value of a figure against draws of what chance alone would give, one-sided.

    Where ten draws or more are as large, it is their share. Draws alone can give nothing below 1 / (R + 1), which is
    not small enough where many questions are asked together; so beyond them the tail of a Pearson type III
    distribution with the mean, the variance and the skewness of the draws takes over, as it is used for permutation
    tests (Mielke and Berry, "Permutation Methods", 2007). It is exact for sums of squares, and near the normal where
    there is no skewness; a skewness below 0 counts as 0, which errs towards a larger p-value.

    Args:
        seen: the figure; larger is further out.
        draws: what chance gave (R,).

    Returns:
        The p-value, never 0.

    Example:
        >>> draws = np.random.default_rng(0).normal(size=999)
        >>> p_beyond_draws(0.0, draws) > 0.4, 1e-8 < p_beyond_draws(5.0, draws) < 1e-5
        (True, True)
    """
    known = np.asarray(draws, np.float64)
    beyond = int((known >= seen).sum())
    counted = (1 + beyond) / (1 + len(known))
    spread = float(known.std())
    if beyond >= _ENOUGH_BEYOND or len(known) < _FEWEST or spread == 0:
        return counted
    from scipy.stats import pearson3

    score = (known - known.mean()) / spread
    tail = float(pearson3.sf((seen - known.mean()) / spread, max(float((score**3).mean()), 0.0)))
    return float(np.clip(tail, 1e-300, counted))
