"""What is listed of predictions, with which interval, and who is said to have won."""

from __future__ import annotations

import time

import numpy as np
import pytest

from vouch.statistics.compare import compare, main_metric, strongest, told, verdict_sentence
from vouch.statistics.evidence import Truth, evidence
from vouch.statistics.intervals import wilson
from vouch.statistics.paired import paired_difference
from vouch.tasks.metrics import BY_TASK


def probabilities(truth: np.ndarray, classes: int, strength: float, seed: int = 0) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(size=(len(truth), classes))
    logits[np.arange(len(truth)), truth] += strength
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def spam() -> Truth:
    return Truth("binary", ("ham", "spam"), (np.random.default_rng(1).uniform(size=400) < 0.3).astype(int))


def test_binary_lists_every_metric_and_both_classes(spam: Truth) -> None:
    found = evidence(spam, probabilities(spam.values, 2, 1.5))
    names = [estimate.name for estimate in found]
    assert names[: len(BY_TASK["binary"])] == [spec.name for spec in BY_TASK["binary"]]
    assert names[-6:] == [f"{metric}[{k}]" for metric in ("precision", "recall", "f1") for k in ("ham", "spam")]
    for estimate in found:
        assert estimate.low <= estimate.value <= estimate.high, estimate
        assert estimate.split == "test"


def test_plain_shares_get_wilson_over_the_rows_that_count(spam: Truth) -> None:
    p = probabilities(spam.values, 2, 1.5)
    found = {estimate.name: estimate for estimate in evidence(spam, p)}
    of_class = spam.values == 1
    hits = int((p.argmax(axis=1) == 1)[of_class].sum())
    for name in ("recall", "recall[spam]"):
        one = found[name]
        assert (one.method, one.n) == ("wilson", int(of_class.sum()))
        assert (one.low, one.high) == pytest.approx([float(end) for end in wilson(hits, of_class.sum())])
    assert found["precision"].n == int((p.argmax(axis=1) == 1).sum())
    assert found["roc_auc"].method == "delong"
    assert found["average_precision"].method == "bootstrap"
    assert found["log_loss"].unit == "nats"


def test_a_perfect_score_on_few_rows_is_not_called_certain() -> None:
    truth = Truth("binary", ("no", "yes"), np.repeat([0, 1], [30, 10]))
    found = {estimate.name: estimate for estimate in evidence(truth, np.eye(2)[truth.values])}
    assert 0.8 < found["roc_auc"].low < found["roc_auc"].high == 1
    assert (found["average_precision"].low, found["average_precision"].n) == (
        pytest.approx(float(wilson(10, 10)[0])),
        10,
    )
    assert found["accuracy"].low == pytest.approx(float(wilson(40, 40)[0]))
    assert found["brier"].high > 0


def test_multiclass_means_over_classes_equal_their_parts() -> None:
    truth = Truth("multiclass", ("a", "b", "c"), np.random.default_rng(0).integers(0, 3, 300))
    found = {e.name: e for e in evidence(truth, probabilities(truth.values, 3, 1.0))}
    for spec in BY_TASK["multiclass"]:
        own = spec.function(truth.values, probabilities(truth.values, 3, 1.0), np.ones((1, 300)))[0]
        assert found[spec.name].value == pytest.approx(own, abs=1e-12)
    for name in ("precision", "recall", "f1", "roc_auc", "average_precision"):
        parts = [found[f"{name}[{k}]"].value for k in truth.classes]
        assert found[name].value == pytest.approx(np.mean(parts))
    assert found["recall"].method == "bootstrap"
    assert found["recall[a]"].method == "wilson"


def test_of_many_classes_the_largest_are_listed() -> None:
    values = np.repeat(np.arange(40), np.arange(1, 41))
    truth = Truth("multiclass", tuple(map(str, range(40))), values)
    listed = [e.name for e in evidence(truth, probabilities(values, 40, 2.0)) if e.name.startswith("recall[")]
    assert listed == [f"recall[{k}]" for k in range(10, 40)]


