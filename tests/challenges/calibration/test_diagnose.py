from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from challenges.calibration.fakes import (
    FakeCase,
    Net,
    Predictions,
    case_of,
    predict,
    predict_labels,
    predict_numbers,
    with_bundle,
)
from vouch.challenges.calibration import CHALLENGE
from vouch.challenges.calibration.certainty import accuracy_rejection, aurc
from vouch.challenges.calibration.coverage import conditional_coverage, conformal_coverage
from vouch.challenges.calibration.diagnose import CHECKS
from vouch.challenges.calibration.probabilities import brier, calibration_error
from vouch.challenges.calibration.residuals import residual_quantiles, residual_spread
from vouch.challenges.calibration.subgroups import class_calibration, group_calibration
from vouch.challenges.calibration.unfamiliar import out_of_distribution, strangeness
from vouch.contracts.bundle import Conformal
from vouch.contracts.finding import Check

Make = Callable[[np.random.Generator, int], FakeCase]


def two(rng: np.random.Generator, rows: int) -> FakeCase:
    return case_of("binary", predict(Net(), rows, rng), predict(Net(), rows, rng), rng.normal(size=(3 * rows, 8)))


def ten(rng: np.random.Generator, rows: int) -> FakeCase:
    net = Net(10, spread=2.5)
    return case_of("multiclass", predict(net, rows, rng), predict(net, rows, rng), rng.normal(size=(3 * rows, 8)))


def several(rng: np.random.Generator, rows: int) -> FakeCase:
    valid, test = (predict_labels(4, 1.0, rows, rng) for _ in range(2))
    return case_of("multilabel", valid, test, rng.normal(size=(3 * rows, 8)))


def quantity(rng: np.random.Generator, rows: int) -> FakeCase:
    valid, test = (predict_numbers(rows, rng) for _ in range(2))
    return case_of("regression", valid, test, rng.normal(size=(3 * rows, 8)))


KINDS = [two, ten, several, quantity]


def found(check: Callable[..., Check], make: Callable[[np.random.Generator], FakeCase], seeds: int = 20) -> float:
    """Share of seeds on which the check warns or fails."""
    return np.mean([check(make(np.random.default_rng(s))).verdict in ("warn", "fail") for s in range(seeds)]).item()


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("check", CHECKS)
def test_thirty_rows_are_never_enough_to_pass(check: Callable[..., Check], make: Make) -> None:
    made = check(make(np.random.default_rng(0), 15))
    assert made.verdict in ("inconclusive", "not applicable")
    assert made.reason


@pytest.mark.parametrize("make", KINDS)
def test_no_rows_at_all_are_inconclusive_and_no_crash(make: Make) -> None:
    finding = CHALLENGE.diagnose(make(np.random.default_rng(0), 0))
    assert finding.verdict == "inconclusive"
    assert not [check for check in finding.checks if "could not run" in check.headline]


@pytest.mark.parametrize("make", KINDS)
def test_a_calibrated_network_is_not_accused(make: Make) -> None:
    finding = CHALLENGE.diagnose(make(np.random.default_rng(1), 3000))
    assert [c.name for c in finding.checks if c.verdict in ("warn", "fail")] == []
    assert not [c.headline for c in finding.checks if "could not run" in c.headline]


@pytest.mark.parametrize("make", KINDS)
def test_a_check_carries_its_name_and_its_figures_can_be_written(make: Make) -> None:
    case = make(np.random.default_rng(2), 400)
    for check, made in zip(CHECKS, CHALLENGE.diagnose(case).checks, strict=True):
        assert made.name == check.__name__
        assert made.headline.endswith(".")
        json.dumps([figure.spec for figure in made.figures], allow_nan=False)
        assert all(one.low <= one.value <= one.high for one in made.estimates)


def test_the_same_case_gives_the_same_finding() -> None:
    case = ten(np.random.default_rng(3), 300)
    one, other = (replace(CHALLENGE.diagnose(case), seconds=0, checks=()) for _ in range(2))
    assert one == other


