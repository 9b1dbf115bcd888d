"""From encoded rows to questions: rows of the same parts are asked about together, others one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from torch import Tensor

from vouch.contracts.bundle import BundleValue
from vouch.contracts.explaining import Parts, Question

Inputs = Sequence[Tensor]


def questions(
    bundle: BundleValue, inputs: Inputs, others: Inputs, wanted: npt.NDArray[np.int64], seed: int = 0
) -> list[Question]:
    """Questions about encoded rows, in their order.

    Args:
        bundle: whose network answers.
        inputs: encoded rows (B, ...), one tensor for each block.
        others: encoded rows whose values stand in for what is taken out (G, ...).
        wanted: which output of each row is explained (B,).
        seed: fixes what is drawn at random.

    Returns:
        One question where all rows have the same parts, as columns have; else one for each row.
    """
    whole = Question(bundle, parts_of(bundle, inputs, 0), tuple(inputs), tuple(others), wanted, seed)
    if all(some.blank is None for some in whole.parts):
        return [whole]
    return [
        replace(
            whole, parts=parts_of(bundle, inputs, row), wanted=wanted[row : row + 1],
            inputs=tuple(x[row : row + 1] for x in inputs),
        )
        for row in range(len(wanted))
    ]  # fmt: skip


def parts_of(bundle: BundleValue, inputs: Inputs, row: int) -> tuple[Parts, ...]:
    """What one of the encoded rows is made of, block by block."""
    return tuple(encoder.parts(x[row]) for encoder, x in zip(bundle.encoders, inputs, strict=True))


def likeliest(bundle: BundleValue, decoded: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The output that is explained when none is named (B,): of two classes the second, of more the likeliest."""
    count = len(bundle.task.classes)
    if count < 2 or decoded.ndim == 1:
        return np.zeros(len(decoded), np.int64)
    return np.ones(len(decoded), np.int64) if count == 2 else decoded.argmax(1)
