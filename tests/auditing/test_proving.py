"""Proofs: what is better is called better, chance is not, and rows that are looked at again must show more."""

from __future__ import annotations

import numpy as np
import pytest

from vouch.auditing.coverage import coverage_error, held_by_own_word
from vouch.auditing.proving import Extra, Pair, prove, sentence
from vouch.statistics.evidence import Truth
from vouch.tasks.metrics import BY_TASK

ACCURACY = next(spec for spec in BY_TASK["binary"] if spec.name == "accuracy")


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
    assert (first.level, tenth.level) == (pytest.approx(0.95), pytest.approx(0.995))
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


def test_a_figure_outside_the_metrics_may_be_the_claim() -> None:
    one = pair(0.8, 0.8, seeds=1)
    wide, stated = np.ones(2000), (np.arange(2000) % 10 > 0).astype(float)
    extra = Extra(coverage_error(0.9), Pair(one.truth, [wide], [stated]))
    found = prove(one, extra.spec, look=1, extra=[extra])
    assert (found.claim.name, found.claim.verdict) == ("coverage_error", "better")
    assert found.before[0].value == pytest.approx(0.1)


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
    assert held_by_own_word(decoded, np.array([1, 2, 1]), 0.9, 0.0).tolist() == [0, 1, 1]


def test_a_class_that_training_never_saw_is_in_no_set() -> None:
    assert held_by_own_word(np.array([[0.5, 0.5]]), np.array([-1]), 0.9, 0.0).tolist() == [0]


def test_labels_are_in_the_set_that_are_likelier_than_what_may_be_missed() -> None:
    decoded, truth = np.array([[0.2, 0.05], [0.2, 0.05]]), np.array([[1, 0], [1, 1]])
    assert held_by_own_word(decoded, truth, 0.9, 0.0).tolist() == [1, 0]


def test_a_number_has_the_spread_of_its_training_errors() -> None:
    assert held_by_own_word(np.array([0.0, 0.0]), np.array([1.6, 1.7]), 0.9, 1.0).tolist() == [1, 0]
