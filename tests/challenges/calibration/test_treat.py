from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from challenges.calibration.fakes import FakeCase, Net, Predictions, case_of, predict, predict_labels, predict_numbers
from vouch.challenges.calibration.treat import REMEDIES
from vouch.contracts.recipe import Recipe
from vouch.statistics.conformal import covered
from vouch.statistics.recalibration import recalibrate
from vouch.tasks.metrics import ece

BY_NAME = {remedy.name: remedy for remedy in REMEDIES}
CALIBRATE = ["scale_temperature", "scale_vector", "fit_isotonic"]


def overconfident(task: str = "multiclass") -> FakeCase:
    rng = np.random.default_rng(0)
    if task == "multilabel":
        return case_of(task, predict_labels(3, 2.0, 1500, rng), predict_labels(3, 2.0, 3000, rng))
    net = Net(4, sharp=2.5)
    return case_of(task, predict(net, 1500, rng), predict(net, 3000, rng))


def apply(name: str, case: FakeCase, bundle: Any = None) -> Any:
    remedy = BY_NAME[name]
    (strength,) = remedy.strengths(case)
    return remedy.treat(case, bundle or case.bundle, strength)


@pytest.mark.parametrize("name", CALIBRATE)
@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_the_error_on_sealed_rows_is_more_than_halved(name: str, task: str) -> None:
    case = overconfident(task)
    test = case.scored("test")
    after = recalibrate(apply(name, case).calibrator, test.decoded)
    errors = [float(ece(test.truth, p, np.ones((1, len(p))))[0]) for p in (test.decoded, after)]
    assert errors[0] > 0.05
    assert errors[1] < errors[0] / 2


def test_sets_with_one_limit_stay_so_when_a_calibrator_follows() -> None:
    case = overconfident()
    wrapped = apply("wrap_conformal_overall", case)
    assert len(wrapped.conformal.quantiles) == 1
    again = apply("scale_temperature", case, wrapped).conformal
    assert again.method == wrapped.conformal.method
    assert again != wrapped.conformal
    assert BY_NAME["wrap_conformal_overall"].outright


@pytest.mark.parametrize("name", CALIBRATE)
def test_label_smoothing_is_taken_out_before_anything_is_learned(name: str) -> None:
    rng = np.random.default_rng(0)
    net = Net(4, sharp=1.0)
    plain = predict(net, 1500, rng), predict(net, 3000, rng)
    valid, test = (Predictions(0.8 * p.decoded + 0.05, p.truth) for p in plain)
    case = case_of("multiclass", valid, test)
    known = replace(case, bundle=replace(case.bundle, recipe=Recipe(label_smoothing=0.2)))
    calibrators = [apply(name, one).calibrator for one in (case, known)]
    assert [one.smoothing for one in calibrators] == [0.0, 0.2]
    answers = [plain[1].decoded, *(recalibrate(one, test.decoded) for one in calibrators)]
    ideal, unaware, aware = (-np.log(p[np.arange(3000), test.truth]).mean() for p in answers)
    assert aware < ideal + 0.02
    assert aware < unaware + 0.005


@pytest.mark.parametrize("name", CALIBRATE)
def test_the_bundle_that_was_given_stays_as_it_was(name: str) -> None:
    case = overconfident()
    treated = apply(name, case)
    assert case.bundle.calibrator is None
    assert treated.calibrator.rows == 1500


def test_a_second_calibrator_takes_the_place_of_the_first() -> None:
    case = overconfident()
    first = apply("fit_isotonic", case)
    assert apply("scale_vector", case, first).calibrator == apply("scale_vector", case).calibrator


@pytest.mark.parametrize("name", CALIBRATE)
def test_numbers_and_few_rows_have_no_calibrator(name: str) -> None:
    rng = np.random.default_rng(1)
    numbers = case_of("regression", predict_numbers(500, rng), predict_numbers(500, rng))
    few = case_of("binary", predict(Net(), 50, rng), predict(Net(), 50, rng))
    assert [list(BY_NAME[name].strengths(case)) for case in (numbers, few)] == [[], []]


@pytest.mark.parametrize("task", ["multiclass", "multilabel", "regression"])
def test_wrapped_predictions_cover_what_they_state(task: str) -> None:
    rng = np.random.default_rng(2)
    case = overconfident(task) if task != "regression" else case_of(
        task, predict_numbers(1500, rng), predict_numbers(3000, rng)
    )  # fmt: skip
    test = case.scored("test")
    assert covered(apply("wrap_conformal", case).conformal, test.decoded, test.truth).mean() == pytest.approx(
        0.9, abs=0.02
    )


@pytest.mark.parametrize("name", CALIBRATE)
@pytest.mark.parametrize("sets_first", [True, False])
def test_sets_suit_the_recalibrated_probabilities(name: str, sets_first: bool) -> None:
    case = overconfident()
    order = ("wrap_conformal", name) if sets_first else (name, "wrap_conformal")
    treated = apply(order[1], case, apply(order[0], case))
    test = case.scored("test")
    p = recalibrate(treated.calibrator, test.decoded)
    assert covered(treated.conformal, p, test.truth).mean() == pytest.approx(0.9, abs=0.02)


def test_sets_are_not_made_on_the_lessons_of_the_calibrator() -> None:
    held = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        net = Net(10, sharp=2.0)
        case = case_of("multiclass", predict(net, 300, rng), predict(net, 3000, rng))
        treated = apply("wrap_conformal", case, BY_NAME["fit_isotonic"].treat(case, case.bundle, ""))
        test = case.scored("test")
        held.append(covered(treated.conformal, recalibrate(treated.calibrator, test.decoded), test.truth).mean())
    # Made on the rows that the isotonic curves were drawn through, they would cover .83.
    assert np.mean(held) >= 0.89


@pytest.mark.parametrize(("rows", "tried"), [(99, []), (100, CALIBRATE[:1]), (300, CALIBRATE[:2]), (1000, CALIBRATE)])
def test_a_calibrator_that_bends_more_wants_more_rows(rows: int, tried: list[str]) -> None:
    rng = np.random.default_rng(0)
    case = case_of("multiclass", predict(Net(4), rows, rng), predict(Net(4), 100, rng))
    assert [name for name in CALIBRATE if BY_NAME[name].strengths(case)] == tried


def test_too_few_rows_get_no_sets() -> None:
    rng = np.random.default_rng(3)
    case = case_of("regression", predict_numbers(8, rng), predict_numbers(500, rng))
    assert BY_NAME["wrap_conformal"].strengths(case) == ()
