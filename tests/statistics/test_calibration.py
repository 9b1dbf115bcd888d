"""Whether probabilities come true: against closed forms, scikit-learn, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import kstest
from sklearn.metrics import brier_score_loss

from vouch.statistics.calibration import brier_decomposition, calibration_error, reliability_bins, spiegelhalter
from vouch.statistics.intervals import wilson


def rows(rng: np.random.Generator, n: int, slope: float) -> tuple[np.ndarray, np.ndarray]:
    z = 1.5 * rng.normal(size=n)
    return expit(z), rng.uniform(size=n) < expit(slope * z)


def true_error(slope: float, bins: int) -> float:
    z = np.sort(1.5 * np.random.default_rng(9).normal(size=400_000))
    gaps = [part.mean() for part in np.array_split(expit(z) - expit(slope * z), bins)]
    return float(np.sqrt(np.mean(np.square(gaps))))


def test_bins_of_equal_mass_have_wilsons_bands() -> None:
    p, y = rows(np.random.default_rng(0), 100, 1.0)
    found = reliability_bins(p, y, bins=5)
    order = np.argsort(p)
    np.testing.assert_array_equal(found.n, 20)
    np.testing.assert_allclose(found.promised, p[order].reshape(5, 20).mean(axis=1))
    np.testing.assert_allclose(found.happened, y[order].reshape(5, 20).mean(axis=1))
    np.testing.assert_allclose([found.low, found.high], wilson(found.happened * 20, found.n))


def test_rows_of_one_probability_stay_together() -> None:
    found = reliability_bins(np.repeat([0.2, 0.9], [70, 30]), np.zeros(100), bins=10)
    np.testing.assert_array_equal(found.n, [70, 30])


def test_the_debiased_square_does_not_lean() -> None:
    rng = np.random.default_rng(0)
    found = [calibration_error(*rows(rng, 100, 0.4), seed=seed) for seed in range(150)]
    assert np.sqrt(np.mean([one.value**2 for one in found])) == pytest.approx(true_error(0.4, 10), abs=0.012)
    calibrated = [calibration_error(*rows(rng, 100, 1.0), seed=seed) for seed in range(100)]
    assert np.median([one.value for one in calibrated]) < np.median([one.plain for one in calibrated]) / 2


@pytest.mark.parametrize(("slope", "n"), [(1.0, 50), (1.0, 200), (0.7, 200), (0.4, 200), (0.6, 1000)])
def test_the_interval_covers_the_true_error(slope: float, n: int) -> None:
    true, rng, held = true_error(slope, min(15, n // 10)), np.random.default_rng(0), []
    for seed in range(200):
        found = calibration_error(*rows(rng, n, slope), seed=seed)
        held.append(found.low <= true <= found.high)
        assert found.low <= found.value <= found.high
    # 200 simulations tell a coverage to about ± .03.
    assert 0.9 <= np.mean(held) <= 1.0


def test_the_p_values_of_calibrated_probabilities_are_uniform_and_those_of_others_small() -> None:
    rng = np.random.default_rng(0)
    draws = [rows(rng, 200, 1.0) for _ in range(200)]
    assert kstest([calibration_error(*one, seed=at).p_value for at, one in enumerate(draws)], "uniform").pvalue > 0.01
    assert kstest([spiegelhalter(*one)[1] for one in draws], "uniform").pvalue > 0.01
    wrong = rows(rng, 1000, 0.5)
    assert calibration_error(*wrong).p_value < 0.01
    assert spiegelhalter(*wrong)[1] < 0.01


def test_spiegelhalters_z_is_the_standardised_brier_score() -> None:
    p, y = rows(np.random.default_rng(0), 300, 0.8)
    expected, variance = (p * (1 - p)).mean(), ((1 - 2 * p) ** 2 * p * (1 - p)).sum() / 300**2
    assert spiegelhalter(p, y)[0] == pytest.approx((brier_score_loss(y, p) - expected) / np.sqrt(variance))
    assert spiegelhalter([1.0, 0.0], [1, 0]) == (0.0, 1.0)
    assert spiegelhalter([1.0, 0.0], [0, 0]) == (np.inf, 0.0)


def test_the_parts_of_the_brier_score_add_up_and_equal_murphys_where_probabilities_repeat() -> None:
    rng = np.random.default_rng(0)
    p = rng.choice([0.1, 0.5, 0.8], size=4000)
    y = rng.uniform(size=4000) < p**1.2
    parts = brier_decomposition(p, y)
    assert parts.brier == pytest.approx(brier_score_loss(y, p))
    assert parts.reliability - parts.resolution + parts.uncertainty + parts.within == pytest.approx(parts.brier)
    assert parts.within == pytest.approx(0, abs=1e-12)
    murphy = sum((p == one).mean() * (one - y[p == one].mean()) ** 2 for one in (0.1, 0.5, 0.8))
    assert parts.reliability == pytest.approx(murphy, abs=3e-4)


def test_the_parts_of_the_brier_score_do_not_lean_on_few_rows() -> None:
    rng, found = np.random.default_rng(0), []
    for _ in range(1500):
        p = np.tile([0.2, 0.4, 0.6, 0.8], 10)
        found.append(brier_decomposition(p, rng.uniform(size=40) < p))
    assert np.mean([one.reliability for one in found]) == pytest.approx(0, abs=0.001)
    assert np.mean([one.resolution for one in found]) == pytest.approx(0.05, abs=0.003)
    assert np.mean([one.uncertainty for one in found]) == pytest.approx(0.25, abs=0.002)
