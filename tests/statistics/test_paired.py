"""Two methods on the same rows, over rows and training runs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from vouch.statistics.compare import compare
from vouch.statistics.evidence import Truth
from vouch.statistics.paired import paired_difference
from vouch.tasks.metrics import BINARY

ACCURACY = next(spec for spec in BINARY if spec.name == "accuracy")


def test_one_run_each_gives_what_compare_gives() -> None:
    rng = np.random.default_rng(0)
    truth = Truth("regression", (), rng.normal(size=120))
    one, other = (truth.values + rng.normal(size=120) * scale for scale in (1.0, 0.8))
    found, wanted = paired_difference(truth, [one], [other]), compare(truth, one, other)
    assert (found.estimate.value, found.estimate.low, found.estimate.high) == pytest.approx(
        (wanted.value, wanted.low, wanted.high)
    )
    assert (found.p_value < 0.05) == (not wanted.low <= 0 <= wanted.high)
    assert (found.runs, found.seeds_share) == ((1, 1), 0)


def test_the_same_predictions_do_not_differ() -> None:
    truth = Truth("regression", (), np.arange(40.0))
    found = paired_difference(truth, [np.zeros(40)] * 3, [np.zeros(40)] * 3)
    assert (found.estimate.low, found.estimate.high, found.p_value) == (0, 0, 1)


def test_paired_runs_are_equally_many() -> None:
    truth = Truth("regression", (), np.arange(40.0))
    with pytest.raises(ValueError, match="these are 2 and 1"):
        paired_difference(truth, [np.zeros(40)] * 2, [np.zeros(40)])


def test_groups_are_drawn_whole() -> None:
    rng, groups = np.random.default_rng(0), np.repeat(np.arange(20), 10)
    values = rng.normal(size=200)
    one = values + rng.normal(size=20)[groups]
    alone = paired_difference(Truth("regression", (), values), [one], [values + 0.5]).estimate
    grouped = paired_difference(Truth("regression", (), values, groups), [one], [values + 0.5]).estimate
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)


def run(rng: np.random.Generator, hard: np.ndarray, values: np.ndarray, skill: float, spread: float) -> np.ndarray:
    right = hard + skill + spread * rng.normal() + 0.5 * rng.normal(size=len(hard)) > 0
    p = np.where(right == (values == 1), 0.9, 0.1)
    return np.stack([1 - p, p], axis=1)


@pytest.mark.parametrize(("count", "spread"), [(3, 0.0), (3, 0.3), (5, 0.2)])
def test_the_interval_covers_the_truth_over_rows_and_runs(count: int, spread: float) -> None:
    wide = np.sqrt(1.25 + spread**2)
    true, rng, held = norm.cdf(1.2 / wide) - norm.cdf(1 / wide), np.random.default_rng(0), []
    for seed in range(80):
        hard, values = rng.normal(size=80), rng.integers(0, 2, 80)
        first, second = ([run(rng, hard, values, skill, spread) for _ in range(count)] for skill in (1.2, 1.0))
        truth = Truth("binary", ("a", "b"), values)
        found = paired_difference(truth, first, second, metric=ACCURACY, seed=seed)
        held.append(found.estimate.low <= true <= found.estimate.high)
    # 80 simulations tell a coverage to about ± .05.
    assert np.mean(held) >= 0.87


def test_leaving_training_runs_out_of_account_would_be_wrong() -> None:
    rng, held = np.random.default_rng(0), []
    for seed in range(100):
        hard, values = rng.normal(size=80), rng.integers(0, 2, 80)
        first, second = (run(rng, hard, values, 1.0, 0.4) for _ in range(2))
        found = paired_difference(Truth("binary", ("a", "b"), values), [first], [second], metric=ACCURACY, seed=seed)
        held.append(found.estimate.low <= 0 <= found.estimate.high)
    assert np.mean(held) < 0.8
