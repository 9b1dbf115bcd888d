"""Naive Bayes as a witness: out of fold and by whole units."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import average_precision_score
from sklearn.naive_bayes import ComplementNB

from vouch.challenges.data_quality.bayes import _SMOOTHING, _characters, _left_out, _pieces, _terms, believed
from vouch.challenges.data_quality.labels import suspicion


def rows_of(rng: np.random.Generator, n: int = 1200, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Rows of 20 terms, some of which each class uses more often, and their classes."""
    truth = rng.integers(0, classes, n)
    use = rng.dirichlet(np.full(400, 0.25), classes) * 0.25 + rng.dirichlet(np.full(400, 0.5)) * 0.75
    return np.stack([1 + rng.choice(400, 20, p=use[k]) for k in truth]), truth


def written(ids: np.ndarray) -> list[str]:
    return [" ".join(f"t{k}" for k in row) for row in ids]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("content", [False, True])
def test_wrong_labels_are_found_and_those_that_follow_the_content_too(seed: int, *, content: bool) -> None:
    rng = np.random.default_rng(seed)
    ids, truth = rows_of(rng)
    # Whoever reads certain terms errs in four of ten cases; or one label in eight is drawn wrong.
    misread = np.isin(ids, rng.choice(400, 60, replace=False) + 1).sum(axis=1) >= 4
    wrong = misread & (rng.random(len(truth)) < 0.4) if content else rng.random(len(truth)) < 0.125
    labels = np.where(wrong, (truth + 1) % 3, truth)
    found = suspicion(believed(ids, written(ids), labels, np.arange(len(labels))), labels)
    assert average_precision_score(wrong, found) > 3 * wrong.mean()


@pytest.mark.parametrize("rows_of_unit", [1, 3])
def test_leaving_out_is_exact_beside_an_independent_implementation(rows_of_unit: int) -> None:
    rng = np.random.default_rng(0)
    ids, truth = rows_of(rng, 90)
    units, weights, terms = np.arange(90) // rows_of_unit, rng.uniform(0.1, 1, 90), _terms(ids, _pieces)
    found = _left_out(terms, truth, weights, units)
    for unit in (0, 7, 29):
        held = units == unit
        model = ComplementNB(alpha=_SMOOTHING).fit(terms[~held], truth[~held], sample_weight=weights[~held])
        np.testing.assert_allclose(found[held], model.predict_proba(terms[held]), rtol=1e-9)


def test_terms_are_weighed_as_by_the_library() -> None:
    ids, _ = rows_of(np.random.default_rng(0), 300)
    expected = TfidfVectorizer(min_df=2, sublinear_tf=True).fit_transform(
        [f"everywhere {text}" for text in written(ids)]
    )
    assert _terms(ids, _pieces).shape == expected.shape
    np.testing.assert_allclose(np.sort(_terms(ids, _pieces)[0].data), np.sort(expected[0].data))


def test_rows_without_terms_and_classes_without_rows_are_judged_all_the_same() -> None:
    ids = np.zeros((30, 4), np.int64)
    labels = np.array([0] * 29 + [2])
    found = believed(ids, [""] * 30, labels, np.arange(30))
    assert found.shape == (30, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_characters_are_those_of_words() -> None:
    assert _characters("To be!") == ["", " to ", " be!", "be! "]
    assert _characters("a") == ["", " a "]
