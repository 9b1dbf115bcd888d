"""Which rows are worth labelling next: those that a network is unsure of, and that differ from one another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Rows = npt.NDArray[np.int64]


def worth_labelling(doubts: Floats, vectors: Floats, count: int, rng: np.random.Generator) -> Rows:
    """Rows in the order in which they are worth a label, by the gradients that their labels would give.

    The gradient of the last layer for the likeliest answer is the outer product of what the answer would change in the
    outputs (the doubt) and of the vector before the head. It is long where the network is unsure, and points elsewhere
    for a row of another kind. The first row is the one with the longest gradient; each other is drawn with a
    probability in proportion to its squared distance from those that are chosen, as k-means++ draws its centres. A
    gradient of length zero, of a row that teaches nothing, counts as chosen from the beginning.

    Args:
        doubts: for each row, how the outputs would have to change (n, K); zeros where the network is sure.
        vectors: of each row before the head (n, D).
        count: how many rows to rank.
        rng: draws.

    Returns:
        Numbers of rows, best first; all of them where there are no more than ``count``.

    Source:
        Ash et al., Deep batch active learning by diverse, uncertain gradient lower bounds (BADGE, 2020); Arthur and
        Vassilvitskii, k-means++ (2007).

    Example:
        >>> doubts, vectors = np.array([[0.1], [0.9], [0.9], [0.5]]), np.array([[1.0, 0], [1, 0], [1, 0], [0, 1]])
        >>> worth_labelling(doubts, vectors, 2, np.random.default_rng(0)).tolist()
        [1, 3]
    """
    count = min(count, len(doubts))
    if not count:
        return np.zeros(0, np.int64)
    lengths = np.square(doubts).sum(1) * np.square(vectors).sum(1)
    chosen = [int(lengths.argmax())]
    apart = np.minimum(lengths, _apart(doubts, vectors, lengths, chosen[0]))
    while len(chosen) < count:
        apart[chosen[-1]] = 0.0
        total = float(apart.sum())
        if total <= 0:
            break
        place = np.searchsorted(np.cumsum(apart), rng.random() * total, side="right")
        chosen.append(int(min(place, len(apart) - 1)))
        np.minimum(apart, _apart(doubts, vectors, lengths, chosen[-1]), out=apart)
    # Rows that equal chosen ones, or of which the network is quite sure, come last, the least sure first.
    left = np.setdiff1d(np.argsort(-lengths, kind="stable"), chosen, assume_unique=True)
    rest = left[np.argsort(-lengths[left], kind="stable")][: count - len(chosen)]
    return np.concatenate([np.array(chosen, np.int64), rest])


def _apart(doubts: Floats, vectors: Floats, lengths: Floats, one: int) -> npt.NDArray[np.float64]:
    """Squared distance of every row's gradient from that of one row (n,), without building any."""
    alike = (doubts @ doubts[one]) * (vectors @ vectors[one])
    return np.clip(lengths + lengths[one] - 2 * alike, 0, None).astype(np.float64)
