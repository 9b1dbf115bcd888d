from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_ind

from vouch.statistics.matched import matched_means


def test_in_one_stratum_it_is_the_difference_of_two_means() -> None:
    rng = np.random.default_rng(0)
    values, inside = rng.normal(size=400), np.arange(400) < 150
    found = matched_means(values, inside[:, None], np.zeros(400, np.int64))
    assert found.more.value[0] == pytest.approx(values[inside].mean() - values[~inside].mean())
    other = ttest_ind(values[inside], values[~inside], equal_var=False)
    assert found.more.p_value[0] == pytest.approx(other.pvalue, abs=0.02)


def test_sets_that_only_lie_in_hard_strata_have_nothing_more() -> None:
    rng, held = np.random.default_rng(1), []
    for _ in range(500):
        hard = rng.integers(0, 5, 2000)
        wrong = (rng.random(2000) < 0.05 + 0.1 * hard).astype(np.float64)
        members = np.stack([rng.random(2000) < 0.04 * (hard + 1), rng.random(2000) < 0.1, hard >= 3], axis=1)
        members[:, 2] &= rng.random(2000) < 0.3
        found = matched_means(wrong, members, hard).more
        held.append(((found.low <= 0) & (found.high >= 0)).all())
    assert 0.93 <= np.mean(held) <= 0.98


def test_what_a_set_has_more_lies_in_its_interval() -> None:
    rng, held = np.random.default_rng(2), []
    for _ in range(500):
        hard, inside = rng.integers(0, 4, 1500), rng.random(1500) < 0.1
        wrong = (rng.random(1500) < 0.05 + 0.1 * hard + 0.15 * inside).astype(np.float64)
        found = matched_means(wrong, inside[:, None], hard).more
        held.append(found.low[0] <= 0.15 <= found.high[0])
    assert 0.92 <= np.mean(held) <= 0.98


def test_rows_that_belong_together_count_as_one() -> None:
    rng, held = np.random.default_rng(3), []
    groups = np.repeat(np.arange(200), 5)
    inside = groups % 4 == 0
    for _ in range(400):
        values = np.repeat(rng.normal(size=200), 5) + 0.1 * rng.normal(size=1000)
        found = matched_means(values, inside[:, None], np.arange(1000) % 5, groups).more
        held.append(found.low[0] <= 0 <= found.high[0])
    assert 0.91 <= np.mean(held) <= 0.985


def test_strata_without_rows_elsewhere_are_left_out() -> None:
    strata = np.repeat([0, 1], 50)
    inside = (strata == 1) | (np.arange(100) < 10)
    found = matched_means(np.where(strata == 1, 9.0, 1.0), inside[:, None], strata)
    assert found.more.n[0] == 10
    assert (found.own[0], found.elsewhere[0], found.more.value[0]) == (1.0, 1.0, 0.0)


def test_a_set_of_everything_has_no_figure() -> None:
    found = matched_means(np.ones(20), np.ones((20, 1), bool), np.zeros(20, np.int64))
    assert np.isnan(found.more.value[0])
    assert found.more.n[0] == 0


def test_one_unit_of_rows_that_belong_together_tells_nothing() -> None:
    inside = np.arange(40) < 10
    values, together = inside.astype(np.float64), np.where(inside, 99, np.arange(40))
    found = matched_means(values, inside[:, None], np.zeros(40, np.int64), together)
    assert np.isnan(found.more.value[0])
    assert found.more.n[0] == 0


def test_each_set_may_have_strata_of_its_own_and_leave_rows_out() -> None:
    values = np.array([1.0, 1, 0, 0, 0, 0, 0, 0, 5, 5, 5, 5])
    inside = np.arange(12) < 2
    strata = np.stack([np.zeros(12, np.int64), np.where(np.arange(12) < 8, 0, -1)], axis=1)
    found = matched_means(values, np.stack([inside, inside], axis=1), strata)
    assert found.elsewhere.tolist() == [2.0, 0.0]
    assert found.own.tolist() == [1.0, 1.0]
