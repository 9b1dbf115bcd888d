"""Prefer small weights: the sum of squared weights beside any other objective."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from vouch.contracts.roles import Objective


@dataclass(frozen=True, slots=True)
class L2:
    """Another objective, and half the sum of the squares of all weight matrices.

    It is coupled: an optimiser that scales the gradient, such as Adam, scales its pull as well. Weight decay is not.

    Args:
        inner: the other objective.
        weight: how much half a squared weight costs, which is the share of a weight that is added to its gradient.

    Source:
        Hoerl and Kennard, Ridge regression (1970); Krogh and Hertz, A simple weight decay can improve generalization
        (1991).

    Example:
        >>> import torch
        >>> net = nn.Linear(2, 1)
        >>> _ = net.weight.data.fill_(3.0)
        >>> L2(lambda *_: torch.zeros(()), 0.5)(net, [], torch.zeros(0)).item()
        4.5
    """

    inner: Objective
    weight: float

    def __call__(
        self, network: nn.Module, inputs: Sequence[Tensor], wanted: Tensor, weights: Tensor | None = None
    ) -> Tensor:
        """The other objective's loss of one batch, and the price of the weights."""
        loss = self.inner(network, inputs, wanted, weights)
        return loss + self.weight / 2 * sum(p.square().sum() for p in network.parameters() if p.ndim > 1)
