"""Which rows train, which decide when to stop, and which are sealed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Three disjoint sets of row numbers that together cover the cleaned data.

    Args:
        train: rows whose gradients are followed (int64, sorted).
        valid: rows that choose when to stop and which settings to keep (int64, sorted).
        test: sealed rows; they choose nothing (int64, sorted).
        how: "stratified", "random", "group", "time" or "given".
        why: one sentence for the reader.
    """

    train: npt.NDArray[np.int64]
    valid: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]
    how: str
    why: str
