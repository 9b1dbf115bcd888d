"""Training rows that have to do with an answer: those that the network takes for alike, and those of most influence."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def cosines(vectors: Floats, others: Floats) -> Floats:
    """How alike vectors (B, D) and others (N, D) are, from -1 to 1 (B, N); 0 where one of them is nothing.

    Example:
        >>> cosines(np.array([[1.0, 0.0]]), np.array([[2.0, 0.0], [0.0, 1.0]])).tolist()
        [[1.0, 0.0]]
    """
    sizes = [np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12) for x in (vectors, others)]
    return (vectors / sizes[0]) @ (others / sizes[1]).T


def influences(vectors: Floats, slopes: Floats, others: Floats, losses: Floats) -> Floats:
    """How much one step of gradient descent on a training row would raise the answer to another row (B, N).

    The head is linear, so the gradient by its weights is the outer product of a slope by the outputs and a vector: the
    product of two such gradients is the product of both inner products, and no gradient need be formed. The trunk is
    held still; steps are in units of the learning rate.

    Args:
        vectors: before the head, of the rows that are asked about, for each member (B, M, H).
        slopes: of their answers by the outputs (B, M, K).
        others: before the head, of training rows (N, M, H).
        losses: slopes of their losses by the outputs (N, M, K).

    Source:
        Pruthi and others, Estimating training data influence by tracing gradient descent (2020): TracIn, of the last
        checkpoint and the last layer.

    Example:
        >>> vector, up = np.ones((1, 1, 2)), np.array([[[0.0, 1.0]]])
        >>> influences(vector, up, vector, np.array([[[0.5, -0.5]]])).tolist()
        [[1.5]]
    """
    # The bias of the head is one more number of the vector, which is always 1.
    alike = np.einsum("bmh,nmh->bnm", vectors, others) + 1
    return -(np.einsum("bmk,nmk->bnm", slopes, losses) * alike).sum(axis=2)
