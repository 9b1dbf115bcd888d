"""Learn without labels to guess pieces of a row that were hidden from what is left of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vouch.nets.network import Pretext


@dataclass(frozen=True, slots=True)
class Pieces:
    """How the pieces of one block are numbered: what stands where a row is over, and where a piece is hidden."""

    padding: int
    hidden: int


@dataclass(frozen=True, slots=True, eq=False)
class HiddenPieces:
    """Masked modelling: some pieces are hidden, and each is to be told from all that are hidden in the batch.

    Nets in which pieces meet guess each from what they say at its place; others, such as bags of words, from what they
    say of the whole row. Candidates are the pieces hidden in the same batch, not the whole vocabulary.

    Args:
        blocks: how pieces are numbered, by the number of the block.
        share: of the pieces that are hidden.

    Source:
        Devlin et al., BERT (2019); Mikolov et al., Efficient estimation of word representations in vector space
        (2013), for bags; Jean et al., On using very large target vocabulary for neural machine translation (2015), for
        the candidates.

    Example:
        >>> from vouch.nets.bag import BagOfWords
        >>> from vouch.nets.network import Network, Straight
        >>> from vouch.nets.pretext import Guesser
        >>> bag = BagOfWords(vocabulary=40, features=8)
        >>> net = Pretext(Network([bag], Straight([8], members=1, dropout=0.0), outputs=1), {0: Guesser(8, 40)})
        >>> loss = HiddenPieces({0: Pieces(0, 1)}, share=0.5)(net, [torch.randint(2, 40, (6, 5))], torch.zeros(6))
        >>> bool(loss > 0)
        True
    """

    blocks: Mapping[int, Pieces]
    share: float

    def __call__(
        self, network: nn.Module, inputs: Sequence[Tensor], wanted: Tensor, weights: Tensor | None = None
    ) -> Tensor:
        """The mean loss of one batch over the hidden pieces; every draw is from torch's own generator."""
        del wanted, weights
        if not isinstance(network, Pretext):
            raise TypeError("only a Pretext has what pieces are guessed by")
        return torch.stack([self._guessed(network, block, inputs[block]) for block in self.blocks]).mean()

    def _guessed(self, network: Pretext, block: int, ids: Tensor) -> Tensor:
        pieces = self.blocks[block]
        hidden = (torch.rand(ids.shape, device=ids.device) < self.share) & (ids != pieces.padding)
        seen = torch.where(hidden, pieces.hidden, ids)
        net = network.network.embedders[block]
        row, place = hidden.nonzero(as_tuple=True)
        meets = getattr(net, "contextual", False)
        vectors = net.sequence(seen)[row, place] if meets else net(seen)[row]  # type: ignore[operator]
        candidates, answer = ids[row, place].long().unique(return_inverse=True)
        scores = network.heads[str(block)](vectors, candidates)
        # A batch in which nothing was hidden has nothing to learn from, and still needs a gradient.
        return F.cross_entropy(scores, answer) if len(row) else 0.0 * net(seen).sum()
