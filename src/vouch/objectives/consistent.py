"""Learn from rows without a label as well: what is sure when they are changed a little must hold when changed a lot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from vouch.contracts.backbone import Viewing
from vouch.contracts.roles import Encoder, Objective, Target

if TYPE_CHECKING:
    from vouch.contracts.backbone import View

NOT_LABELLED = -1
# From this probability on, what the network says of a row is taken for its label.
SURE = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class Consistent:
    """Another objective on the rows with a label, and beside it the loss of the others against the network's own word.

    Rows arrive changed as in any training. Of a row without a label the network says what it is; where it is sure, it
    has to say the same of a strongly changed view of that row.

    Args:
        inner: the objective of the rows with a label.
        target: a task of classes, which knows its loss.
        views: for each block that can be seen from many sides, by its number, what changes it at random.
        strength: weight of the loss of rows without a label.

    Source:
        Sohn and others, FixMatch: simplifying semi-supervised learning with consistency and confidence (2020).

    Example:
        >>> from vouch.objectives import Supervised
        >>> from vouch.tasks import Classification
        >>> task = Classification(("a", "b"))
        >>> objective = Consistent(Supervised(task), task, {}, strength=1.0)
        >>> said = torch.tensor([[[0.0, 0.0]], [[9.0, 0.0]]])
        >>> round(float(objective(nn.Identity(), [said], torch.tensor([0, NOT_LABELLED]))), 3)
        0.693
    """

    inner: Objective
    target: Target
    views: Mapping[int, View]
    strength: float

    def __call__(
        self, network: nn.Module, inputs: Sequence[Tensor], wanted: Tensor, weights: Tensor | None = None
    ) -> Tensor:
        """The loss of one batch, of which some rows (B,) have the number -1 for a label; weights are of the others."""
        labelled = wanted != NOT_LABELLED
        loss = torch.zeros((), device=wanted.device)
        if labelled.any():
            own = None if weights is None else weights[labelled]
            loss = self.inner(network, [x[labelled] for x in inputs], wanted[labelled], own)
        if labelled.all():
            return loss
        seen = [x[~labelled] for x in inputs]
        with torch.no_grad():
            sure, said = self.target.answer(network(*seen)).max(dim=1)
        generator = torch.Generator(wanted.device).manual_seed(int(torch.randint(2**62, ())))
        changed = [self.views[i](x, generator) if i in self.views else x for i, x in enumerate(seen)]
        rows = self.target.loss(network(*changed), said, 0.0)
        return loss + self.strength * (rows * (sure >= SURE)).mean()


def views_of(encoders: Sequence[Encoder]) -> dict[int, View]:
    """For each block whose rows can be seen from many sides, by its number, what changes them.

    Nets from elsewhere are not among them: they learn from labels alone.
    """
    return {
        i: one.view
        for i, one in enumerate(encoders)
        if isinstance(one, Viewing) and getattr(one, "borrowed", None) is None
    }
