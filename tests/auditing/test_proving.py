"""Proofs: what is better is called better, chance is not, and rows that are looked at again must show more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vouch.auditing.coverage import coverage_shortfall, held_by_own_word
from vouch.auditing.proving import Extra, Pair, prove, sentence, spent_on
from vouch.contracts.bundle import Conformal
from vouch.errors import UsageError
from vouch.statistics.evidence import Truth
from vouch.tasks.metrics import BINARY, BY_TASK

ACCURACY = next(spec for spec in BY_TASK["binary"] if spec.name == "accuracy")
LOSS = next(spec for spec in BINARY if spec.name == "log_loss")


def predictions(rng: np.random.Generator, truth: np.ndarray, right: float) -> np.ndarray:
    """Probabilities of two classes that are right this often."""
    called = np.where(rng.random(len(truth)) < right, truth, 1 - truth)
    p = np.clip(0.75 + 0.1 * rng.normal(size=len(truth)), 0.55, 0.99)
    return np.stack([np.where(called == 0, p, 1 - p), np.where(called == 1, p, 1 - p)], axis=1)


def pair(before: float, after: float, seeds: int = 3, n: int = 2000, seed: int = 0) -> Pair:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    sides = [[predictions(rng, truth, share) for _ in range(seeds)] for share in (before, after)]
    return Pair(Truth("binary", ("no", "yes"), truth), *sides)


@pytest.mark.parametrize(("after", "verdict"), [(0.9, "better"), (0.7, "worse"), (0.8, "no evidence")])
def test_the_verdict_follows_from_the_paired_difference(after: float, verdict: str) -> None:
    found = prove(pair(0.8, after), ACCURACY, look=1)
    assert found.claim.verdict == verdict
    assert found.claim.name == found.before[0].name == found.after[0].name == "accuracy"
    assert found.claim.value == pytest.approx(found.after[0].value - found.before[0].value)
    assert found.claim.low <= found.claim.value <= found.claim.high


def test_every_other_headline_metric_is_in_the_price() -> None:
    found = prove(pair(0.8, 0.9), ACCURACY, look=1)
    assert {one.name for one in found.price} == {spec.name for spec in BY_TASK["binary"]} - {"accuracy"}
    assert all(one.adjusted >= one.p_value for one in found.price)
    assert {one.name: one.verdict for one in found.price}["false_positive_rate"] == "better"


def test_rows_that_carried_earlier_proofs_must_show_more() -> None:
    first, tenth = (prove(pair(0.8, 0.9), ACCURACY, look=look).claim for look in (1, 10))
    assert (first.level, tenth.level) == (pytest.approx(0.95), pytest.approx(1 - 0.05 / 90))
    assert tenth.high - tenth.low > first.high - first.low


def test_chance_is_called_better_in_no_more_than_one_case_of_twenty() -> None:
    claims = [prove(pair(0.8, 0.8, n=150, seed=seed), ACCURACY, look=1).claim.verdict for seed in range(60)]
    assert sum(one != "no evidence" for one in claims) <= 7


@pytest.mark.parametrize("n", [300, 2000])
def test_every_figure_lies_in_its_own_interval_and_so_does_the_calibration_error(n: int) -> None:
    found = prove(pair(0.8, 0.9, n=n), ACCURACY, look=1)
    for one in (*found.before, *found.after):
        assert one.low <= one.value <= one.high, one.name
    assert "ece" in {one.name for one in found.before}


def test_one_run_each_is_a_proof_about_these_two_networks() -> None:
    assert prove(pair(0.8, 0.9, seeds=1), ACCURACY, look=1).claim.verdict == "better"


OVERALL = Conformal("lac", 0.9, (0.5,), 500)
BY_CLASS = Conformal("lac_by_class", 0.9, (0.5, 0.5), 500)


def test_a_figure_outside_the_metrics_may_be_the_claim() -> None:
    one = pair(0.8, 0.8, seeds=1)
    narrow, stated = (np.arange(2000) % 10 > 2).astype(float), (np.arange(2000) % 10 > 0).astype(float)
    extra = Extra(coverage_shortfall(OVERALL), Pair(one.truth, [narrow], [stated]))
    found = prove(one, extra.spec, look=1, extra=[extra])
    assert (found.claim.name, found.claim.verdict) == ("coverage_shortfall", "better")
    # Of 2 000 rows chance explains a little more than a point.
    assert found.before[0].value == pytest.approx(0.2 - 1.96 * np.sqrt(0.09 / 2000))


def test_covering_more_than_stated_breaks_no_promise() -> None:
    one = pair(0.8, 0.8, seeds=1)
    extra = Extra(coverage_shortfall(OVERALL), Pair(one.truth, [np.ones(2000)], [np.full(2000, 0.9)]))
    assert prove(one, extra.spec, look=1, extra=[extra]).claim.verdict == "no evidence"


def test_sets_with_a_limit_for_each_class_owe_it_to_each_class() -> None:
    truth, ones = np.repeat([0, 1], [900, 100]), np.ones((1, 1000))
    holds = np.where(truth == 1, np.arange(1000) % 2, 1.0)
    whole, each = (coverage_shortfall(sets).function(truth, holds, ones)[0] for sets in (OVERALL, BY_CLASS))
    assert whole == 0
    assert each == pytest.approx((0.9 - 1.96 * 0.03 - 0.5) / 2)


def test_sets_by_a_networks_word_that_comes_true_are_rarely_called_worse_than_stated() -> None:
    claims = []
    for seed in range(50):
        rng = np.random.default_rng(seed)
        p = rng.dirichlet([0.6, 0.6, 0.6], 600)
        truth = (p.cumsum(axis=1) < rng.random((600, 1))).sum(axis=1)
        before, after = held_by_own_word(p, truth, 0.9, 0.0), (rng.random(600) < 0.9).astype(float)
        found = Pair(Truth("multiclass", ("a", "b", "c"), truth), [before], [after])
        extra = Extra(coverage_shortfall(OVERALL), found)
        claims.append(prove(replace(found, before=[p], after=[p]), extra.spec, 1, seed, [extra]).claim.verdict)
    assert claims.count("better") <= 5


@pytest.mark.parametrize("labels", [False, True])
def test_sets_by_the_networks_own_word_hold_as_often_as_stated_where_probabilities_come_true(labels: bool) -> None:
    rng = np.random.default_rng(0)
    if labels:
        p = rng.random((40_000, 4)) ** 2
        truth = (rng.random(p.shape) < p).astype(int)
    else:
        p = rng.dirichlet([0.5, 0.5, 0.5, 0.5], 40_000)
        truth = (p.cumsum(axis=1) < rng.random((40_000, 1))).sum(axis=1)
    assert held_by_own_word(p, truth, 0.9, 0.0).mean() == pytest.approx(0.9, abs=0.005)


def test_all_proofs_after_the_first_may_together_err_as_often_as_the_first() -> None:
    assert sum(spent_on(look) for look in range(2, 10_000)) == pytest.approx(spent_on(1), abs=1e-5)


def test_a_criterion_that_is_undefined_is_no_claim_about_another_one() -> None:
    one = pair(0.8, 0.9, seeds=1)
    never = np.tile([0.9, 0.1], (one.truth.rows, 1))
    precision = next(spec for spec in BINARY if spec.name == "precision")
    with pytest.raises(UsageError, match="'precision' is undefined"):
        prove(replace(one, before=[never]), precision, look=1)


def test_a_class_of_three_rows_proves_nothing_by_its_roc_auc() -> None:
    rng, area = np.random.default_rng(0), next(spec for spec in BINARY if spec.name == "roc_auc")
    truth = Truth("binary", ("a", "b"), (np.arange(200) < 3).astype(int))
    one, other = (np.stack([1 - p, p], axis=1) for p in (rng.random(200), rng.random(200)))
    assert not truth.enough_for(area)
    assert all(one.name != "roc_auc" for one in prove(Pair(truth, [one], [other]), LOSS, look=1).price)


@pytest.mark.parametrize(
    ("after", "said"), [(0.9, "is proved to be better"), (0.7, "is worse"), (0.8, "There is no evidence that")]
)
def test_the_headline_says_what_was_shown_with_its_numbers(after: float, said: str) -> None:
    found = prove(pair(0.8, after), ACCURACY, look=1)
    told = sentence(found.claim, found.before[0], found.after[0], "more dropout")
    assert said in told
    assert "2,000 sealed rows" in told
    assert "95 % interval" in told


def test_the_network_at_its_word_takes_classes_until_their_promises_reach_what_is_stated() -> None:
    decoded = np.array([[0.95, 0.04, 0.01], [0.5, 0.3, 0.2], [0.6, 0.35, 0.05]])
    # The border is taken by lot: of the second row the third class fills half of what is missing, of the third row .86.
    found = held_by_own_word(decoded, np.array([1, 2, 1]), 0.9, 0.0)
    assert found == pytest.approx([0, 0.5, 0.3 / 0.35])


def test_a_class_that_training_never_saw_is_in_no_set() -> None:
    assert held_by_own_word(np.array([[0.5, 0.5]]), np.array([-1]), 0.9, 0.0).tolist() == [0]


def test_of_labels_the_least_probable_are_left_out_as_far_as_the_promise_allows() -> None:
    decoded, truth = np.array([[0.2, 0.05], [0.2, 0.05]]), np.array([[1, 0], [1, 1]])
    # .95 for leaving out the second, .76 for both: .9 takes the first of these with a chance of 14 / 19.
    assert held_by_own_word(decoded, truth, 0.9, 0.0) == pytest.approx([14 / 19, 0])


def test_a_number_has_the_spread_of_its_training_errors() -> None:
    assert held_by_own_word(np.array([0.0, 0.0]), np.array([1.6, 1.7]), 0.9, 1.0).tolist() == [1, 0]
