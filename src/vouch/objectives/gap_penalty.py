"""Learn to answer groups alike: how far their mean answers lie apart is added to the loss, squared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vouch.contracts.roles import Objective, Target
from vouch.objectives.behind import without_groups

_AS_IT_IS = nn.Identity()


@dataclass(frozen=True, slots=True)
class GapPenalty:
    """Another objective, and the variance of the mean answers of groups around that of all rows.

    Answers are probabilities, or outputs for a quantity. The penalty is taken in each batch, over all of its rows or
    within each class, where every class counts by its rows; 0 is when all groups are answered alike.

    Args:
        inner: the objective that is given the answers and the targets without groups.
        target: the task, which knows what an answer is.
        strength: what the penalty is multiplied by.
        groups: how many groups there are (G).
        within: whether answers are compared within each class, and not over all rows.

    Source:
        Beutel and others, Putting fairness principles into practice (2019), of which this is the linear kernel; Calders
        and others, Controlling attribute effect in linear regression (2013), for quantities.

    Example:
        >>> from vouch.objectives import Supervised
        >>> from vouch.tasks import Regression
        >>> quantity = Regression(0.0, 1.0, -9.0, 9.0)
        >>> objective = GapPenalty(Supervised(quantity), quantity, 2.0, groups=2)
        >>> told = torch.tensor([1.0, 1.0, 3.0, 3.0])
        >>> wanted = torch.stack([told, torch.tensor([0.0, 0.0, 1.0, 1.0])], dim=1)
        >>> float(objective(nn.Identity(), [told.view(4, 1, 1)], wanted))
        2.0
    """

    inner: Objective
    target: Target
    strength: float
    groups: int
    within: bool = False

    def __call__(
        self, network: nn.Module, inputs: Sequence[Tensor], wanted: Tensor, weights: Tensor | None = None
    ) -> Tensor:
        """The other objective's loss of one batch, and what the gaps between groups cost."""
        outputs, (own, group) = network(*inputs), without_groups(wanted, self.target)
        loss = self.inner(_AS_IT_IS, [outputs], own, weights)
        said = self.target.answer(outputs) if self.target.classes else outputs.mean(dim=1)
        rows = torch.ones_like(said[:, 0]) if weights is None else weights
        member = (group[:, None] == torch.arange(self.groups, device=group.device)) * rows[:, None]
        gaps = [_apart(said, member * event[:, None]) for event in self._events(own, rows)]
        return loss + self.strength * torch.stack(gaps).sum() / rows.sum().clamp_min(1e-12)

    def _events(self, own: Tensor, rows: Tensor) -> list[Tensor]:
        """The rows among which groups are compared, as ones and zeros: all, or those of each class, or label."""
        if not self.within or not self.target.classes:
            return [torch.ones_like(rows)]
        if own.ndim == 2:
            return [part.to(rows.dtype) for k in range(own.shape[1]) for part in (own[:, k], 1 - own[:, k])]
        return [(own == k).to(rows.dtype) for k in range(len(self.target.classes))]


def _apart(said: Tensor, member: Tensor) -> Tensor:
    """The squared distance of the mean answers (B, K) of groups from that of all, summed over rows and answers."""
    rows = member.sum(dim=0)
    sums = member.T @ said
    every = sums.sum(dim=0) / rows.sum().clamp_min(1e-12)
    means = sums / rows.clamp_min(1e-12)[:, None]
    return (rows[:, None] * (means - every).square()).sum()
