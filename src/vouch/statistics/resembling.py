"""Which rows resemble a row in some of its columns, and how much each of them counts for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Values = npt.NDArray[np.generic]

# Rows that count at most, the width of the kernel, and the least weight as a share of the largest one.
MOST, WIDTH = 128, 0.2
_LEAST = 1e-4
# Of rows that are as alike, the first ones are taken: by so little the later ones are further away.
_LATER = 1e-9


class Resemblance:
    """Rows that others are compared with.

    Every column counts the same: its squared differences are divided by its variance, so that they are 2 on average
    over all pairs of rows. Of a code the difference is 1 where it is another, and a missing value is as far from one
    that is there as two rows are on average.

    Args:
        blocks: values of the rows (N, V), one array for each block of columns; floats are quantities, of which NaN is
            missing, and whole numbers are codes.
        owners: the column that each value is of (V,), counted over all blocks; a column has one value or several.

    Source:
        Aas, Jullum and Løland, Explaining individual predictions when features are dependent: more accurate
        approximations to Shapley values (2021), the empirical distribution with a fixed width; its distance of
        Mahalanobis is taken without correlations here, so that it holds for codes as well.

    Example:
        >>> rows = Resemblance([np.array([[0.0], [1.0], [2.0]])], [np.array([0])])
        >>> place, row, weight = rows.weights([np.array([2.0])], np.array([[True], [False]]))
        >>> row[place == 0].tolist(), weight[place == 1].round(2).tolist()
        ([2], [0.33, 0.33, 0.33])
    """

    def __init__(self, blocks: Sequence[Values], owners: Sequence[Rows]) -> None:
        self.blocks = [x.astype(np.float64) if np.issubdtype(x.dtype, np.floating) else x for x in blocks]
        self.owners, self.columns = owners, 1 + max(int(owner.max(initial=-1)) for owner in owners)
        self.variances = [_variances(x) for x in self.blocks]

    def apart(self, own: Sequence[Values]) -> Floats:
        """Squared distances of all rows from one (V,), block by block, in each column (C, N)."""
        out = np.zeros((self.columns, len(self.blocks[0])))
        for x, mine, variance, owner in zip(self.blocks, own, self.variances, self.owners, strict=True):
            # A value that is the same in all rows leaves them as far away as each other.
            known = np.flatnonzero(variance > 0)
            squares = _squares(x[:, known], mine[known]) / variance[known]
            squares[np.isnan(squares)] = 2.0
            counts = np.bincount(owner[known], minlength=self.columns)
            np.add.at(out, owner[known], squares.T / counts[owner[known]][:, None])
        return out

    def weights(self, own: Sequence[Values], kept: Bools) -> tuple[Rows, Rows, Floats]:
        """How much the rows that resemble one in some of its columns count.

        Args:
            own: values of the row (V,), block by block.
            kept: sets of columns in which rows are compared (S, C).

        Returns:
            For all sets one after the other the number of the set, that of a row, and its weight (n,); weights of a
            set sum to 1. Where no column is kept, the first rows count the same.
        """
        size = np.maximum(kept.sum(axis=1), 1)[:, None]
        far = kept.astype(np.float64) @ self.apart(own) / size
        most = min(MOST, far.shape[1])
        nearest = np.argpartition(far + _LATER * np.arange(far.shape[1]), most - 1, axis=1)[:, :most]
        far = np.take_along_axis(far, nearest, axis=1)
        weight = np.exp((far.min(axis=1, keepdims=True) - far) / (2 * WIDTH**2))
        weight[weight < _LEAST] = 0.0
        weight /= weight.sum(axis=1, keepdims=True)
        place, at = np.nonzero(weight)
        return place, nearest[place, at], weight[place, at]


def _squares(x: Values, own: Values) -> Floats:
    """Squared differences of values (N, V) from those of one row (V,); NaN where one of both is missing."""
    if not np.issubdtype(x.dtype, np.floating):
        return (x != own).astype(np.float64)
    squares = np.square(np.subtract(x, own, dtype=np.float64))
    squares[np.isnan(x) & np.isnan(own.astype(np.float64))] = 0.0
    return squares


def _variances(x: Values) -> Floats:
    """Half the mean squared difference of two rows, in each value (V,); of a missing value nothing is known."""
    if np.issubdtype(x.dtype, np.floating):
        count = np.isfinite(x).sum(axis=0)
        mean = np.nansum(x, axis=0, dtype=np.float64) / np.maximum(count, 1)
        return np.nansum(np.square(x - mean), axis=0) / np.maximum(count - 1, 1)
    share = [np.unique(values, return_counts=True)[1] / len(x) for values in x.T]
    return np.array([(1 - np.square(one).sum()) / 2 for one in share]) * len(x) / max(len(x) - 1, 1)
