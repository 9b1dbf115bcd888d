from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_ind

from vouch.statistics.apart import Cells, cells, joined
from vouch.statistics.intervals import wilson
from vouch.statistics.shares import share_difference
from vouch.statistics.simultaneous import several_means, several_shares

ONE, TWO = np.array([0]), np.array([1])
PAIRS = np.triu_indices(5, 1)


def two(values: np.ndarray, groups: np.ndarray | None = None) -> Cells:
    return cells(values, np.arange(len(values)) % 2, 2, groups)


def test_the_difference_of_two_shares_is_that_of_newcombe() -> None:
    code = np.repeat([0, 1], [70, 80])
    values = np.concatenate([np.arange(70) < 56, np.arange(80) < 48])
    found, other = cells(values, code, 2, None).differences(ONE, TWO), share_difference((56, 70), (48, 80))
    assert (found.value[0], found.low[0], found.high[0]) == pytest.approx((other.value, other.low, other.high))
    assert found.p_value[0] == pytest.approx(other.p_value)


def test_the_difference_of_two_means_has_welchs_p_value() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=40), 0.5 + 3 * rng.normal(size=25)
    found = cells(np.concatenate([x, y]), np.repeat([0, 1], [40, 25]), 2, None).differences(ONE, TWO)
    assert found.p_value[0] == pytest.approx(ttest_ind(x, y, equal_var=False).pvalue)


def test_cells_are_the_figures_of_subgroups() -> None:
    rng = np.random.default_rng(1)
    code, values, groups = rng.integers(0, 3, 300), rng.normal(size=300), rng.integers(0, 60, 300)
    members = code[:, None] == np.arange(3)
    for known in (None, groups):
        mine, other = cells(values, code, 3, known).together(), several_means(values, members, known)
        assert mine.low == pytest.approx(other.low)
        mine, other = cells(values > 0, code, 3, known).together(), several_shares(values > 0, members, known)
        assert mine.high == pytest.approx(other.high)


def test_rows_without_a_set_do_not_count() -> None:
    code = np.repeat([0, 1, -1], 20)
    found = cells(np.arange(60) >= 40, code, 2, None)
    assert found.value.tolist() == [0.0, 0.0]
    assert found.n.tolist() == [20, 20]


def test_a_set_without_rows_has_no_figure() -> None:
    found = cells(np.ones(4, bool), np.zeros(4, np.int64), 2, None)
    assert found.n.tolist() == [4, 0]
    assert np.isnan(found.value[1])
    assert np.isnan(found.together().low[1])


def test_a_single_unit_of_rows_that_belong_together_is_worth_one_row() -> None:
    found = cells(np.arange(100) % 2 == 0, np.repeat([0, 1], 50), 2, np.repeat([0, 1, 2], [50, 25, 25]))
    assert found.worth[0] == pytest.approx(1.0)
    assert found.worth[1] >= 1.0


def test_lists_of_figures_are_put_together_in_their_order() -> None:
    one, other = two(np.arange(8) > 3), two(np.arange(8) > 5)
    assert joined([one, other]).value.tolist() == [*one.value, *other.value]


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_differences_of_shares_hold_all_at_once(share: float) -> None:
    rng, held = np.random.default_rng(2), []
    for _ in range(600):
        found = cells(rng.random(500) < share, np.arange(500) % 5, 5, None).differences(*PAIRS)
        held.append(((found.low <= 0) & (found.high >= 0)).all())
    assert 0.94 <= np.mean(held) <= 0.995


def test_differences_of_skewed_means_hold_all_at_once() -> None:
    rng, held = np.random.default_rng(3), []
    for _ in range(600):
        values = np.abs(rng.normal(size=500)) * np.array([1.0, 1, 2, 1, 3])[np.arange(500) % 5]
        found = cells(values, np.arange(500) % 5, 5, None).differences(*PAIRS)
        true = np.sqrt(2 / np.pi) * np.array([1.0, 1, 2, 1, 3])
        gap = true[PAIRS[0]] - true[PAIRS[1]]
        held.append(((found.low <= gap) & (found.high >= gap)).all())
    assert 0.935 <= np.mean(held) <= 0.995


def test_ratios_of_means_hold_all_at_once() -> None:
    rng, held = np.random.default_rng(4), []
    true = np.array([1.0, 1.5, 2, 1, 3])
    for _ in range(600):
        values = np.abs(rng.normal(size=1000)) * true[np.arange(1000) % 5]
        found = cells(values, np.arange(1000) % 5, 5, None).ratios(*PAIRS)
        ratio = true[PAIRS[0]] / true[PAIRS[1]]
        held.append(((found.low <= ratio) & (found.high >= ratio)).all())
    assert 0.935 <= np.mean(held) <= 0.995


def test_the_widest_of_the_true_differences_lies_in_its_interval() -> None:
    rng, held = np.random.default_rng(5), []
    true = np.array([0.3, 0.3, 0.3, 0.3, 0.45])
    for _ in range(600):
        found = cells(rng.random(1500) < true[np.arange(1500) % 5], np.arange(1500) % 5, 5, None)
        _, low, high = found.differences(*PAIRS).absolute().largest()
        held.append(low <= 0.15 <= high)
    assert np.mean(held) >= 0.93


@pytest.mark.parametrize("across", [False, True])
def test_rows_that_belong_together_count_as_one(across: bool) -> None:
    rng, held = np.random.default_rng(6), []
    groups = np.repeat(np.arange(60), 10)
    code = np.arange(600) % 2 if across else groups % 2
    for _ in range(500):
        effect = np.repeat(rng.normal(size=60), 10)
        mean = cells(effect + 0.3 * rng.normal(size=600), code, 2, groups).differences(ONE, TWO)
        share = cells(effect > 0, code, 2, groups).differences(ONE, TWO)
        held.append([mean.low[0] <= 0 <= mean.high[0], share.low[0] <= 0 <= share.high[0]])
    assert (np.mean(held, axis=0) >= 0.925).all()


def test_the_interval_of_one_set_among_many_is_wider_than_alone() -> None:
    found = cells(np.arange(100) < 30, np.zeros(100, np.int64), 1, None).together()
    low, high = wilson(30, 100)
    assert (found.low[0], found.high[0]) == pytest.approx((float(low), float(high)))
    many = cells(np.arange(1000) % 100 < 30, np.arange(1000) // 100, 10, None).together()
    assert many.low[0] < float(low)


def test_nothing_that_differs_is_no_evidence() -> None:
    found = two(np.zeros(40, bool)).differences(ONE, TWO)
    assert found.p_value[0] == 1.0
    assert found.low[0] < 0 < found.high[0]
    assert two(np.ones(40)).differences(ONE, TWO).p_value[0] == 1.0
