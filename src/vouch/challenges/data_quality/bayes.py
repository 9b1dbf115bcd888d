"""A witness for the labels of writings: naive Bayes, which counts terms and so can hardly learn mistakes by heart.

Networks and linear models learn mistakes that follow the content, and then agree with them. Naive Bayes weighs every
term by how often each class uses it; a few wrong rows move no count by much. In a second round each row counts as much
as its label was believed in the first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from vouch.challenges.data_quality.labels import LEAST_TRUST, suspicion
from vouch.challenges.data_quality.looking import Floats, Rows

ROUNDS = 2
_SMOOTHING = 0.2
_ROWS_FOR_RARE = 200


def believed(ids: npt.NDArray[np.int64], labels: Rows, units: Rows) -> Floats:
    """Probabilities of each class by naive Bayes that never saw the row, nor any of its unit.

    Counts are sums over rows, so leaving a unit out is to take its own counts off again: exact, and no dearer.

    Args:
        ids: terms of each row in order, 0 for padding (B, T).
        labels: class codes from 0 (B,).
        units: numbers from 0; rows of the same unit are left out together (B,).

    Returns:
        Probabilities (B, K).

    Source:
        Rennie, Shih, Teevan and Karger, Tackling the poor assumptions of naive Bayes text classifiers (2003). Rounds
        and smoothing were chosen on planted errors.

    Example:
        >>> ids = np.repeat([[1, 2, 3], [4, 5, 6]], 40, axis=0)
        >>> labels = np.repeat([0, 1], 40)
        >>> labels[0] = 1
        >>> believed(ids, labels, np.arange(80))[0].round(1).tolist()
        [1.0, 0.0]
    """
    terms, weights = _terms(ids), np.ones(len(labels))
    found = _left_out(terms, labels, weights, units)
    for _ in range(ROUNDS - 1):
        weights = np.maximum(1 - np.nan_to_num(suspicion(found, labels)), LEAST_TRUST)
        found = _left_out(terms, labels, weights, units)
    return found


def _terms(ids: npt.NDArray[np.int64]) -> Any:
    """Terms by tf-idf (B, V), sparse."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    def terms(row: npt.NDArray[np.int64]) -> list[int]:
        # The first is a term that every row has, so that there is one even where all are empty.
        return [0, *row[row > 0].tolist()]

    least = 2 if len(ids) >= _ROWS_FOR_RARE else 1
    return TfidfVectorizer(analyzer=terms, min_df=least, sublinear_tf=True).fit_transform(ids).tocsr()


def _left_out(terms: Any, labels: Rows, weights: Floats, units: Rows) -> Floats:
    """Probabilities (B, K) of complement naive Bayes, which scores a class by the terms of all other classes."""
    from scipy import sparse

    rows, columns = np.repeat(np.arange(len(labels)), np.diff(terms.indptr)), terms.indices
    member = sparse.csr_matrix((np.ones(len(units)), (units, np.arange(len(units)))))
    scores = np.zeros((len(labels), int(labels.max(initial=0)) + 1))
    for k in range(scores.shape[1]):
        others = sparse.diags(weights * (labels != k)) @ terms
        own = (member @ others).tocsr()
        counted = np.asarray(others.sum(axis=0)).ravel()[columns] - np.asarray(own[units[rows], columns]).ravel()
        every = others.sum() - np.asarray(own.sum(axis=1)).ravel()[units] + _SMOOTHING * terms.shape[1]
        share = (np.maximum(counted, 0) + _SMOOTHING) / every[rows]
        scores[:, k] = -np.bincount(rows, weights=terms.data * np.log(share), minlength=len(labels))
    return softmax(scores, axis=1)