def test_multilabel_and_regression_have_their_own_lists() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (100, 2))
    many = evidence(Truth("multilabel", ("red", "round"), labels), np.clip(labels + rng.normal(size=(100, 2)), 0, 1))
    assert {"roc_auc", "accuracy", "f1[red]", "recall[round]"} <= {e.name for e in many}
    y = rng.normal(size=100)
    numbers = evidence(Truth("regression", (), y, unit="USD", split="valid"), y + rng.normal(size=100))
    assert [e.name for e in numbers] == [spec.name for spec in BY_TASK["regression"]]
    assert [e.unit for e in numbers] == ["USD", "USD", "", "USD", "USD"]
    assert {e.split for e in numbers} == {"valid"}


def test_undefined_metrics_are_left_out() -> None:
    truth = Truth("binary", ("no", "yes"), np.zeros(30, int))
    names = {e.name for e in evidence(truth, probabilities(truth.values, 2, 9.0))}
    assert "accuracy" in names
    assert not names & {"roc_auc", "average_precision", "recall", "recall[yes]"}


def test_groups_widen_every_interval_of_rows_that_agree() -> None:
    values = np.repeat(np.random.default_rng(0).integers(0, 2, 40), 10)
    p = np.repeat(probabilities(values[::10], 2, 1.0), 10, axis=0)
    groups = np.repeat(np.arange(40), 10)
    alone = {e.name: e for e in evidence(Truth("binary", ("no", "yes"), values), p)}
    grouped = {e.name: e for e in evidence(Truth("binary", ("no", "yes"), values, groups), p)}
    for name in ("accuracy", "roc_auc", "recall", "log_loss"):
        assert grouped[name].high - grouped[name].low > 2 * (alone[name].high - alone[name].low)
        assert grouped[name].method == "bootstrap"


def test_the_same_seed_gives_the_same_figures(spam: Truth) -> None:
    p = probabilities(spam.values, 2, 1.0)
    assert evidence(spam, p, seed=3) == evidence(spam, p, seed=3)


def test_paired_difference_is_that_of_the_main_metric_and_narrower_than_unpaired(spam: Truth) -> None:
    first = probabilities(spam.values, 2, 1.5)
    second = 0.9 * first + 0.1 * probabilities(spam.values, 2, 0.0, seed=5)
    found = compare(spam, first, second)
    a, b = (evidence(spam, p)[0] for p in (first, second))
    assert (found.name, found.value) == ("roc_auc", pytest.approx(a.value - b.value))
    assert found.high - found.low < (a.high - a.low) / 2
    back = compare(spam, second, first)
    assert (back.value, back.low, back.high) == pytest.approx((-found.value, -found.high, -found.low))


def test_paired_interval_covers_no_difference() -> None:
    covered = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        y, shared = rng.normal(size=150), rng.normal(size=150)
        truth = Truth("regression", (), y)
        one = compare(truth, y + shared + 0.5 * rng.normal(size=150), y + shared + 0.5 * rng.normal(size=150), seed)
        covered.append(one.low <= 0 <= one.high)
    assert 0.91 <= np.mean(covered) <= 0.985


def test_the_main_metric_is_the_first_that_is_defined() -> None:
    truth = Truth("binary", ("no", "yes"), np.zeros(10, int))
    assert main_metric(truth, probabilities(truth.values, 2, 1.0)).name == "accuracy"


def test_the_verdict_says_who_won(spam: Truth) -> None:
    weak, strong = probabilities(spam.values, 2, 0.2), probabilities(spam.values, 2, 3.0)
    won = verdict_sentence(spam, strong, {"majority": np.tile([0.7, 0.3], (400, 1)), "boosted_trees": weak})
    assert won.startswith("The network is better than boosted trees, the strongest simple method, by 0.")
    lost = verdict_sentence(spam, weak, {"boosted_trees": strong})
    assert lost.startswith("The simple method boosted trees is better than the network by 0.")
    assert lost.endswith("in ROC-AUC: prefer it.")
    rival, lead = strongest(spam, weak, {"boosted_trees": strong})
    assert told(rival, lead, "One of them was moved.").endswith("in ROC-AUC. One of them was moved.")
    assert verdict_sentence(spam, strong, {"logistic_regression": strong}).startswith("No difference is shown")
    assert verdict_sentence(spam, strong, {}).startswith("No simple method could be fitted")


