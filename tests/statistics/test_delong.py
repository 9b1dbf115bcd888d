"""ROC-AUC without resampling, against scikit-learn, the formula written out, scipy, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from vouch.statistics.delong import delong
from vouch.statistics.intervals import bootstrap
from vouch.tasks.metrics import roc_auc


def scored(rng: np.random.Generator, n: int, rate: float, area: float) -> tuple[np.ndarray, np.ndarray]:
    actual = np.arange(n) < rate * n
    return actual, rng.normal(size=n) + np.sqrt(2) * norm.ppf(area) * actual


def written_out(actual: np.ndarray, score: np.ndarray) -> float:
    """Variance of an area as DeLong and others (1988) write it, from every pair of rows."""
    wins = (score[actual][:, None] > score[~actual]) + (score[actual][:, None] == score[~actual]) / 2
    parts = (wins.mean(axis=1), wins.mean(axis=0))
    return float(sum(np.var(part, ddof=1) / len(part) for part in parts))


def test_area_and_variance_equal_the_formula_written_out_with_ties() -> None:
    rng = np.random.default_rng(0)
    actual, one = scored(rng, 80, 0.4, 0.8)
    one = np.round(one, 1)
    assert delong(actual, one).value == pytest.approx(roc_auc_score(actual, one))
    assert delong(actual, one).variance == pytest.approx(written_out(actual, one))


def test_on_many_rows_it_agrees_with_the_bootstrap() -> None:
    actual, score = scored(np.random.default_rng(0), 2000, 0.3, 0.85)
    p = norm.cdf(score)
    drawn = bootstrap(lambda w: roc_auc(actual.astype(int), np.stack([1 - p, p], axis=1), w), 2000)
    found = delong(actual, score)
    assert [found.low, found.high] == pytest.approx([float(end[0]) for end in drawn.interval()], abs=0.002)


def test_no_pair_out_of_order_is_not_called_certain() -> None:
    few, many = (delong(np.arange(n) >= n // 2, np.arange(n)) for n in (6, 100))
    assert (few.value, few.high, many.high) == (1, 1, 1)
    assert few.low < 0.6 < 0.95 < many.low < 1
    back = delong(np.arange(6) < 3, np.arange(6))
    assert (back.low, back.high) == pytest.approx((0, 1 - few.low))


def test_without_both_kinds_of_rows_there_is_no_area() -> None:
    assert np.isnan(delong([1, 1], [0.2, 0.3]).low)


@pytest.mark.parametrize(
    ("n", "rate", "area"), [(50, 0.5, 0.75), (200, 0.1, 0.9), (200, 0.5, 0.97), (1000, 0.05, 0.97), (1000, 0.5, 0.6)]
)
def test_the_interval_covers_the_truth(n: int, rate: float, area: float) -> None:
    rng, held = np.random.default_rng(0), []
    for _ in range(1000):
        actual, score = scored(rng, n, rate, area)
        found = delong(actual, score)
        held.append(found.low <= area <= found.high)
    # 1000 simulations tell a coverage to about ± .014; with ten rows of a kind and an area near 1 it is above .97.
    assert 0.93 <= np.mean(held) <= 0.985
