"""Whether probabilities come true: against closed forms, scikit-learn, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import brier_score_loss

from vouch.statistics.calibration import brier_decomposition, reliability_bins
from vouch.statistics.intervals import wilson


def rows(rng: np.random.Generator, n: int, slope: float) -> tuple[np.ndarray, np.ndarray]:
    z = 1.5 * rng.normal(size=n)
    return expit(z), rng.uniform(size=n) < expit(slope * z)


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
