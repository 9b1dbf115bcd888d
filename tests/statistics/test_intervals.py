"""Intervals against independent implementations, and their coverage by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from vouch.statistics import intervals
from vouch.statistics.intervals import absolute_sum, bootstrap, enough_resamples, wilson
from vouch.tasks import metrics as m


@given(st.integers(0, 400), st.integers(1, 400))
def test_wilson_equals_scipy(successes: int, n: int) -> None:
    k = min(successes, n)
    wanted = stats.binomtest(k, n).proportion_ci(method="wilson")
    low, high = wilson(k, n)
    assert (float(low), float(high)) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


def test_wilson_of_no_rows_is_nan_and_exact_at_its_ends() -> None:
    low, high = wilson([0, 0, 7], [0, 7, 7])
    assert np.isnan(low[0])
    assert np.isnan(high[0])
    assert low[1] == 0
    assert high[2] == 1


@pytest.mark.parametrize(("share", "n"), [(0.5, 50), (0.9, 50), (0.97, 200), (0.2, 1000)])
def test_wilson_covers_the_true_share(share: float, n: int) -> None:
    low, high = wilson(np.random.default_rng(0).binomial(n, share, 20_000), np.full(20_000, n))
    assert 0.93 <= ((low <= share) & (share <= high)).mean() <= 0.97


def test_bootstrap_is_scipys_bca_at_the_level_that_students_t_asks_for() -> None:
    x = np.random.default_rng(0).exponential(size=200)
    ours = bootstrap(lambda w: w @ x / w.sum(axis=1), 200, resamples=20_000).interval()
    freedom = 200 / (stats.kurtosis(x, fisher=False) - 1)
    level = 1 - 2 * stats.norm.cdf(stats.t.ppf(0.025, freedom) * np.sqrt(200 / 199))
    wanted = stats.bootstrap((x,), np.mean, confidence_level=level, n_resamples=20_000, rng=0).confidence_interval
    assert [end.item() for end in ours] == pytest.approx([wanted.low, wanted.high], abs=0.006)


def test_many_rows_are_left_out_in_parts_with_much_the_same_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).exponential(size=1000) ** 2
    parts = bootstrap(lambda w: w @ x / w.sum(axis=1), 1000)
    monkeypatch.setattr(intervals, "_MOST_LEFT_OUT", 1000)
    each = bootstrap(lambda w: w @ x / w.sum(axis=1), 1000)
    assert (len(parts.left_out), len(each.left_out)) == (250, 1000)
    width = each.interval()[1] - each.interval()[0]
    np.testing.assert_allclose(parts.interval(), each.interval(), atol=0.05 * width[0])


def test_the_same_seed_gives_the_same_draws_whatever_is_measured() -> None:
    x = np.random.default_rng(0).normal(size=50)
    one = bootstrap(lambda w: w @ x, 50, resamples=30, seed=7).draws
    two = bootstrap(lambda w: np.stack([w @ x, w.sum(axis=1)], axis=1), 50, resamples=30, seed=7).draws
    np.testing.assert_array_equal(one[:, 0], two[:, 0])
    np.testing.assert_array_equal(two[:, 1], 50)
    assert not np.array_equal(one, bootstrap(lambda w: w @ x, 50, resamples=30, seed=8).draws)


def test_groups_are_drawn_whole() -> None:
    groups = np.array(["a", "b", "b", "c", "c", "c"])

    def check(weights: np.ndarray) -> np.ndarray:
        for group in "abc":
            part = weights[:, groups == group]
            assert (part == part[:, :1]).all()
        return weights.sum(axis=1)

    assert bootstrap(check, 6, resamples=50, groups=groups).units == 3


def test_memory_stays_bounded_and_resamples_fewer_on_many_rows() -> None:
    seen: list[tuple[int, ...]] = []
    bootstrap(lambda w: [seen.append(w.shape), w.sum(axis=1)][1], 300_000, resamples=40)
    assert max(shape[0] * shape[1] for shape in seen) <= 16 * 300_000
    assert [enough_resamples(n) for n in (1000, 50_000, 100_000, 10**6)] == [1000, 1000, 500, 200]


def test_a_statistic_that_is_never_defined_has_no_interval() -> None:
    low, high = bootstrap(lambda w: np.full((len(w), 2), [np.nan, 1.0]), 10, resamples=20).interval()
    np.testing.assert_array_equal([low, high], [[np.nan, 1.0], [np.nan, 1.0]])


def binary(rng: np.random.Generator, n: int, slope: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose log-odds are ``slope`` times what the prediction says."""
    z = rng.normal(size=n)
    p, true = 1 / (1 + np.exp(-z)), 1 / (1 + np.exp(-slope * z))
    return (rng.uniform(size=n) < true).astype(int), np.stack([1 - p, p], axis=1)


