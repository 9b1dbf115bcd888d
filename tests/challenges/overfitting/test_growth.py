"""What more data would give, forecast from less."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from challenges.overfitting.fakes import QUANTITY, Fake, Time, as_case, case, scored
from vouch.challenges.overfitting.forecasting import forecast, gain_from_doubling
from vouch.challenges.overfitting.growth import data_needed
from vouch.challenges.overfitting.subsets import nested, shares_for, smaller
from vouch.statistics.power_law import fit_power_law

SEEDS = range(6)


def test_the_forecast_interval_holds_the_next_error() -> None:
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(100):
        exponent, floor, start = rng.uniform(0.1, 0.7), rng.choice([0.0, 0.3, 0.6]), rng.uniform(0.05, 0.4)
        sizes = np.array([1.0, 2.0, 4.0, 16.0])
        curve = start * (floor + (1 - floor) * sizes**-exponent) * np.exp(0.03 * rng.normal(size=4))
        errors = np.sqrt(curve * (1 - curve) / 3000)
        seen = np.maximum(curve[:3] + errors[:3] * rng.normal(size=3), 1e-3)
        _, low, high = forecast(sizes[:3] * 1000, seen, errors[:3], 16_000)
        inside.append(low <= curve[3] <= high)
    assert np.mean(inside) >= 0.9


def test_the_forecast_of_a_clean_power_law_is_near_it() -> None:
    sizes = np.array([500.0, 1000, 2000, 8000])
    value, _, _ = forecast(sizes, 3 * sizes**-0.4, 1e-3 * np.ones(4), 16_000)
    assert value == pytest.approx(3 * 16_000**-0.4, rel=0.08)


def test_a_flat_curve_gains_little_from_twice_the_rows() -> None:
    _, low, high = gain_from_doubling(fit_power_law((100, 200, 400, 800), (0.301, 0.3, 0.3005, 0.3), (0.001,) * 4))
    assert low >= 0
    assert high < 0.05


def test_smaller_parts_are_inside_larger_ones_and_fair() -> None:
    strata = np.repeat([0, 1, 2], [60, 30, 10])
    order = nested(np.arange(100), strata, None, np.random.default_rng(0))
    assert sorted(order.tolist()) == list(range(100))
    assert np.bincount(strata[order[:20]]).tolist() == [12, 6, 2]


def test_groups_stay_whole_in_parts() -> None:
    groups = np.repeat(np.arange(10), 10)
    order = nested(np.arange(100), np.zeros(100, np.int64), groups, np.random.default_rng(0))
    assert len(np.unique(groups[order[:30]])) == 3


def test_a_steep_curve_warns_and_a_flat_one_passes() -> None:
    steep = [data_needed(as_case(grown(seed, 0.5, 0.0))).verdict for seed in SEEDS]
    flat = [data_needed(as_case(grown(seed, 0.5, 1.0))).verdict for seed in SEEDS]
    assert sum(verdict in ("warn", "fail") for verdict in steep) >= 0.9 * len(SEEDS)
    assert set(flat) == {"pass"}


def test_the_headline_says_what_twice_the_rows_would_give() -> None:
    check = data_needed(as_case(grown(0, 0.5, 0.0)))
    assert "twice the rows would give" in check.headline
    assert [figure.name for figure in check.figures] == ["learning_curve"]
    assert len(check.tables[0].rows) == 4


def test_parts_are_dropped_largest_first_when_the_time_is_short() -> None:
    sizes: list[int] = []
    fake = grown(0, 0.5, 0.0, sizes)
    data_needed(as_case(replace(fake, budget=Time(trainings=0.15))))
    assert sizes == [250, 500]


def test_without_time_nothing_is_known() -> None:
    check = data_needed(as_case(replace(grown(0, 0.5, 0.0), budget=Time(trainings=0.0))))
    assert check.verdict == "inconclusive"


def test_two_folds_give_a_point_at_half_of_the_rows() -> None:
    fake = grown(0, 0.5, 0.0)
    rng = np.random.default_rng(1)
    truth = rng.normal(size=600)
    fold = np.arange(600) % 2
    folds = scored("out of fold", np.arange(600), truth + 0.5 * rng.normal(size=600), truth, fold)
    rows = [row[0] for row in data_needed(as_case(replace(fake, folds=folds))).tables[0].rows]
    assert rows == [250, 500, 2000, 4000]


def test_smaller_parts_are_learned_in_smaller_batches() -> None:
    fake = grown(0, 0.5, 0.0)
    assert smaller(as_case(fake).lesson, np.arange(250)).recipe.batch_size == 64
    assert shares_for(500, halves=True) == (1 / 8, 1 / 4)


def test_smaller_parts_are_stopped_by_fewer_rows_but_not_by_a_few() -> None:
    lesson = replace(as_case(grown(0, 0.5, 0.0)).lesson, train=np.arange(8000), valid=np.arange(8000, 12_000))
    assert len(smaller(lesson, np.arange(4000)).valid) == 2000
    assert len(smaller(lesson, np.arange(500)).valid) == 500
    few = replace(lesson, valid=np.arange(8000, 8300))
    assert np.array_equal(smaller(few, np.arange(500)).valid, few.valid)


def test_thirty_rows_are_inconclusive() -> None:
    fake = replace(case(0, sizes=(20, 4, 6)), folds=scored("out of fold", np.arange(2), np.ones(2), np.ones(2)))
    assert data_needed(as_case(fake)).verdict == "inconclusive"


def grown(seed: int, exponent: float, floor: float, sizes: list[int] | None = None) -> Fake:
    """A regression whose error follows a power law in the rows that were learned from."""
    rng = np.random.default_rng(seed)

    def error(rows: int) -> float:
        return floor + (1 - floor) * (rows / 4000) ** -exponent

    fake = case(seed, sizes=(4000, 200, 1000), skills=(error(4000), error(4000), error(4000)), quantity=True)

    def learn(lesson, rows):  # type: ignore[no-untyped-def]
        if sizes is not None:
            sizes.append(len(lesson.train))
        return fake.answers[rows] + error(len(lesson.train)) * rng.normal(size=len(rows))

    one = np.zeros(2, np.int64)
    nothing = scored("out of fold", np.arange(2), np.zeros(2), np.zeros(2), one)
    assert fake.bundle.task is QUANTITY
    return replace(fake, learn=learn, folds=nothing)
