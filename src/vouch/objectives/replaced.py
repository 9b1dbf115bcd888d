"""Learn without labels which columns of a row were exchanged for those of another row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vouch.nets.network import Pretext


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the vectors that lie side by side, and the column that it belongs to.

    Args:
        size: how many numbers.
        column: its number; parts of one column are exchanged together.
    """

    size: int
    column: int


@dataclass(frozen=True, slots=True, eq=False)
class ReplacedColumns:
    """Some columns of each row are taken from another row, and the network has to say which.

    What is exchanged are the vectors of the columns, which comes to the same as exchanging the cells, whatever kind of
    column it is. A column that came from elsewhere is found out by not fitting the others.

    Args:
        sections: of the vectors, in their order; the network's head has one output for each column.
        share: of the columns that are exchanged.

    Source:
        Yoon et al., VIME: extending the success of self- and semi-supervised learning to the tabular domain (2020), for
        guessing the mask; Bahri et al., SCARF (2022), for cells drawn from other rows; Rubachev et al., Revisiting
        pretraining objectives for tabular deep learning (2022).

    Example:
        >>> from vouch.nets.network import Flat, Network, Straight
        >>> numbers = Flat(nn.Unflatten(1, (2, 1)), columns=2, features=1)
        >>> net = Pretext(Network([numbers], Straight([2], members=1, dropout=0.0), outputs=2), {})
        >>> loss = ReplacedColumns([Section(1, 0), Section(1, 1)], share=0.3)(net, [torch.randn(8, 2)], torch.zeros(8))
        >>> bool(loss > 0)
        True
    """

    sections: Sequence[Section]
    share: float

    def __call__(
        self, network: nn.Module, inputs: Sequence[Tensor], wanted: Tensor, weights: Tensor | None = None
    ) -> Tensor:
        """The mean loss of one batch over columns and members; every draw is from torch's own generator."""
        del wanted, weights
        if not isinstance(network, Pretext):
            raise TypeError("only a Pretext guesses which columns were exchanged")
        vectors = network.network.vectors(*inputs)
        exchanged = torch.rand(len(vectors), self.columns, device=vectors.device) < self.share
        donors = torch.rand_like(exchanged.float()).argsort(0)
        parts = vectors.split([section.size for section in self.sections], dim=1)
        mixed = [
            torch.where(exchanged[:, [section.column]], part[donors[:, section.column]], part)
            for section, part in zip(self.sections, parts, strict=True)
        ]
        said = network.network.answer(torch.cat(mixed, dim=1))
        return F.binary_cross_entropy_with_logits(said, exchanged.float().unsqueeze(1).expand_as(said))

    @property
    def columns(self) -> int:
        """How many columns there are (K)."""
        return 1 + max(section.column for section in self.sections)