def regression(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    truth = rng.normal(size=n)
    return truth, truth + rng.normal(scale=0.5, size=n)


@pytest.mark.parametrize("kind", ["binary", "regression"])
def test_bootstrap_covers_the_true_value_of_every_metric(kind: str) -> None:
    make = binary if kind == "binary" else regression
    specs = [spec for spec in m.BY_TASK[kind] if spec.gaps is None]
    population = make(np.random.default_rng(99), 400_000)
    true = np.array([spec.function(*population, np.ones((1, 400_000)))[0] for spec in specs])
    rng, covered = np.random.default_rng(0), []
    for seed in range(400):
        t, p = make(rng, 200)
        drawn = bootstrap(
            lambda w, t=t, p=p: np.stack([s.function(t, p, w) for s in specs], 1), 200, resamples=300, seed=seed
        )
        low, high = drawn.interval()
        covered.append((low <= true) & (true <= high))
    # 400 simulations tell a coverage to about ± .02; percentiles of 300 draws cost up to another hundredth.
    for spec, share in zip(specs, np.mean(covered, axis=0), strict=True):
        assert 0.92 <= share <= 0.98, spec.name


def test_few_units_are_not_taken_for_many() -> None:
    rng = np.random.default_rng(0)
    covered = []
    for seed in range(500):
        x = rng.normal(size=12)
        low, high = bootstrap(lambda w, x=x: w @ x / 12, 12, resamples=300, seed=seed).interval()
        covered.append(bool(low[0] <= 0 <= high[0]))
    assert 0.92 <= np.mean(covered) <= 0.97


def test_cluster_bootstrap_covers_where_rows_of_a_group_agree_and_the_plain_one_does_not() -> None:
    rng, groups = np.random.default_rng(0), np.repeat(np.arange(40), 10)
    covered, plain = [], []
    for seed in range(400):
        x = rng.normal(size=40)[groups] + 0.3 * rng.normal(size=400)
        for found, by in ((covered, groups), (plain, None)):
            low, high = bootstrap(
                lambda w, x=x: w @ x / w.sum(axis=1), 400, resamples=200, seed=seed, groups=by
            ).interval()
            found.append(bool(low[0] <= 0 <= high[0]))
    assert 0.92 <= np.mean(covered) <= 0.98
    assert np.mean(plain) < 0.7


@pytest.mark.parametrize(("slope", "n"), [(0.6, 50), (1.0, 200), (1.0, 1000), (0.6, 200), (0.4, 1000)])
def test_the_interval_of_ece_covers_the_true_error_calibrated_or_not(slope: float, n: int) -> None:
    z = np.random.default_rng(99).normal(size=400_000)
    true = float(np.abs(1 / (1 + np.exp(-z)) - 1 / (1 + np.exp(-slope * z))).mean())
    rng, covered = np.random.default_rng(0), []
    for seed in range(200):
        t, p = binary(rng, n, slope)
        low, high = absolute_sum(bootstrap(lambda w, t=t, p=p: m.ece_gaps(t, p, w), n, resamples=200, seed=seed))
        covered.append(low <= true <= high)
    assert np.mean(covered) >= 0.9
