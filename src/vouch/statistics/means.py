"""The mean of figures that are one for each row, with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vouch.contracts.finding import Estimate, Part

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class About:
    """What a mean is of.

    Args:
        name: of the figure.
        unit: "" for a share.
        higher_is_better: which way is good.
        split: which rows.
    """

    name: str
    unit: str = ""
    higher_is_better: bool = True
    split: Part = "test"


def mean_of(values: npt.ArrayLike, about: About) -> Estimate:
    """The mean of one figure for each row, with the interval of Student's t; of one row the interval is not finite.

    Args:
        values: one for each row (n,), of rows that are drawn independently.
        about: what they are.

    Source:
        Student, The probable error of a mean (1908).

    Example:
        >>> found = mean_of([1.0, 2.0, 3.0], About("gap"))
        >>> found.value, round(found.low, 2), round(found.high, 2)
        (2.0, -0.48, 4.48)
    """
    from scipy.stats import t

    each = np.asarray(values, np.float64)
    mean, reach = float(each.mean()), np.inf
    if len(each) > 1:
        reach = float(t.ppf((1 + LEVEL) / 2, len(each) - 1) * each.std(ddof=1) / np.sqrt(len(each)))
    return Estimate(
        about.name, mean, mean - reach, mean + reach, len(each), about.unit, about.higher_is_better, about.split, "t"
    )
