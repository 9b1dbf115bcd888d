"""The calibration error without its upward lean, where rows may belong together, and the skill of probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from vouch.statistics.intervals import absolute_sum, bootstrap, noise_of
from vouch.statistics.permutation import p_beyond_draws
from vouch.tasks.metrics import OneVsRest, ece_chance, ece_gaps

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]

_SCALES = np.linspace(0, 1, 101)


@dataclass(frozen=True, slots=True)
class ExpectedError:
    """The expected calibration error, freed of its lean.

    Args:
        value: the true error under which the raw one would be the median.
        low: lower end of its 95 % interval.
        high: upper end.
        p_value: of there being no error at all.
    """

    value: float
    low: float
    high: float
    p_value: float


def expected_error(
    truth: npt.NDArray[Any], probabilities: Floats, groups: npt.NDArray[np.generic] | None = None
) -> ExpectedError:
    """How far promised probabilities are from what happens, on average.

    A sum of absolute gaps never averages out its noise. So every true error is asked what raw error it would give, as
    for its interval (see ``absolute_sum``), and the one that would give this one half of the time is the estimate.

    Args:
        truth: class codes (n,), or labels (n, K).
        probabilities: what was promised (n, K).
        groups: which rows belong together (n,), if some do.

    Returns:
        The error with its interval and p-value.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> p = rng.random(2000)
        >>> found = expected_error(rng.random(2000) < p, np.stack([1 - p, p], axis=1))
        >>> found.value < 0.02, found.p_value > 0.05
        (True, True)
    """
    drawn = bootstrap(partial(ece_gaps, truth, probabilities), len(truth), groups=groups)
    # Where rows belong together, chance alone is not known.
    rng = np.random.default_rng(2)
    chance = ece_chance(truth, probabilities, len(drawn.draws), rng) if groups is None else None
    total, noise = float(np.abs(drawn.value).sum()), noise_of(drawn, chance)
    seen = np.array([np.abs(scale * drawn.value + noise).sum(axis=1) for scale in _SCALES])
    median = np.median(seen, axis=1)
    value = total * float(_SCALES[median <= total].max(initial=0.0))
    low, high = absolute_sum(drawn, chance)
    p_value = p_beyond_draws(total, seen[0])
    return ExpectedError(value, min(low, value), max(high, value), p_value)


def skill(view: OneVsRest) -> Callable[[Floats], Floats]:
    """From counts of rows (R, n) to 1 less the Brier score over that of the plain shares (R,)."""
    errors, actual = np.square(view.score - view.actual).sum(axis=1), view.actual.astype(np.float64)

    def measure(weights: Floats) -> Floats:
        total = weights.sum(axis=1)
        share = weights @ actual / total[:, None]
        plain = (share * (1 - share)).sum(axis=1)
        return 1 - np.divide(weights @ errors / total, plain, out=np.full_like(plain, np.nan), where=plain > 0)

    return measure
