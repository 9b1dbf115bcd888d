"""Encoded blocks as plain feature matrices for simple methods: one for linear models, one for trees.

What becomes of a block follows from its capabilities, never from what kind of column it came from. Everything that is
learned (medians, scales, which n-grams count, components) is learned from the training rows alone.

    capability              tensor                   linear model                        trees
    continuous              float (B, N), NaN        median, standardised, missing flag  as it is
    discrete                codes (B, N)             one-hot                             categories, or their counts
    discrete, ordered       token ids (B, T), 0 pad  tf-idf of 1- and 2-grams            50 components of those
    spatial                 (B, C, H, W)             averaged to 16x16, standardised     50 components of those
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from vouch.contracts.roles import Capabilities

if TYPE_CHECKING:
    from scipy import sparse

_SIDE = 16
_COMPONENTS = 50
_MOST_CATEGORIES = 255
_MOST_NGRAMS = 200_000
_MOST_FOR_COMPONENTS = 20_000
_ROWS_FOR_RARE = 200
# Twice the unit length is four times the inverse penalty: C = 4 is what tf-idf usually wants beside C = 1 elsewhere.
_TFIDF_LENGTH = 2.0

Rows = npt.NDArray[np.int64]
Dense = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Encoded columns with what their values are like.

    Args:
        tensor: encoded rows, first dimension B.
        capabilities: of the modality that encoded them.
        cardinalities: how many codes each column has, for unordered discrete blocks.
    """

    tensor: Tensor
    capabilities: Capabilities
    cardinalities: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """One block for both kinds of simple method, all rows.

    Args:
        linear: for linear models (B, D), scaled; sparse where most values are 0.
        trees: for trees (B, E), NaN where missing.
        categorical: which of the E columns hold categories.
    """

    linear: Dense | sparse.csr_matrix
    trees: Dense
    categorical: npt.NDArray[np.bool_]


def features(block: Block, train: Rows, seed: int) -> Features:
    """Turn one block into plain features.

    Args:
        block: encoded rows (B, …).
        train: the rows to learn from.
        seed: fixes the random projections.

    Returns:
        Features of all B rows.
    """
    able = block.capabilities
    if able.discrete:
        return _tokens(block.tensor, train, seed) if able.ordered else _codes(block, train)
    if able.spatial:
        return _grid(block.tensor, train, seed)
    return _numbers(block.tensor, train)


def _numbers(tensor: Tensor, train: Rows) -> Features:
    raw = tensor.reshape(len(tensor), -1).numpy().astype(np.float32)
    missing = np.isnan(raw)
    known = ~missing[train].all(axis=0)
    median = np.zeros(raw.shape[1], np.float32)
    median[known] = np.nanmedian(raw[train][:, known], axis=0)
    flags = missing[:, missing[train].any(axis=0)].astype(np.float32)
    linear = np.concatenate([_standardise(np.where(missing, median, raw), train), flags], axis=1)
    return Features(linear, raw, np.zeros(raw.shape[1], bool))


def _codes(block: Block, train: Rows) -> Features:
    from scipy import sparse

    codes = block.tensor.numpy().astype(np.int64)
    sizes = np.array(block.cardinalities or (codes.max(axis=0, initial=0) + 1), np.int64)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    place = (codes + offsets[:-1]).ravel()
    rows = np.repeat(np.arange(len(codes)), codes.shape[1])
    onehot = sparse.csr_matrix((np.ones(len(place), np.float32), (rows, place)), (len(codes), int(offsets[-1])))
    counts = np.bincount((codes[train] + offsets[:-1]).ravel(), minlength=int(offsets[-1]))
    few = sizes <= _MOST_CATEGORIES
    return Features(onehot, np.where(few, codes, counts[codes + offsets[:-1]]).astype(np.float32), few)


def _tokens(tensor: Tensor, train: Rows, seed: int) -> Features:
    from sklearn.decomposition import TruncatedSVD

    tfidf = _tfidf(tensor.numpy().astype(np.int64), train)
    size = min(_COMPONENTS, len(train), tfidf.shape[1] - 1)
    if size < 1:
        return Features(tfidf, tfidf.toarray(), np.zeros(tfidf.shape[1], bool))
    svd = TruncatedSVD(size, random_state=seed).fit(tfidf[_some(train, seed)])
    return Features(tfidf, svd.transform(tfidf).astype(np.float32), np.zeros(size, bool))