def test_the_verdict_knows_that_less_error_is_better() -> None:
    y = np.random.default_rng(0).normal(size=100) * 1e5
    truth = Truth("regression", (), y, unit="USD")
    text = verdict_sentence(truth, y + 1000 * np.sin(np.arange(100)), {"ridge": y + 2e4 * np.cos(np.arange(100))})
    assert text.startswith("The network is better than ridge")
    assert " USD [" in text
    assert text.endswith("in RMSE.")


@pytest.mark.parametrize(("rows", "classes"), [(16_281, 2), (10_000, 10)])
def test_evidence_is_quick(rows: int, classes: int) -> None:
    values = np.random.default_rng(0).integers(0, classes, rows)
    truth = Truth("binary" if classes == 2 else "multiclass", tuple(map(str, range(classes))), values)
    p = probabilities(values, classes, 1.5)
    start = time.process_time()
    evidence(truth, p)
    # 1.1 and 2.3 s of one core where it was measured; the margin is for slower machines.
    assert time.process_time() - start < 12


def test_f1_follows_from_the_share_of_rows_that_are_or_were_called_the_class(spam: Truth) -> None:
    p = probabilities(spam.values, 2, 1.0)
    found = {e.name: e for e in evidence(spam, p)}["f1"]
    called, actual = p.argmax(axis=1) == 1, spam.values == 1
    low, high = wilson((called & actual).sum(), (called | actual).sum())
    assert (found.low, found.high) == pytest.approx((2 * low / (1 + low), 2 * high / (1 + high)))
    assert (found.method, found.n) == ("wilson", (called | actual).sum())


def test_balanced_accuracy_of_two_classes_needs_no_resampling(spam: Truth) -> None:
    found = {e.name: e for e in evidence(spam, probabilities(spam.values, 2, 1.0))}["balanced_accuracy"]
    assert (found.method, found.n) == ("wilson", 400)
    assert found.low < found.value < found.high


def test_a_class_of_three_rows_does_not_make_the_main_metric() -> None:
    p = np.random.default_rng(0).random(200)
    few, enough = (Truth("binary", ("a", "b"), (np.arange(200) < k).astype(int)) for k in (3, 5))
    decoded = np.stack([1 - p, p], axis=1)
    assert main_metric(few, decoded).name == "accuracy"
    assert main_metric(enough, decoded).name == "roc_auc"


def test_a_difference_that_no_row_shows_is_no_point_unless_predictions_are_the_same() -> None:
    truth = Truth("binary", ("a", "b"), np.repeat([0, 1], 100))
    one = np.repeat([[0.9, 0.1], [0.1, 0.9]], 100, axis=0)
    accuracy = next(spec for spec in truth.metrics if spec.name == "accuracy")
    other = 0.9 * one + 0.05
    moved = paired_difference(truth, [one], [other], metric=accuracy).estimate
    # None of 200 rows: fewer than 1.83 % of all, with a probability of 97.5 %.
    assert (moved.low, moved.high) == (pytest.approx(-0.01828, abs=1e-4), pytest.approx(0.01828, abs=1e-4))
    same = paired_difference(truth, [one], [one.copy()], metric=accuracy).estimate
    assert (same.low, same.high) == (0, 0)


def test_a_bin_without_an_event_is_not_taken_for_certain() -> None:
    rng, held = np.random.default_rng(0), []
    for seed in range(200):
        z = 1.5 * rng.normal(size=200) - 2
        p = 1 / (1 + np.exp(-z))
        truth = Truth("binary", ("a", "b"), (rng.uniform(size=200) < p).astype(int))
        found = {one.name: one for one in evidence(truth, np.stack([1 - p, p], axis=1), seed)}["ece"]
        held.append(found.low <= 0)
    # Without it .91 are held; 200 simulations tell a coverage to about ± .03.
    assert np.mean(held) >= 0.94
