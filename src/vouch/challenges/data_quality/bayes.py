"""A witness for the labels of writings: naive Bayes, which counts terms and so can hardly learn mistakes by heart.

Networks and linear models learn mistakes that follow the content, and then agree with them. Naive Bayes weighs every
term by how often each class uses it; a few wrong rows move no count by much. In a second and third round each row
counts as much as its label was believed in the round before.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from vouch.challenges.data_quality.labels import LEAST_TRUST, suspicion
from vouch.challenges.data_quality.looking import Floats, Rows

FOLDS = 20
ROUNDS = 3
_SMOOTHING = 0.15
_ROWS_FOR_RARE = 200


def believed(ids: npt.NDArray[np.int64], labels: Rows, units: Rows, rng: np.random.Generator) -> Floats:
    """Probabilities of each class by naive Bayes that never saw the row, nor any of its unit.

    Args:
        ids: terms of each row in order, 0 for padding (B, T).
        labels: class codes from 0 (B,).
        units: rows of the same unit are held out together (B,).
        rng: deals the units out.

    Returns:
        Probabilities (B, K).

    Source:
        Rennie, Shih, Teevan and Karger, Tackling the poor assumptions of naive Bayes text classifiers (2003). Folds,
        rounds and smoothing were chosen on planted errors.

    Example:
        >>> ids = np.repeat([[1, 2, 3], [4, 5, 6]], 40, axis=0)
        >>> labels = np.repeat([0, 1], 40)
        >>> labels[0] = 1
        >>> believed(ids, labels, np.arange(80), np.random.default_rng(0))[0].round(1).tolist()
        [1.0, 0.0]
    """
    terms, fold = _terms(ids), _dealt(labels, units, rng)
    found, weights = np.zeros((len(labels), int(labels.max(initial=0)) + 1)), np.ones(len(labels))
    for _ in range(ROUNDS):
        for number in range(FOLDS):
            learn, held = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
            if len(learn) and len(held):
                found[held] = _fitted(terms[learn], labels[learn], weights[learn], terms[held], found.shape[1])
        weights = np.maximum(1 - np.nan_to_num(suspicion(found, labels, 0.0)), LEAST_TRUST)
    return found


def _terms(ids: npt.NDArray[np.int64]) -> Any:
    """Terms and pairs of neighbours, by tf-idf (B, V), sparse."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    def singles_and_pairs(row: npt.NDArray[np.int64]) -> list[tuple[int, ...]]:
        kept = row[row > 0].tolist()
        # The first is a term that every row has, so that there is one even where all are empty.
        return [(0,), *((term,) for term in kept), *pairwise(kept)]

    least = 2 if len(ids) >= _ROWS_FOR_RARE else 1
    return TfidfVectorizer(analyzer=singles_and_pairs, min_df=least, sublinear_tf=True).fit_transform(ids)


def _fitted(terms: Any, labels: Rows, weights: Floats, held: Any, classes: int) -> Floats:
    from sklearn.naive_bayes import ComplementNB

    found = np.zeros((held.shape[0], classes))
    present = np.unique(labels)
    if len(present) == 1:
        found[:, present[0]] = 1
        return found
    model = ComplementNB(alpha=_SMOOTHING).fit(terms, labels, sample_weight=weights)
    found[:, present] = model.predict_proba(held)
    return found


def _dealt(labels: Rows, units: Rows, rng: np.random.Generator) -> Rows:
    """A fold for each row (B,): units are dealt out in turn, in the order of their labels."""
    named, first, unit = np.unique(units, return_index=True, return_inverse=True)
    order = rng.permutation(len(named))
    order = order[np.argsort(labels[first][order], kind="stable")]
    fold = np.empty(len(named), np.int64)
    fold[order] = np.arange(len(named)) % FOLDS
    return fold[unit]
