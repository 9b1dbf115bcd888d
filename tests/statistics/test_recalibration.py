from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from vouch.contracts.bundle import Calibrator
from vouch.statistics.recalibration import (
    METHODS,
    cross_validated,
    deal,
    fit_calibrator,
    recalibrate,
    without_smoothing,
)
from vouch.tasks.metrics import ece

Floats = npt.NDArray[np.float64]


def world(rows: int, classes: int, sharp: float, seed: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Probabilities of a network that multiplies the true logits by ``sharp``, and the truth."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(rows, classes)) * 2
    true = softmax(logits, axis=1)
    truth = np.minimum((true.cumsum(axis=1) < rng.random((rows, 1))).sum(axis=1), classes - 1)
    return softmax(logits * sharp, axis=1), truth


def labels(rows: int, sharp: npt.ArrayLike, seed: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(rows, 3)) * 2
    truth = (rng.random((rows, 3)) < 1 / (1 + np.exp(-logits))).astype(np.int64)
    return 1 / (1 + np.exp(-np.asarray(sharp) * logits)), truth


def error(truth: npt.NDArray[Any], p: Floats) -> float:
    return float(ece(truth, p, np.ones((1, len(p))))[0])


def temperature(calibrator: Calibrator) -> float:
    return calibrator.parameters[1][0]


@pytest.mark.parametrize("classes", [2, 10])
@pytest.mark.parametrize("sharp", [0.5, 1.0, 2.5])
def test_the_known_temperature_is_found(classes: int, sharp: float) -> None:
    p, truth = world(4000, classes, sharp, 0)
    assert temperature(fit_calibrator("temperature", p, truth)) == pytest.approx(sharp, rel=0.1)


@pytest.mark.parametrize("classes", [2, 10])
def test_label_smoothing_is_taken_out_exactly_where_the_network_learned_it_exactly(classes: int) -> None:
    p, truth = world(4000, classes, 1.0, 0)
    p = np.maximum(p, 0.001)
    p /= p.sum(axis=1, keepdims=True)
    smoothed = 0.9 * p + 0.1 / classes
    assert without_smoothing(smoothed, 0.1) == pytest.approx(p, abs=2e-3)
    calibrator = fit_calibrator("temperature", smoothed, truth, 0.1)
    assert temperature(calibrator) == pytest.approx(1.0, rel=0.1)
    after = recalibrate(calibrator, smoothed)
    assert (after.argmax(axis=1) == smoothed.argmax(axis=1)).all()
    plain = recalibrate(fit_calibrator("temperature", smoothed, truth), smoothed)
    assert error(truth, after) < error(truth, plain)


def test_of_labels_each_is_a_question_of_two_answers() -> None:
    p, _ = labels(500, 1.0, 2)
    p = np.clip(p, 0.01, 0.99)
    assert without_smoothing(0.8 * p + 0.1, 0.2, labels=True) == pytest.approx(p)


def test_no_answer_is_ruled_out() -> None:
    out = without_smoothing(np.array([[1.0, 0.0, 0.0]]), 0.3)
    assert (out > 0).all()
    assert out.sum() == pytest.approx(1)


def test_the_temperature_is_the_optimum_that_torch_and_scipy_find() -> None:
    p, truth = world(3000, 5, 1.7, 1)
    logits, target = torch.tensor(np.log(p)), torch.tensor(truth)
    inverse = torch.ones(1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([inverse], max_iter=100, line_search_fn="strong_wolfe")

    def step() -> torch.Tensor:
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(logits * inverse, target)
        loss.backward()
        return loss

    optimiser.step(step)
    rows = np.arange(len(truth))
    other = minimize_scalar(lambda t: -log_softmax(np.log(p) / t, axis=1)[rows, truth].sum(), bounds=(0.1, 10))
    found = temperature(fit_calibrator("temperature", p, truth))
    assert 1 / float(inverse.detach()) == pytest.approx(other.x, rel=1e-4)
    # The prior, worth about one row, moves it by less than a thousandth.
    assert found == pytest.approx(other.x, rel=1e-3)


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("classes", [2, 10])
def test_an_error_above_five_points_is_more_than_halved(method: str, classes: int) -> None:
    p, truth = world(1500, classes, 2.5, 2)
    fresh, later = world(8000, classes, 2.5, 3)
    before = error(later, fresh)
    after = error(later, recalibrate(fit_calibrator(method, p, truth), fresh))
    assert before > 0.05
    assert after < before / 2


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_rows_of_classes_still_sum_to_one_and_promise_nothing_certain(method: str, classes: int) -> None:
    p, truth = world(200, classes, 3.0, 4)
    p[0] = np.eye(classes)[0]
    out = recalibrate(fit_calibrator(method, p, truth), p)
    assert np.allclose(out.sum(axis=1), 1)
    assert (out > 0).all()


def test_temperature_changes_no_prediction() -> None:
    p, truth = world(500, 4, 2.0, 5)
    out = recalibrate(fit_calibrator("temperature", p, truth), p)
    assert (out.argmax(axis=1) == p.argmax(axis=1)).all()


def test_vector_scaling_mends_a_shift_that_temperature_cannot() -> None:
    p, truth = world(3000, 4, 1.0, 6)
    shifted = softmax(np.log(p) + np.array([1.0, 0.0, 0.0, -1.0]), axis=1)
    one, each = (recalibrate(fit_calibrator(m, shifted, truth), shifted) for m in ("temperature", "vector"))
    gap = [np.abs(out.mean(axis=0) - np.eye(4)[truth].mean(axis=0)).max() for out in (one, each)]
    assert gap[1] < 0.005 < gap[0]


def test_isotonic_curves_never_fall() -> None:
    p, truth = world(400, 3, 2.0, 7)
    _, *curves = fit_calibrator("isotonic", p, truth).parameters
    assert len(curves) == 6
    assert all((np.diff(row) >= 0).all() for row in curves)


def test_two_classes_stay_each_others_rest_under_isotonic_regression() -> None:
    p, truth = world(300, 2, 2.0, 8)
    calibrator = fit_calibrator("isotonic", p, truth)
    swapped = fit_calibrator("isotonic", p[:, ::-1], 1 - truth)
    assert np.allclose(recalibrate(calibrator, p), recalibrate(swapped, p[:, ::-1])[:, ::-1])


@pytest.mark.parametrize("method", sorted(METHODS))
def test_each_label_is_calibrated_by_itself(method: str) -> None:
    p, truth = labels(3000, [1.0, 2.0, 3.0], 9)
    together = recalibrate(fit_calibrator(method, p, truth), p)
    alone = recalibrate(fit_calibrator(method, p[:, [2]], truth[:, [2]]), p[:, [2]])
    assert np.allclose(together[:, [2]], alone)
    assert error(truth[:, [2]], alone) < error(truth[:, [2]], p[:, [2]]) / 2


def test_labels_have_temperatures_of_their_own() -> None:
    p, truth = labels(5000, [1.0, 2.0, 3.0], 10)
    _, *found = fit_calibrator("temperature", p, truth).parameters
    assert [row[0] for row in found] == pytest.approx([1.0, 2.0, 3.0], rel=0.12)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_few_rows_that_are_all_right_do_not_make_it_certain(method: str) -> None:
    p = np.tile([[0.3, 0.7]], (10, 1))
    out = recalibrate(fit_calibrator(method, p, np.ones(10, np.int64)), p)
    assert 0.7 < out[0, 1] < 0.99


@pytest.mark.parametrize(("method", "most"), [("temperature", 0.02), ("vector", 0.15)])
def test_a_hundred_rows_do_little_harm_to_what_was_right(method: str, most: float) -> None:
    losses = []
    for seed in range(8):
        p, truth = world(100, 10, 1.0, seed)
        fresh, later = world(2000, 10, 1.0, 100 + seed)
        out = recalibrate(fit_calibrator(method, p, truth), fresh)
        losses.append(np.log(fresh[np.arange(2000), later] / out[np.arange(2000), later]).mean())
    assert np.mean(losses) < most


@pytest.mark.parametrize("method", sorted(METHODS))
def test_rows_of_an_unseen_class_teach_nothing(method: str) -> None:
    p, truth = world(200, 3, 2.0, 11)
    more, unseen = np.concatenate([p, p[:20]]), np.concatenate([truth, np.full(20, -1)])
    assert fit_calibrator(method, more, unseen) == fit_calibrator(method, p, truth)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_class_without_rows_keeps_a_probability(method: str) -> None:
    p, truth = world(200, 3, 1.0, 12)
    out = recalibrate(fit_calibrator(method, p[truth < 2], truth[truth < 2]), p)
    assert (out > 0).all()


@pytest.mark.parametrize("method", sorted(METHODS))
def test_cross_validated_probabilities_owe_nothing_to_their_own_truth(method: str) -> None:
    rng = np.random.default_rng(13)
    p, truth = world(60, 2, 3.0, 13)[0], rng.integers(0, 2, 60)
    own = recalibrate(fit_calibrator(method, p, truth), p)
    honest = cross_validated(method, p, truth, deal(truth, 5, rng))
    rows = np.arange(60)
    # The classes are drawn by lot: only a calibrator that has seen them can seem to know them.
    assert np.log(own[rows, truth]).mean() > np.log(honest[rows, truth]).mean()
    other = truth.copy()
    other[0] = 1 - other[0]
    each = [cross_validated(method, p, codes, np.arange(60))[0] for codes in (truth, other)]
    assert np.allclose(*each)


def test_rows_that_belong_together_are_dealt_together_and_classes_evenly() -> None:
    truth, units = np.repeat([0, 1], 50), np.repeat(np.arange(20), 5)
    fold = deal(truth, 5, np.random.default_rng(0), units)
    assert all(len(np.unique(fold[units == unit])) == 1 for unit in range(20))
    alone = deal(truth, 5, np.random.default_rng(0))
    assert np.bincount(alone[truth == 1]).tolist() == [10] * 5


def test_an_unknown_method_is_named_beside_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'beta' is none of temperature, vector, isotonic"):
        fit_calibrator("beta", np.full((2, 2), 0.5), np.array([0, 1]))


def test_nothing_is_learned_where_no_class_is_known() -> None:
    with pytest.raises(ValueError, match="no row has a known class"):
        fit_calibrator("vector", np.full((2, 2), 0.5), np.array([-1, -1]))
