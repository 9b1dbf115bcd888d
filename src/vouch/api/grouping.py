"""The group of each row by its sensitive columns together, for recipes that compare groups in training."""

from __future__ import annotations

import numpy as np
import torch

from vouch.contracts.case import Lesson
from vouch.errors import UsageError
from vouch.statistics.grouping import cells_of, edges_of

_FEWEST_ROWS = 50


def groups_of(lesson: Lesson) -> torch.Tensor:
    """The group of each row of the data (B,), from 0; those of fewer than 50 training rows are one.

    Args:
        lesson: its schema names the sensitive columns.

    Raises:
        UsageError: none is named, or none is among the columns that the network is shown.
    """
    frame = lesson.dataset.frame
    names = [name for name in lesson.schema.sensitive if name in frame.columns]
    if not names:
        key = "group_dro" if lesson.recipe.group_dro else "fairness_penalty"
        raise UsageError(
            f"recipe key '{key}' compares groups, and there is no column to group by", where=lesson.dataset.source,
            expected="a sensitive column that is not dropped", next_step="Name it: --sensitive COLUMN.",
        )  # fmt: skip
    code = np.zeros(frame.height, np.int64)
    for name in names:
        cells = cells_of(frame[name], edges_of(frame[name], lesson.train))
        values, own = np.unique(cells, return_inverse=True)
        code = np.unique(code * len(values) + own.reshape(-1), return_inverse=True)[1].reshape(-1)
    few = np.bincount(code[np.unique(lesson.train)], minlength=code.max() + 1) < _FEWEST_ROWS
    joined = np.where(few[code], code.max() + 1, code)
    return torch.from_numpy(np.unique(joined, return_inverse=True)[1].reshape(-1).astype(np.int64))
