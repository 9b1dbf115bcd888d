"""Prefer weights that are zero: the sum of absolute weights beside any other objective."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from vouch.contracts.roles import Objective


@dataclass(frozen=True, slots=True)
class L1:
    """Another objective, and the sum of the absolute values of all weight matrices.

    Args:
        inner: the other objective.
        weight: how much an absolute weight costs.

    Source:
        Tibshirani, Regression shrinkage and selection via the lasso (1996).

    Example:
        >>> import torch
        >>> net = nn.Linear(2, 1)
        >>> _ = net.weight.data.fill_(3.0)
        >>> L1(lambda *_: torch.zeros(()), 0.5)(net, [], torch.zeros(0)).item()
        3.0
    """

    inner: Objective
    weight: float

    def __call__(
        self, network: nn.Module, inputs: Sequence[Tensor], wanted: Tensor, weights: Tensor | None = None
    ) -> Tensor:
        """The other objective's loss of one batch, and the price of the weights."""
        loss = self.inner(network, inputs, wanted, weights)
        return loss + self.weight * sum(p.abs().sum() for p in network.parameters() if p.ndim > 1)
