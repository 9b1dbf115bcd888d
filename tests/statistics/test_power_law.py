"""Learning curves: their forecast and the rows that a target asks for."""

from __future__ import annotations

import numpy as np
import pytest

from vouch.statistics.power_law import fit_power_law


def test_a_curve_without_noise_is_found_again() -> None:
    n = np.array([125, 250, 500, 1000, 2000, 4000])
    curve = fit_power_law(n, 2 * n**-0.4, np.full(6, 1e-4) * n**-0.4)
    assert curve.at(4000).value == pytest.approx(2 * 4000**-0.4, rel=0.02)
    later = curve.at(8000)
    assert later.low < 2 * 8000**-0.4 < later.high
    wanted = curve.rows_for(2 * 6000**-0.4)
    assert wanted.low < 6000 < wanted.high


def test_below_a_floor_no_amount_of_data_may_be_enough() -> None:
    n = np.array([100, 400, 1600, 6400, 25_600])
    curve = fit_power_law(n, 0.2 + n**-0.6, np.full(5, 0.002))
    assert curve.rows_for(0.1).value == np.inf
    assert curve.rows_for(0.3).high < 1000
    assert curve.at(10**7).high < 0.25


def test_a_target_that_is_reached_asks_for_fewer_rows_than_there_are() -> None:
    n = np.array([250, 500, 1000, 2000])
    curve = fit_power_law(n, 3 * n**-0.5, np.full(4, 0.001))
    assert curve.rows_for(3 * 1000**-0.5).value == pytest.approx(1000, rel=0.1)


def test_farther_is_less_certain_and_noise_of_the_measurement_counts() -> None:
    curve = fit_power_law([250, 500, 1000], [0.3, 0.25, 0.21], [0.01] * 3)
    widths = [one.high - one.low for one in (curve.at(2000), curve.at(8000), curve.at(8000, standard_error=0.1))]
    assert widths == sorted(widths)


def test_repeated_trainings_that_differ_widen_the_forecast() -> None:
    n, error = np.repeat([250, 500, 1000], 3), np.repeat([0.3, 0.25, 0.21], 3)
    calm = fit_power_law(n, error, np.full(9, 0.002)).at(2000)
    wild = fit_power_law(n, error * np.tile([0.8, 1, 1.2], 3), np.full(9, 0.002)).at(2000)
    assert wild.high - wild.low > 1.5 * (calm.high - calm.low)


def test_the_same_seed_gives_the_same_forecast() -> None:
    one, other = (fit_power_law([100, 200, 400], [0.5, 0.4, 0.3], [0.02] * 3, seed=3).at(800) for _ in range(2))
    assert one == other


@pytest.mark.parametrize(("n", "error"), [([100, 100], [0.2, 0.3]), ([100, 200], [0.2, 0.0])])
def test_a_curve_needs_two_sizes_and_errors_above_zero(n: list[int], error: list[float]) -> None:
    with pytest.raises(ValueError, match="at two sizes or more"):
        fit_power_law(n, error, [0.01, 0.01])


@pytest.mark.parametrize("floor", [0.0, 0.5])
@pytest.mark.parametrize("head", [0.0, 0.1])
def test_the_prediction_interval_covers_a_later_training(floor: float, head: float) -> None:
    rng, held = np.random.default_rng(0), []
    for seed in range(50):
        slope, spread = rng.uniform(0.15, 0.6), 0.02
        n = np.repeat([1 / 16, 1 / 8, 1 / 4, 1 / 2], 2)

        def law(size: np.ndarray | float, slope: float = slope) -> np.ndarray:
            return 0.2 * ((1 - floor) * ((np.asarray(size) + head) / (1 + head)) ** -slope + floor)

        error = law(n) * (1 + spread * rng.normal(size=8)) + 0.005 * rng.normal(size=8)
        curve = fit_power_law(10_000 * n, error, np.full(8, 0.005), seed=seed)
        for size in (1, 4):
            found = curve.at(10_000 * size)
            held.append(found.low <= float(law(size)) * (1 + spread * rng.normal()) <= found.high)
    # 100 forecasts, in pairs, tell a coverage to about ± .06.
    assert np.mean(held) >= 0.9