def _tfidf(ids: npt.NDArray[np.int64], train: Rows) -> sparse.csr_matrix:
    """Sublinear term frequency times inverse document frequency, rows of equal length (Salton and Buckley, 1988)."""
    from scipy import sparse

    rows, keys = _ngrams(ids)
    is_train = np.zeros(len(ids), bool)
    is_train[train] = True
    kept, documents = _vocabulary(rows, keys, is_train)
    column = np.searchsorted(kept, keys).clip(max=max(len(kept) - 1, 0))
    known = kept[column] == keys if len(kept) else np.zeros(len(keys), bool)
    ones = np.ones(int(known.sum()), np.float32)
    counts = sparse.csr_matrix((ones, (rows[known], column[known])), (len(ids), max(len(kept), 1)))
    counts.sum_duplicates()
    idf = np.log((1 + len(train)) / (1 + documents)) + 1
    counts.data = ((1 + np.log(counts.data)) * idf[counts.indices]).astype(np.float32)
    length = np.sqrt(counts.multiply(counts).sum(axis=1)).A1
    return sparse.csr_matrix(sparse.diags(_TFIDF_LENGTH / np.where(length > 0, length, 1)) @ counts, dtype=np.float32)


def _ngrams(ids: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Row and key of every token and every pair of neighbours; padding is neither."""
    base = int(ids.max(initial=0)) + 1
    pair = (ids[:, :-1] > 0) & (ids[:, 1:] > 0)
    single_rows, single_at = np.nonzero(ids)
    pair_rows, pair_at = np.nonzero(pair)
    pairs = ids[pair_rows, pair_at] * base + ids[pair_rows, pair_at + 1]
    return np.concatenate([single_rows, pair_rows]), np.concatenate([ids[single_rows, single_at], pairs])


def _vocabulary(
    rows: npt.NDArray[np.int64], keys: npt.NDArray[np.int64], is_train: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Sorted keys worth a feature, and in how many training rows each occurs."""
    mine = is_train[rows]
    order = np.lexsort((rows[mine], keys[mine]))
    sorted_rows, sorted_keys = rows[mine][order], keys[mine][order]
    new_key = np.append(True, sorted_keys[1:] != sorted_keys[:-1])[: len(sorted_keys)]
    new_pair = new_key | np.append(True, sorted_rows[1:] != sorted_rows[:-1])[: len(sorted_keys)]
    found = sorted_keys[new_key]
    documents = np.bincount(np.cumsum(new_key)[new_pair] - 1, minlength=len(found)).astype(np.float64)
    least = 2 if int(is_train.sum()) >= _ROWS_FOR_RARE else 1
    if len(found) > _MOST_NGRAMS:
        least = max(least, int(np.sort(documents)[-_MOST_NGRAMS]))
    often = documents >= least
    return found[often], documents[often]


def _grid(tensor: Tensor, train: Rows, seed: int) -> Features:
    from sklearn.decomposition import PCA

    height, width = (min(_SIDE, side) for side in tensor.shape[-2:])
    small = [F.adaptive_avg_pool2d(part.float(), (height, width)).flatten(1) for part in torch.split(tensor, 4096)]
    pixels = torch.cat(small).numpy()
    fitted = _some(train, seed)
    pca = PCA(min(_COMPONENTS, len(fitted), pixels.shape[1]), random_state=seed).fit(pixels[fitted])
    components = pca.transform(pixels).astype(np.float32)
    return Features(_standardise(pixels, train), components, np.zeros(components.shape[1], bool))


def _standardise(values: Dense, train: Rows) -> Dense:
    centre, scale = values[train].mean(axis=0, dtype=np.float64), values[train].std(axis=0, dtype=np.float64)
    return ((values - centre) / np.where(scale > 0, scale, 1)).astype(np.float32)


def _some(train: Rows, seed: int) -> Rows:
    """At most 20 000 training rows, which is plenty for 50 components."""
    if len(train) <= _MOST_FOR_COMPONENTS:
        return train
    return np.sort(np.random.default_rng(seed).choice(train, _MOST_FOR_COMPONENTS, replace=False))
