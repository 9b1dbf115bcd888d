"""The interval of a mean covers as often as it says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from vouch.statistics.means import About, mean_of


@pytest.mark.parametrize("rows", [5, 40])
def test_the_interval_covers_nineteen_times_in_twenty(rows: int) -> None:
    rng, runs = np.random.default_rng(0), 2_000
    found = [mean_of(rng.normal(0.3, 2.0, rows), About("gap")) for _ in range(runs)]
    share = np.mean([one.low <= 0.3 <= one.high for one in found])
    assert abs(share - 0.95) < 3 * np.sqrt(0.95 * 0.05 / runs)


def test_the_interval_is_that_of_scipy() -> None:
    values = np.random.default_rng(1).gamma(2.0, size=12)
    found, wanted = mean_of(values, About("gap")), ttest_1samp(values, 0).confidence_interval()
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))


def test_one_row_tells_no_interval() -> None:
    found = mean_of([0.5], About("gap"))
    assert found.value == 0.5
    assert not np.isfinite([found.low, found.high]).any()
