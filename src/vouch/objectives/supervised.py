"""Learn from labelled rows: the task's own loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from vouch.contracts.roles import Target


@dataclass(frozen=True, slots=True)
class Supervised:
    """The task's loss on a batch of labelled rows.

    Args:
        target: the task, which knows its loss.
        smoothing: share of each target that is spread over all classes (Szegedy et al., 2016).

    Example:
        >>> import torch
        >>> from vouch.tasks import Regression
        >>> objective = Supervised(Regression(0.0, 1.0, -1.0, 1.0))
        >>> net = nn.Unflatten(1, (1, 1))
        >>> float(objective(net, [torch.ones(4, 1)], torch.zeros(4)))
        1.0
    """

    target: Target
    smoothing: float = 0.0

    def __call__(
        self, network: nn.Module, inputs: Sequence[Tensor], wanted: Tensor, weights: Tensor | None = None
    ) -> Tensor:
        """The mean loss of one batch, where each row counts as much as its weight (B,)."""
        rows = self.target.loss(network(*inputs), wanted, self.smoothing)
        return rows.mean() if weights is None else rows @ weights / weights.sum().clamp_min(1e-12)
