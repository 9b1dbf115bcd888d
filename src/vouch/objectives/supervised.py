"""Learn from labelled rows: the task's own loss, and L1 when it is asked for."""

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
        l1: weight of the sum of absolute weights; 0 is off (Tibshirani, 1996).

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
    l1: float = 0.0

    def __call__(self, network: nn.Module, inputs: Sequence[Tensor], wanted: Tensor) -> Tensor:
        """The loss of one batch, a scalar with a gradient."""
        loss = self.target.loss(network(*inputs), wanted, self.smoothing)
        if self.l1:
            loss = loss + self.l1 * sum(p.abs().sum() for p in network.parameters() if p.ndim > 1)
        return loss
