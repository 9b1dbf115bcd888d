"""The group of each row travels behind its target, as one column more, to the objectives that ask for it."""

from __future__ import annotations

import torch
from torch import Tensor

from vouch.contracts.roles import Target


def with_groups(wanted: Tensor, group: Tensor) -> Tensor:
    """Encoded targets with the group of each row behind them.

    Args:
        wanted: encoded targets (B,) or (B, K).
        group: codes from 0 (B,).

    Returns:
        As (B, 2) or (B, K + 1), of the type of the targets.

    Example:
        >>> with_groups(torch.tensor([1, 0]), torch.tensor([2, 3])).tolist()
        [[1, 2], [0, 3]]
    """
    columns = wanted[:, None] if wanted.ndim == 1 else wanted
    return torch.cat([columns, group[:, None].to(wanted.dtype)], dim=1)


def without_groups(wanted: Tensor, target: Target) -> tuple[Tensor, Tensor]:
    """The targets as the task encodes them, and the group of each row (B,).

    Example:
        >>> from vouch.tasks import Classification
        >>> [one.tolist() for one in without_groups(torch.tensor([[1, 2], [0, 3]]), Classification(("a", "b")))]
        [[1, 0], [2, 3]]
    """
    own = wanted[:, :-1]
    return own if target.name == "multilabel" else own[:, 0], wanted[:, -1]
