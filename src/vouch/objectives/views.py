"""Learn without labels that two views of one row are alike, and unlike those of all other rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vouch.nets.network import Pretext

if TYPE_CHECKING:
    from vouch.contracts.backbone import View

_NEVER = -1e4


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """Contrastive loss: of all other views in the batch, each has to find the one of its own row.

    Args:
        views: for each block that can be seen from many sides, by its number, what changes it at random.
        temperature: the smaller, the more the loss looks at the rows most alike.

    Source:
        Chen et al., A simple framework for contrastive learning of visual representations (SimCLR, 2020); the loss is
        that of van den Oord et al., Representation learning with contrastive predictive coding (2018).

    Example:
        >>> from vouch.nets.network import Flat, Network, Straight
        >>> from vouch.nets.pretext import Projector
        >>> numbers = Flat(nn.Unflatten(1, (2, 1)), columns=2, features=1)
        >>> net = Pretext(Network([numbers], Straight([2], members=1, dropout=0.0), outputs=2), {0: Projector(2)})
        >>> Views({0: lambda x, generator: x})(net, [torch.randn(4, 2)], torch.zeros(4)).ndim
        0
    """

    views: Mapping[int, View]
    temperature: float = 0.1

    def __call__(
        self, network: nn.Module, inputs: Sequence[Tensor], wanted: Tensor, weights: Tensor | None = None
    ) -> Tensor:
        """The mean loss of one batch over the blocks; every draw follows from torch's own generator."""
        del wanted, weights
        if not isinstance(network, Pretext):
            raise TypeError("only a Pretext has what views are compared by")
        losses = []
        for block, view in self.views.items():
            x = inputs[block]
            generator = torch.Generator(x.device).manual_seed(int(torch.randint(2**62, ())))
            both = torch.cat([view(x, generator), view(x, generator)])
            losses.append(alike(network.project(block, both), self.temperature))
        return torch.stack(losses).mean()


def alike(vectors: Tensor, temperature: float) -> Tensor:
    """How badly the vectors of first views find those of second views, and the other way round.

    Args:
        vectors: of all first views, then of all second views in the same order (2·B, E).
        temperature: what similarities are divided by.

    Returns:
        The mean cross-entropy, a scalar.

    Example:
        >>> far = torch.eye(4)
        >>> bool(alike(torch.cat([far, far]), 0.1) < 0.01)
        True
    """
    unit = F.normalize(vectors, dim=1)
    rows = len(unit) // 2
    itself = torch.eye(2 * rows, dtype=torch.bool, device=unit.device)
    similar = (unit @ unit.T / temperature).masked_fill(itself, _NEVER)
    partner = torch.arange(2 * rows, device=unit.device).roll(rows)
    return F.cross_entropy(similar, partner)
