"""Wrong labels: found where they are planted, left alone where they are not, counted with an interval."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from vouch.challenges.data_quality.labels import (
    confident_joint,
    find_label_errors,
    find_label_errors_of_each,
    find_outlying_targets,
    suspicion,
)

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


def clear_classes(seed: int, *, n: int = 1500, classes: int = 3, sharp: float = 4.0) -> tuple[Floats, Rows]:
    """Probabilities of a calibrated network (B, K), and labels drawn from them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1, (n, classes)) + sharp * np.eye(classes)[rng.integers(0, classes, n)]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return p, (p.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)


def flipped(labels: Rows, share: float, seed: int, classes: int = 3) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """Labels of which a share was replaced by another class, and which."""
    rng = np.random.default_rng(seed + 1000)
    wrong = rng.random(len(labels)) < share
    return np.where(wrong, (labels + rng.integers(1, classes, len(labels))) % classes, labels), wrong


def seen(p: Floats, share: float) -> Floats:
    """What a network says that learned from labels of which a share was flipped."""
    return (1 - share) * p + share * (1 - p) / (p.shape[1] - 1)


def average_precision(scores: Floats, wrong: npt.NDArray[np.bool_]) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(wrong, scores))


def test_planted_flips_are_found_in_nine_of_ten_draws() -> None:
    low = []
    for seed in range(30):
        p, truth = clear_classes(seed)
        given, _ = flipped(truth, 0.1, seed)
        found = find_label_errors(seen(p, 0.1), given)
        assert found.surest is not None
        low.append(found.surest.low)
    assert np.mean(np.array(low) > 0.02) >= 0.9


def test_hard_but_right_labels_are_rarely_called_wrong() -> None:
    low = []
    for seed in range(30):
        found = find_label_errors(*clear_classes(seed, sharp=2.5))
        assert found.surest is not None
        low.append(found.surest.low)
    assert np.mean(np.array(low) > 0.02) <= 0.05


def test_most_of_the_flagged_labels_are_wrong_and_most_wrong_ones_are_flagged() -> None:
    p, truth = clear_classes(0, sharp=6)
    given, wrong = flipped(truth, 0.2, 0)
    rows = find_label_errors(seen(p, 0.2), given).rows
    assert wrong[rows].mean() > 0.85
    assert wrong[rows].sum() > 0.85 * wrong.sum()


def test_both_counts_hold_the_planted_share() -> None:
    p, truth = clear_classes(3, sharp=8, n=4000)
    given, wrong = flipped(truth, 0.2, 3)
    found = find_label_errors(seen(p, 0.2), given)
    for share in (found.surest, found.estimated):
        assert share is not None
        assert share.low < wrong.mean() < share.high


def test_the_noise_matrix_says_which_class_is_taken_for_which() -> None:
    p, truth = clear_classes(1, sharp=8)
    given = truth.copy()
    zeros = np.flatnonzero(truth == 0)
    given[zeros[: len(zeros) // 4]] = 2
    p[:, 2] += 0.25 * p[:, 0]
    p[:, 0] *= 0.75
    noise = find_label_errors(p, given).noise
    assert noise is not None
    assert noise[0, 2] == pytest.approx(0.25, abs=0.03)
    assert noise.sum(axis=1) == pytest.approx(1)


def test_a_class_that_lost_rows_to_others_is_looked_for_there() -> None:
    p, truth = clear_classes(2, sharp=3)
    wrong = (truth == 0) & (np.random.default_rng(0).random(len(truth)) < 0.4)
    given = np.where(wrong, 1, truth)
    leaked = p @ np.array([[0.6, 0.4, 0], [0, 1, 0], [0, 0, 1]])
    plain, corrected = (average_precision(suspicion(leaked, given, strength), wrong) for strength in (0.0, 1.5))
    assert corrected > plain + 0.02


def test_the_joint_agrees_with_cleanlab() -> None:
    from cleanlab.count import compute_confident_joint

    p, truth = clear_classes(4)
    given, _ = flipped(truth, 0.2, 4)
    theirs = np.asarray(compute_confident_joint(given, p, calibrate=False), np.float64)
    calibrated = theirs / theirs.sum(axis=1, keepdims=True) * np.bincount(given)[:, None]
    assert confident_joint(p, given) == pytest.approx(calibrated)


def test_the_same_rows_give_the_same_result() -> None:
    p, given = clear_classes(5)
    first, second = find_label_errors(p, given), find_label_errors(p, given)
    assert np.array_equal(first.rows, second.rows)
    assert first.estimated == second.estimated


def test_suspicion_is_a_share_and_higher_for_the_unlikely_label() -> None:
    p, given = clear_classes(6)
    scores = suspicion(p, given)
    assert scores.min() >= 0
    assert scores.max() <= 1
    assert suspicion(p, p.argmin(axis=1))[0] > suspicion(p, p.argmax(axis=1))[0]


def test_a_single_class_cannot_be_judged() -> None:
    found = find_label_errors(np.tile([1.0, 0.0], (50, 1)), np.zeros(50, np.int64))
    assert found.surest is None
    assert found.estimated is None
    assert not len(found.rows)
    assert np.isnan(found.suspicion).all()


def test_a_class_with_few_rows_is_named_and_its_rows_are_left_alone() -> None:
    p, given = clear_classes(7)
    given[given == 2] = 1
    given[:3] = 2
    found = find_label_errors(p, given)
    assert found.unjudged == (2,)
    assert np.isnan(found.suspicion[:3]).all()
    assert not set(found.rows) & {0, 1, 2}


def test_labels_outside_of_the_classes_and_missing_predictions_are_left_alone() -> None:
    p, given = clear_classes(8)
    given[0], p[1] = -1, np.nan
    found = find_label_errors(p, given)
    assert np.isnan(found.suspicion[:2]).all()
    assert np.isfinite(found.suspicion[2:]).all()


def test_rows_with_several_labels_are_judged_label_by_label() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, (600, 2))
    given = truth.copy()
    given[:40, 1] = 1 - given[:40, 1]
    p = np.clip(np.where(truth == 1, 0.9, 0.1) + rng.normal(0, 0.03, truth.shape), 0, 1)
    first, second = find_label_errors_of_each(p, given)
    assert not len(first.rows)
    assert set(second.rows) <= set(range(40))
    assert len(second.rows) >= 38


def test_outlying_numbers_are_flagged_by_what_is_usual_where_they_lie() -> None:
    rng = np.random.default_rng(0)
    predicted = np.sort(rng.uniform(1, 100, 2000))
    target = predicted + rng.normal(0, 0.1 * predicted)
    target[5] = predicted[5] + 3  # far for a small number, near for a large one
    target[1990] += 3
    rows = find_outlying_targets(predicted, target).rows
    assert 5 in rows
    assert 1990 not in rows
    assert len(rows) < 20


def test_numbers_predicted_exactly_or_too_few_are_no_outliers() -> None:
    same = np.arange(50.0)
    assert not len(find_outlying_targets(same, same).rows)
    few = find_outlying_targets(same[:5], same[:5] + 1)
    assert not len(few.rows)
    assert np.isnan(few.suspicion).all()
