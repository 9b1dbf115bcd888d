"""A text as the bag of its pieces and, beside it, the strongest answer of each convolution along them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vouch.nets.bag import BagOfWords, kept_pieces

_SPREAD = 0.1


class TextCNN(nn.Module):
    """Wide and deep for texts: the sum of the pieces' vectors, and filters over neighbouring pieces pooled by maximum.

    The sum says what a text is about; the filters find a turn of phrase wherever it stands, and do not fade in a long
    text. Both see the same pieces in training, so that neither learns to lean on what the other lost. Members share
    the numbering of the pieces and nothing else.

    Args:
        vocabulary: number of pieces, the padding (0) included.
        features: size D of a member's vectors, and its number of filters.
        kernel: odd; pieces that a filter sees.
        dropout: share of pieces, and of entries of the result, dropped in training.
        members: number of members M; their vectors lie side by side (M·2D).

    Source:
        Kim, Convolutional neural networks for sentence classification (2014); Cheng et al., Wide & deep learning for
        recommender systems (2016), for the sum beside them.

    Example:
        >>> net = TextCNN(vocabulary=300, features=8)
        >>> net(torch.tensor([[5, 9, 2], [7, 0, 0]])).shape
        torch.Size([2, 16])
    """

    def __init__(
        self, vocabulary: int, features: int = 64, kernel: int = 3, dropout: float = 0.3, members: int = 1
    ) -> None:
        super().__init__()
        self.bag = BagOfWords(vocabulary, features, members=members)
        self.vectors = nn.Parameter(torch.randn(vocabulary, members * features) * _SPREAD)
        width = members * features
        self.filters = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=members)
        self.features, self.members, self.dropout = 2 * width, members, dropout

    def forward(self, ids: Tensor) -> Tensor:
        """Piece numbers (B, T) to pooled vectors (B, M·2D); a text without pieces is all zeros."""
        kept = kept_pieces(ids, self.members, self.dropout, self.training)
        found = self._filter(ids, kept).amax(1).unflatten(1, (self.members, -1))
        pooled = torch.cat([self.bag.pool(ids, kept), found], dim=2).flatten(1)
        return F.dropout(pooled, self.dropout, self.training)

    def sequence(self, ids: Tensor) -> Tensor:
        """Piece numbers (B, T) to what is pooled of each piece (B, T, M·2D), zeros at the padding."""
        found = self._filter(ids, kept_pieces(ids, self.members, 0.0, False)).unflatten(2, (self.members, -1))
        words = self.bag.sequence(ids).unflatten(2, (self.members, -1))
        return torch.cat([words, found], dim=3).flatten(2)

    def _filter(self, ids: Tensor, kept: Tensor) -> Tensor:
        """What each filter answers where a piece is (B, T, M·D), zeros at the padding."""
        vectors = F.embedding(ids.long(), self.vectors).unflatten(2, (self.members, -1))
        seen = (vectors * kept.unsqueeze(-1)).flatten(2)
        answers = F.relu(self.filters(seen.transpose(1, 2))).transpose(1, 2)
        return answers * (ids > 0).unsqueeze(-1)
