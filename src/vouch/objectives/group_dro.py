"""Learn for the groups that fare worst: in each step groups count by the exponential of their loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vouch.contracts.roles import Target
from vouch.objectives.behind import without_groups


@dataclass(frozen=True, slots=True)
class GroupDRO:
    """The task's loss, where groups of high loss count for more than their rows.

    In each batch a group counts by its share of the rows times exp(strength · its mean loss). The algorithm of Sagawa
    and others carries these weights from step to step; here they begin anew in each one, so that a run that was killed
    and resumed ends with the same bits.

    Args:
        target: the task, which knows its loss.
        strength: how steeply weights rise with the loss; towards 0 it becomes the plain mean.
        groups: how many groups there are (G).
        smoothing: share of each target that is spread over all classes.

    Source:
        Sagawa and others, Distributionally robust neural networks for group shifts (2020); Li and others, Tilted
        empirical risk minimization (2021), for weights of one step.

    Example:
        >>> from vouch.tasks import Regression
        >>> objective = GroupDRO(Regression(0.0, 1.0, -9.0, 9.0), strength=100.0, groups=2)
        >>> told, group = torch.tensor([0.0, 0.0, 0.0, 2.0]), torch.tensor([0.0, 0.0, 0.0, 1.0])
        >>> wanted = torch.stack([torch.zeros(4), group], dim=1)
        >>> float(objective(nn.Identity(), [told.view(4, 1, 1)], wanted))
        4.0
    """

    target: Target
    strength: float
    groups: int
    smoothing: float = 0.0

    def __call__(
        self, network: nn.Module, inputs: Sequence[Tensor], wanted: Tensor, weights: Tensor | None = None
    ) -> Tensor:
        """The mean of the groups' losses of one batch, under weights that rise with them."""
        own, group = without_groups(wanted, self.target)
        rows = self.target.loss(network(*inputs), own, self.smoothing)
        counts = torch.ones_like(rows) if weights is None else weights
        member = (group[:, None] == torch.arange(self.groups, device=group.device)) * counts[:, None]
        size = member.sum(dim=0)
        losses = (member.T @ rows) / size.clamp_min(1e-12)
        steep = self.strength * losses.detach()
        # A group without a row in the batch weighs nothing, whatever its loss would be.
        share = size * (steep - torch.where(size > 0, steep, -torch.inf).amax()).clamp_max(0.0).exp()
        return (share / share.sum().clamp_min(1e-12)) @ losses
