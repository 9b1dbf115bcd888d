"""Sets of rows held against rows that are like them in one respect, stratum by stratum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

from vouch.statistics.intervals import LEVEL
from vouch.statistics.simultaneous import Together

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Codes: TypeAlias = npt.NDArray[np.int64]
_FEWEST_BESIDE, _FEWEST_UNITS = 5, 2


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """What sets of rows have more than rows elsewhere of the same strata.

    Args:
        more: the differences of means, with p-values of each being 0, two-sided.
        own: mean of each set, where there are rows to hold it against (G,).
        elsewhere: mean of the others, in the mixture of strata of the set (G,).
    """

    more: Together
    own: Floats
    elsewhere: Floats


def matched_means(
    values: Floats, members: Bools, strata: Codes, groups: npt.NDArray[np.generic] | None = None
) -> Matched:
    """The mean of each set less that of all rows that are not in it, both in the set's own mixture of strata.

    This is direct standardisation: what the set has more is not that it lies in other strata. The variance is that of
    the sum of all rows' influences. Rows of strata in which fewer than five rows are elsewhere are left out.

    Args:
        values: one for each row (n,).
        members: which rows are in which set (n, G).
        strata: codes from 0 (n,), or those of each set (n, G); rows of -1 are left out.
        groups: which rows belong together (n,), if some do; they then count as one.

    Returns:
        The differences; NaN for a set that cannot be held against anything, or of which a single unit is known.

    Source:
        Breslow and Day (1987), Statistical methods in cancer research, volume II, chapter 2, for standardisation.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> hard = rng.integers(0, 2, 4000)
        >>> wrong = (rng.random(4000) < 0.1 + 0.3 * hard) * 1.0
        >>> found = matched_means(wrong, (hard * rng.random(4000) > 0.5)[:, None], hard)
        >>> bool(found.own[0] > 0.35), bool(found.more.low[0] < 0 < found.more.high[0])
        (True, True)
    """
    units = np.arange(len(values)) if groups is None else np.unique(groups, return_inverse=True)[1].reshape(-1)
    each = np.broadcast_to(strata if strata.ndim == 2 else strata[:, None], members.shape)
    found = [_one(values, inside, code, units) for inside, code in zip(members.T, each.T, strict=True)]
    more, own, error, known, n = (np.array(part) for part in zip(*found, strict=True))
    score = np.divide(np.abs(more), error, out=np.where(more == 0, 0.0, np.inf), where=error > 0)
    freedom = np.maximum(known, 2) - 1
    far, near = (stdtrit(freedom, 1 - (1 - LEVEL) / 2 / family) * error for family in (members.shape[1], 1))
    alone = np.stack([more - near, more + near])
    together = Together(more, more - far, more + far, alone, n.astype(np.int64), 2 * stdtr(freedom, -score))
    return Matched(together, own, own - more)


def _one(values: Floats, inside: Bools, strata: Codes, units: Codes) -> tuple[float, float, float, int, int]:
    """Difference, own mean, standard error, units and rows of one set."""
    asked = strata >= 0
    values, inside, strata, units = values[asked], inside[asked], strata[asked], units[asked]
    several = int(strata.max(initial=0)) + 1
    beside = np.bincount(strata[~inside], minlength=several)
    inside = inside & (beside >= _FEWEST_BESIDE)[strata]
    n, known = int(inside.sum()), len(np.unique(units[inside]))
    if known < _FEWEST_UNITS:
        return float("nan"), float("nan"), float("nan"), 0, 0
    sums = np.bincount(strata, weights=values * ~inside, minlength=several)
    # Left out rows of the set are no rows elsewhere either, but their strata carry no weight.
    usual = sums / np.maximum(np.bincount(strata[~inside], minlength=several), 1)
    share = np.bincount(strata[inside], minlength=several) / n
    own, more = float(values[inside].mean()), float(values[inside].mean() - share @ usual)
    pull = np.where(inside, 1 / n, -(share / np.maximum(beside, 1))[strata])
    moved = pull * np.where(inside, values - usual[strata] - more, values - usual[strata])
    totals = np.bincount(units, weights=moved)
    return more, own, float(np.sqrt(np.square(totals).sum() * known / (known - 1))), known, n
