"""How answers follow a quantity: against closed forms, and partial dependence against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.inspection import partial_dependence

from vouch.challenges.black_box.effects import effects


def test_local_effects_are_those_of_the_law_though_columns_go_together() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=4000)
    z = 0.9 * x + 0.1 * rng.normal(size=4000)
    found = effects(x, lambda rows, given: x[given] ** 2 + 2 * z[rows], rng)
    assert found is not None
    wanted = found.at**2
    assert np.allclose(found.local - found.local.mean(), wanted - wanted.mean(), atol=1e-9)
    assert np.allclose(found.everywhere - found.everywhere.mean(), wanted - wanted.mean(), atol=1e-9)


def test_what_never_occurs_together_does_not_count() -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(size=4000)
    z = x + 0.01 * rng.normal(size=4000)
    # Where both are far apart the law explodes; no row is there.
    found = effects(x, lambda rows, given: x[given] + 1e3 * np.maximum(np.abs(x[given] - z[rows]) - 0.2, 0), rng)
    assert found is not None
    assert np.ptp(found.local) == pytest.approx(1.0, abs=0.05)
    assert np.ptp(found.everywhere) > 50


def test_partial_dependence_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    data = rng.normal(size=(200, 2))

    class Law(RegressorMixin, BaseEstimator):
        def fit(self, x: np.ndarray, y: np.ndarray) -> Law:
            del x, y
            self.fitted_ = True
            return self

        def predict(self, x: np.ndarray) -> np.ndarray:
            return np.sin(x[:, 0]) * (1 + x[:, 1])

    def answer(rows: np.ndarray, given: np.ndarray) -> np.ndarray:
        return Law().predict(np.stack([data[given, 0], data[rows, 1]], axis=1))

    found = effects(data[:, 0], answer, rng)
    assert found is not None
    model = Law().fit(data, data[:, 0])
    other = partial_dependence(model, data, [0], custom_values={0: found.at}, kind="average")["average"][0]
    assert np.allclose(np.diff(found.everywhere), np.diff(other))


def test_intervals_hold_the_curve_of_many_rows() -> None:
    rng = np.random.default_rng(3)
    held = []
    for _ in range(60):
        x, z = rng.uniform(size=300), rng.normal(size=300)
        found = effects(x, lambda rows, given, x=x, z=z: x[given] * (1 + z[rows]), rng)
        assert found is not None
        k = len(found.at) // 2
        # From the first value on: the middle of each curve is drawn from its own rows.
        step = found.local[k] - found.local[0]
        reach = (found.high[k] - found.low[k]) / 2
        held.append(abs(step - (found.at[k] - found.at[0])) <= reach)
    assert np.mean(held) >= 0.88


def test_two_values_have_no_curve() -> None:
    x = np.tile([0.0, 1.0], 25)
    assert effects(x, lambda _, given: np.asarray(x[given], np.float64), np.random.default_rng(0)) is None