def test_overconfidence_is_found() -> None:
    def make(rng: np.random.Generator) -> FakeCase:
        return case_of("binary", predict(Net(sharp=1.7), 500, rng), predict(Net(sharp=1.7), 1000, rng))

    assert found(calibration_error, make) >= 0.9


def test_one_class_that_is_promised_too_often_is_found_and_named() -> None:
    net = Net(10, shift=(0.0,) * 9 + (0.75,), spread=1.5)
    rng = np.random.default_rng(4)
    made = class_calibration(case_of("multiclass", predict(net, 200, rng), predict(net, 2000, rng)))
    assert made.verdict in ("warn", "fail")
    assert "“c9”" in made.headline
    assert made.p_value is not None
    assert made.p_value < 0.001


def test_a_sensitive_subgroup_to_which_promises_are_not_kept_is_found_and_named() -> None:
    rng = np.random.default_rng(5)
    p, who = predict(Net(), 3000, rng), np.arange(3000) % 10
    truth = np.where((who == 0) & (p.truth == 0) & (rng.random(3000) < 0.4), 1, p.truth)
    column = ["x"] * 510 + [f"g{k}" for k in who]
    made = group_calibration(
        case_of("binary", predict(Net(), 500, rng), Predictions(p.decoded, truth), sensitive={"who": column})
    )
    assert made.verdict in ("warn", "fail")
    assert "“who = g0”" in made.headline


def test_without_a_sensitive_column_subgroups_are_not_asked() -> None:
    assert group_calibration(two(np.random.default_rng(6), 300)).verdict == "not applicable"


def test_a_sensitive_quantity_is_cut_in_quarters() -> None:
    rng = np.random.default_rng(7)
    case = case_of(
        "binary", predict(Net(), 500, rng), predict(Net(), 1000, rng), sensitive={"age": rng.random(1510).tolist()}
    )
    (table,) = group_calibration(case).tables
    assert len(table.rows) == 4


def test_probabilities_worse_than_the_plain_shares_fail() -> None:
    rng = np.random.default_rng(8)
    p = np.clip(0.5 + 0.3 * rng.normal(size=500), 0.01, 0.99)
    made = Predictions(np.stack([1 - p, p], axis=1), rng.integers(0, 2, 500))
    check = brier(case_of("binary", made, made))
    assert check.verdict == "fail"
    assert check.estimates[0].value < 0


def test_the_parts_of_the_brier_score_add_up() -> None:
    (table,) = brier(two(np.random.default_rng(9), 20_000)).tables
    score, reliability, resolution, uncertainty, within = (float(str(row[1])) for row in table.rows)
    assert reliability - resolution + uncertainty + within == pytest.approx(score, abs=1e-4)
    assert abs(reliability) < 0.001
    assert abs(within) < 0.003


def test_intervals_that_cover_too_little_are_found() -> None:
    def make(rng: np.random.Generator) -> FakeCase:
        test = predict_numbers(500, rng)
        wide = Predictions(test.decoded, test.decoded + 1.2835 * (test.truth - test.decoded))
        return case_of("regression", predict_numbers(500, rng), wide)

    assert found(conformal_coverage, make) >= 0.85


def test_the_sets_of_the_bundle_are_the_ones_that_are_measured() -> None:
    case = quantity(np.random.default_rng(10), 500)
    short = Conformal("absolute_residual", 0.9, (0.5,), 500)
    made = conformal_coverage(with_bundle(case, replace(case.bundle, conformal=short)))
    assert made.verdict == "fail"
    assert made.estimates[0].value == pytest.approx(0.38, abs=0.07)


def test_a_subgroup_that_is_covered_too_little_is_found_and_named() -> None:
    rng = np.random.default_rng(11)
    test, who = predict_numbers(3000, rng), np.arange(3000) % 10
    wide = np.where(who == 3, 1.6, 1.0) * (test.truth - test.decoded) + test.decoded
    column = ["x"] * 1010 + [f"g{k}" for k in who]
    case = case_of("regression", predict_numbers(1000, rng), Predictions(test.decoded, wide), sensitive={"who": column})
    made = conditional_coverage(case)
    assert made.verdict in ("warn", "fail")
    assert "“who = g3”" in made.headline


