from __future__ import annotations

import numpy as np
import pytest

from vouch.statistics.intervals import wilson
from vouch.statistics.simultaneous import several_means, several_shares


def test_one_subgroup_of_shares_has_wilsons_interval() -> None:
    found = several_shares(np.arange(100) < 83, np.ones((100, 1), bool))
    low, high = wilson(83, 100)
    assert (found.low[0], found.high[0]) == pytest.approx((float(low), float(high)))
    assert found.alone[:, 0] == pytest.approx([float(low), float(high)])


def test_intervals_of_many_subgroups_hold_all_at_once() -> None:
    rng = np.random.default_rng(0)
    members = np.arange(2000)[:, None] % 10 == np.arange(10)
    held = []
    for _ in range(400):
        shares = several_shares(rng.random(2000) < 0.8, members)
        means = several_means(rng.normal(size=2000), members)
        held.append([((f.low <= v) & (v <= f.high)).all() for f, v in ((shares, 0.8), (means, 0.0))])
    assert np.mean(held, axis=0) == pytest.approx([0.95, 0.95], abs=0.03)


def test_the_smallest_true_share_lies_in_its_interval() -> None:
    rng = np.random.default_rng(1)
    members = np.arange(2000)[:, None] % 5 == np.arange(5)
    true = np.array([0.9, 0.9, 0.8, 0.9, 0.9])
    ends = [several_shares(rng.random(2000) < true[np.arange(2000) % 5], members).smallest() for _ in range(400)]
    assert np.mean([low <= 0.8 <= high for _, low, high in ends]) >= 0.93


def test_what_all_must_hold_is_asked_of_each_without_correction() -> None:
    members = np.arange(1000)[:, None] % 10 == np.arange(10)
    found = several_shares(np.arange(1000) % 100 < 90, members)
    value, low, _ = found.smallest()
    assert value > low > found.low.min()


def test_rows_that_belong_together_count_as_one() -> None:
    rng = np.random.default_rng(2)
    groups, members = np.repeat(np.arange(50), 20), np.ones((1000, 1), bool)
    inside = []
    for _ in range(400):
        effect = np.repeat(rng.normal(size=50), 20)
        mean = several_means(effect + 0.1 * rng.normal(size=1000), members, groups)
        share = several_shares(effect > 0, members, groups)
        inside.append([mean.low[0] <= 0 <= mean.high[0], share.low[0] <= 0.5 <= share.high[0]])
    assert np.mean(inside, axis=0) == pytest.approx([0.95, 0.95], abs=0.035)


def test_groups_of_one_row_change_nothing() -> None:
    rng = np.random.default_rng(3)
    x, members = rng.normal(size=200), rng.random((200, 3)) < 0.5
    one, other = several_means(x, members), several_means(x, members, np.arange(200))
    assert np.allclose(one.low, other.low)


def test_absolute_values_have_intervals_from_zero_up() -> None:
    found = several_means(np.tile([-1.0, 1.0], 50), np.ones((100, 1), bool)).absolute()
    assert (found.value[0], found.low[0]) == (0.0, 0.0)
    assert found.high[0] > 0
    far = several_means(np.full(100, -3.0) + np.tile([-1.0, 1.0], 50), np.ones((100, 1), bool)).absolute()
    assert 2.5 < far.low[0] < 3.0 < far.high[0] < 3.5


def test_p_values_are_even_where_the_mean_is_zero() -> None:
    rng = np.random.default_rng(4)
    p = [several_means(rng.normal(size=60), np.ones((60, 1), bool)).p_value[0] for _ in range(500)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.025)


def test_a_known_spread_keeps_a_rare_thing_from_looking_certain() -> None:
    nothing = np.zeros(100)
    assert several_means(nothing, np.ones((100, 1), bool)).high[0] == 0
    assert several_means(nothing, np.ones((100, 1), bool), spread=np.full(100, 0.01)).high[0] > 0.01
