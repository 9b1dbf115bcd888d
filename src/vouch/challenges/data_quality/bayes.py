"""A witness for the labels of writings: naive Bayes, which counts terms and so can hardly learn mistakes by heart.

Networks and linear models learn mistakes that follow the content, and then agree with them. Naive Bayes weighs every
term by how often each class uses it; a few wrong rows move no count by much. In a second round each row counts as much
as its label was believed in the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from vouch.challenges.data_quality.labels import suspicion
from vouch.challenges.data_quality.looking import Floats, Rows

ROUNDS = 2
_SMOOTHING = 0.2
_LEAST_WEIGHT = 0.001
_CHARACTERS = 4
_MOST_TERMS = 200_000
_ROWS_FOR_RARE = 200

# A sparse matrix of scipy.
Terms: TypeAlias = Any


def believed(ids: npt.NDArray[np.int64], texts: Sequence[str], labels: Rows, units: Rows) -> Floats:
    """Probabilities of each class by naive Bayes that never saw the row, nor any of its unit.

    They are the mean over three kinds of terms: pieces of words, those with pairs of neighbours, and any four
    characters of a word, for which different rows are hard. Counts are sums over rows, so leaving a unit out is to
    take its own counts off again: exact, and no dearer.

    Args:
        ids: pieces of each row in order, 0 for padding (B, T).
        texts: the same rows as they are written (B).
        labels: class codes from 0 (B,).
        units: numbers from 0; rows of the same unit are left out together (B,).

    Returns:
        Probabilities (B, K).

    Source:
        Rennie, Shih, Teevan and Karger, Tackling the poor assumptions of naive Bayes text classifiers (2003). Kinds of
        terms, rounds and smoothing were chosen on planted errors.

    Example:
        >>> ids = np.repeat([[1, 2, 3], [4, 5, 6]], 40, axis=0)
        >>> texts = ["is it open?"] * 40 + ["close the door"] * 40
        >>> labels = np.repeat([0, 1], 40)
        >>> labels[0] = 1
        >>> believed(ids, texts, labels, np.arange(80))[0].round(1).tolist()
        [1.0, 0.0]
    """
    views = (_terms(ids, _pieces), _terms(ids, _pieces_and_pairs), _terms(texts, _characters))
    return np.mean([_in_rounds(terms, labels, units) for terms in views], axis=0)


def _in_rounds(terms: Terms, labels: Rows, units: Rows) -> Floats:
    weights = np.ones(len(labels))
    found = _left_out(terms, labels, weights, units)
    for _ in range(ROUNDS - 1):
        weights = np.maximum(1 - np.nan_to_num(suspicion(found, labels)), _LEAST_WEIGHT)
        found = _left_out(terms, labels, weights, units)
    return found


# Each kind begins with a term that every row has, so that there is one even where all rows are empty.
def _pieces(row: npt.NDArray[np.int64]) -> list[Any]:
    return [(0,), *((term,) for term in row[row > 0].tolist())]


def _pieces_and_pairs(row: npt.NDArray[np.int64]) -> list[Any]:
    return [*_pieces(row), *pairwise(row[row > 0].tolist())]


def _characters(text: str) -> list[Any]:
    words = [f" {word} " for word in text.casefold().split()]
    return ["", *(word[i : i + _CHARACTERS] for word in words for i in range(max(len(word) - _CHARACTERS + 1, 1)))]


def _terms(rows: Iterable[Any], kind: Callable[[Any], list[Any]]) -> Terms:
    """Terms of each row by tf-idf (B, V), sparse."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    every = list(rows)
    least = 2 if len(every) >= _ROWS_FOR_RARE else 1
    found = TfidfVectorizer(analyzer=kind, min_df=least, max_features=_MOST_TERMS, sublinear_tf=True)
    return found.fit_transform(every).tocsr()


def _left_out(terms: Terms, labels: Rows, weights: Floats, units: Rows) -> Floats:
    """Probabilities (B, K) of complement naive Bayes, which scores a class by the terms of all other classes."""
    from scipy import sparse

    rows, columns = np.repeat(np.arange(len(labels)), np.diff(terms.indptr)), terms.indices
    alone = len(np.unique(units)) == len(units)
    member = sparse.csr_matrix((np.ones(len(units)), (units, np.arange(len(units)))))
    scores = np.zeros((len(labels), int(labels.max(initial=0)) + 1))
    for k in range(scores.shape[1]):
        counts = terms.data * (weights * (labels != k))[rows]
        others = sparse.csr_matrix((counts, columns, terms.indptr), terms.shape)
        unit = others if alone else (member @ others).tocsr()
        own = counts if alone else np.asarray(unit[units[rows], columns]).ravel()
        length = np.asarray(unit.sum(axis=1)).ravel()
        counted = np.bincount(columns, weights=counts, minlength=terms.shape[1])[columns] - own
        every = counts.sum() - (length if alone else length[units]) + _SMOOTHING * terms.shape[1]
        share = (np.maximum(counted, 0) + _SMOOTHING) / every[rows]
        scores[:, k] = -np.bincount(rows, weights=terms.data * np.log(share), minlength=len(labels))
    return softmax(scores, axis=1)
