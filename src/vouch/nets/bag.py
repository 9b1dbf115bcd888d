"""A text as the weighted sum of the vectors of its pieces, alone or with filters over neighbouring pieces beside it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vouch.nets.drawing import dropout, uniform

_SPREAD = 0.02
_SPREAD_OF_FILTERED = 0.1


class BagOfWords(nn.Module):
    """Sum the vectors of the pieces, each with a learned importance, at unit norm of the importances.

    The small first vectors matter: rare pieces then start near nothing, not as noise. The learned importances take the
    place of tf-idf's. In training whole pieces are dropped, so that no single word decides. Several members share the
    numbering and nothing else: each has vectors and importances of its own, and loses other pieces in training.

    Args:
        vocabulary: number of pieces, the padding (0) included.
        features: size D of a member's vectors.
        dropout: share of pieces, and of entries of the result, dropped in training.
        members: number of members M; their vectors lie side by side (M·D).

    Source:
        Joulin et al., Bag of tricks for efficient text classification (2017); Iyyer et al., Deep unordered
        composition rivals syntactic methods for text classification (2015), for the dropped words.

    Example:
        >>> bag = BagOfWords(vocabulary=300, features=8)
        >>> bag(torch.tensor([[5, 9, 2], [7, 0, 0]])).shape
        torch.Size([2, 8])
    """

    def __init__(self, vocabulary: int, features: int = 64, dropout: float = 0.3, members: int = 1) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.randn(vocabulary, members * features) * _SPREAD)
        self.importance = nn.Parameter(torch.zeros(vocabulary, members))
        self.features, self.members, self.dropout = members * features, members, dropout

    def forward(self, ids: Tensor) -> Tensor:
        """Piece numbers (B, T) to pooled vectors (B, M·D); a text without pieces is all zeros."""
        pooled = self.pool(ids, kept_pieces(ids, self.members, self.dropout, self.training))
        return dropout(pooled.flatten(1), self.dropout, self.training)

    def pool(self, ids: Tensor, kept: Tensor) -> Tensor:
        """Piece numbers (B, T), and 1 where a member sees the piece, else 0 (B, T, M), to pooled vectors (B, M, D)."""
        weight, vectors = self._weighted(ids, kept)
        norm = weight.square().sum(1).clamp_min(1e-6).sqrt().unsqueeze(-1)
        return torch.einsum("btm,btmd->bmd", weight, vectors) / norm

    def sequence(self, ids: Tensor) -> Tensor:
        """Piece numbers (B, T) to the weighted vector of each piece (B, T, M·D), zeros at the padding."""
        weight, vectors = self._weighted(ids, kept_pieces(ids, self.members, 0.0, False))
        return (weight.unsqueeze(-1) * vectors).flatten(2)

    def _weighted(self, ids: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
        """The importance (B, T, M) and the vector (B, T, M, D) of each piece."""
        weight = kept * F.embedding(ids.long(), self.importance).exp()
        return weight, F.embedding(ids.long(), self.vectors).unflatten(2, (self.members, -1))


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
        self.vectors = nn.Parameter(torch.randn(vocabulary, members * features) * _SPREAD_OF_FILTERED)
        width = members * features
        self.filters = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=members)
        self.activate = nn.ReLU()
        self.features, self.members, self.dropout = 2 * width, members, dropout

    def forward(self, ids: Tensor) -> Tensor:
        """Piece numbers (B, T) to pooled vectors (B, M·2D); a text without pieces is all zeros."""
        kept = kept_pieces(ids, self.members, self.dropout, self.training)
        found = self._filter(ids, kept).amax(1).unflatten(1, (self.members, -1))
        pooled = torch.cat([self.bag.pool(ids, kept), found], dim=2).flatten(1)
        return dropout(pooled, self.dropout, self.training)

    def sequence(self, ids: Tensor) -> Tensor:
        """Piece numbers (B, T) to what is pooled of each piece (B, T, M·2D), zeros at the padding."""
        found = self._filter(ids, kept_pieces(ids, self.members, 0.0, False)).unflatten(2, (self.members, -1))
        words = self.bag.sequence(ids).unflatten(2, (self.members, -1))
        return torch.cat([words, found], dim=3).flatten(2)

    def _filter(self, ids: Tensor, kept: Tensor) -> Tensor:
        """What each filter answers where a piece is (B, T, M·D), zeros at the padding."""
        vectors = F.embedding(ids.long(), self.vectors).unflatten(2, (self.members, -1))
        seen = (vectors * kept.unsqueeze(-1)).flatten(2)
        answers = self.activate(self.filters(seen.transpose(1, 2))).transpose(1, 2)
        return answers * (ids > 0).unsqueeze(-1)


def kept_pieces(ids: Tensor, members: int, share: float, training: bool) -> Tensor:
    """Which pieces each member sees.

    Args:
        ids: piece numbers (B, T), 0 where a text is over.
        members: M; each draws for itself.
        share: of the pieces, hidden in training.
        training: whether any are hidden.

    Returns:
        1 where the piece is seen, else 0 (B, T, M), float32.
    """
    present = (ids > 0).float().unsqueeze(-1).expand(-1, -1, members)
    return present * (uniform(present) >= share) if training else present
