"""Naive Bayes as a witness: out of fold and by whole units."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from vouch.challenges.data_quality.bayes import FOLDS, _dealt, believed
from vouch.challenges.data_quality.labels import suspicion


def texts(rng: np.random.Generator, n: int = 1200, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Rows of 20 terms, some of which each class uses more often, and their classes."""
    truth = rng.integers(0, classes, n)
    use = rng.dirichlet(np.full(400, 0.25), classes) * 0.25 + rng.dirichlet(np.full(400, 0.5)) * 0.75
    return np.stack([1 + rng.choice(400, 20, p=use[k]) for k in truth]), truth


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("content", [False, True])
def test_wrong_labels_are_found_and_those_that_follow_the_content_too(seed: int, *, content: bool) -> None:
    rng = np.random.default_rng(seed)
    ids, truth = texts(rng)
    # Whoever reads certain terms errs in four of ten cases; or one label in eight is drawn wrong.
    misread = np.isin(ids, rng.choice(400, 60, replace=False) + 1).sum(axis=1) >= 4
    wrong = misread & (rng.random(len(truth)) < 0.4) if content else rng.random(len(truth)) < 0.125
    labels = np.where(wrong, (truth + 1) % 3, truth)
    found = suspicion(believed(ids, labels, np.arange(len(labels)), rng), labels)
    assert average_precision_score(wrong, found) > 3 * wrong.mean()


def test_no_row_is_judged_by_its_own_label_or_by_its_unit() -> None:
    rng = np.random.default_rng(0)
    ids, truth = texts(rng, 300)
    units = np.arange(300) // 3
    fold = _dealt(truth, units, np.random.default_rng(1))
    assert all(len(set(fold[units == unit])) == 1 for unit in range(100))
    assert np.bincount(fold, minlength=FOLDS).min() > 0
    # A term that a unit's rows alone have says nothing of them, whatever their labels.
    marked = ids.copy()
    marked[:3, 0] = 999
    one, two = (
        believed(x, truth, units, np.random.default_rng(1)) for x in (marked, np.where(marked == 999, 998, marked))
    )
    np.testing.assert_allclose(one[:3], two[:3])
    np.testing.assert_allclose(one.sum(axis=1), 1)


def test_rows_without_terms_and_classes_without_rows_are_judged_all_the_same() -> None:
    ids = np.zeros((30, 4), np.int64)
    labels = np.array([0] * 29 + [2])
    found = believed(ids, labels, np.arange(30), np.random.default_rng(0))
    assert found.shape == (30, 3)
    assert np.isfinite(found).all()


def test_the_same_seed_gives_the_same_answer() -> None:
    ids, truth = texts(np.random.default_rng(0), 200)
    one, two = (believed(ids, truth, np.arange(200), np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
