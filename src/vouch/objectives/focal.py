"""Learn most from the rows that are still wrong: the focal loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vouch.contracts.roles import Target

# A row that is exactly right would have an endless gradient for a gamma under 1.
_LEAST = 1e-12


@dataclass(frozen=True, slots=True)
class Focal:
    """The task's loss l of each row, times (1 - p) ** gamma with p = exp(-l), the probability given to the truth.

    Of several members, and of several labels in one row, p is the geometric mean.

    Args:
        target: the task, whose loss is a negative log-likelihood in nats.
        gamma: how little a row counts that is nearly right; 0 is the task's own loss.
        smoothing: share of each target that is spread over all classes.

    Source:
        Lin et al., Focal loss for dense object detection (2017).

    Example:
        >>> from vouch.tasks import Classification
        >>> objective = Focal(Classification(("a", "b")), gamma=2.0)
        >>> output = torch.zeros(4, 1, 2)
        >>> round(float(objective(nn.Identity(), [output], torch.zeros(4, dtype=torch.int64))), 4)
        0.1733
    """

    target: Target
    gamma: float
    smoothing: float = 0.0

    def __call__(
        self, network: nn.Module, inputs: Sequence[Tensor], wanted: Tensor, weights: Tensor | None = None
    ) -> Tensor:
        """The mean loss of one batch, where each row counts as much as its weight (B,)."""
        plain = self.target.loss(network(*inputs), wanted, self.smoothing)
        rows = (-torch.expm1(-plain)).clamp_min(_LEAST) ** self.gamma * plain
        return rows.mean() if weights is None else rows @ weights / weights.sum().clamp_min(1e-12)