def test_certainty_that_says_nothing_of_errors_is_found() -> None:
    def make(rng: np.random.Generator) -> FakeCase:
        p = predict(Net(), 1000, rng)
        called = p.decoded.argmax(axis=1)
        luck = Predictions(p.decoded, np.where(rng.random(1000) < 0.9, called, 1 - called))
        return case_of("binary", luck, luck)

    assert found(accuracy_rejection, make) >= 0.9


def test_without_errors_certainty_cannot_be_judged() -> None:
    p = predict(Net(), 300, np.random.default_rng(12))
    right = Predictions(p.decoded, p.decoded.argmax(axis=1))
    assert accuracy_rejection(case_of("binary", right, right)).verdict == "inconclusive"


def test_the_area_of_a_perfect_order_is_that_of_its_errors_alone() -> None:
    assert aurc(np.array([True] * 8 + [False] * 2)) == pytest.approx((1 / 9 + 2 / 10) / 10)


def test_rows_from_elsewhere_are_found_and_listed() -> None:
    rng = np.random.default_rng(13)
    case = quantity(rng, 500)
    vectors = case.vectors.copy()
    vectors[1000:1050] += 4
    made = out_of_distribution(replace(case, vectors=vectors))
    assert made.verdict in ("warn", "fail")
    assert set(range(1000, 1050)) <= set(made.suspects.rows)
    assert list(made.suspects.scores) == sorted(made.suspects.scores, reverse=True)


def test_rows_are_foreign_even_where_the_trunk_lets_go_of_what_makes_them_so() -> None:
    case = quantity(np.random.default_rng(13), 500)
    foreign = 2 * case.vectors
    foreign[1000:1050] += 8
    made = out_of_distribution(replace(case, before_trunk=foreign))
    assert made.verdict in ("warn", "fail")
    assert set(range(1000, 1050)) <= set(made.suspects.rows)


def test_strangeness_is_the_distance_to_the_tenth_nearest_row() -> None:
    rng = np.random.default_rng(14)
    known = rng.normal(size=(300, 2))
    known = (known - known.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(known.T, bias=True))).T
    seen = rng.normal(size=(20, 2))
    plain = np.sort(np.linalg.norm(known[None] - seen[:, None], axis=2), axis=1)[:, 9]
    assert strangeness(known, seen) == pytest.approx(plain, rel=1e-3)


def test_a_direction_without_spread_does_no_harm() -> None:
    known = np.concatenate([np.random.default_rng(15).normal(size=(200, 2)), np.ones((200, 3))], axis=1)
    assert np.isfinite(strangeness(known, known[:5])).all()


def test_a_bias_on_sealed_rows_is_found() -> None:
    def make(rng: np.random.Generator) -> FakeCase:
        return case_of("regression", predict_numbers(500, rng), predict_numbers(500, rng, bias=0.5))

    assert found(residual_quantiles, make) >= 0.9


def test_errors_that_grow_with_the_prediction_are_found() -> None:
    def make(rng: np.random.Generator) -> FakeCase:
        return case_of("regression", predict_numbers(500, rng), predict_numbers(500, rng, grows=5))

    assert found(residual_spread, make) >= 0.9


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("make", KINDS)
def test_rows_that_belong_together_are_allowed_for(check: Callable[..., Check], make: Make) -> None:
    case = make(np.random.default_rng(16), 200)
    grouped = replace(case, groups=np.arange(len(case.vectors)) // 4)
    assert "could not run" not in check(grouped).headline


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_one_class_in_test_and_unseen_classes_break_nothing(task: str) -> None:
    p = predict(Net(2 if task == "binary" else 5), 400, np.random.default_rng(17))
    for truth in (np.zeros(400, np.int64), np.full(400, -1)):
        finding = CHALLENGE.diagnose(case_of(task, p, Predictions(p.decoded, truth)))
        assert not [c.headline for c in finding.checks if "could not run" in c.headline]
