"""A text as the weighted sum of the vectors of its pieces and of their hashed n-grams."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_BASE = 1_000_003
_SCRAMBLE = -7_046_029_254_386_353_131
_SPREAD = 0.02


class NgramBag(nn.Module):
    """Sum the vectors of pieces and n-grams, each with a learned importance, at unit norm of the importances.

    The small first vectors matter: rare pieces then start near nothing, not as noise. The learned importances take the
    place of tf-idf's. In training whole pieces are dropped, so that no single word decides. Several members share the
    numbering and nothing else: each has vectors and importances of its own, and loses other pieces in training.

    Args:
        vocabulary: number of pieces, the padding (0) included.
        features: size D of the vectors.
        ngrams: longest run of pieces that has a vector of its own; 1 is single pieces.
        buckets: rows that the runs of two and more share by hashing.
        dropout: share of pieces, and of entries of the result, dropped in training.
        members: number of members M; their vectors lie side by side (M·D).

    Source:
        Joulin et al., Bag of tricks for efficient text classification (2017); Iyyer et al., Deep unordered
        composition rivals syntactic methods for text classification (2015), for the dropped words.

    Example:
        >>> bag = NgramBag(vocabulary=300, features=8, ngrams=2, buckets=512)
        >>> bag(torch.tensor([[5, 9, 2], [7, 0, 0]])).shape
        torch.Size([2, 8])
    """

    def __init__(
        self,
        vocabulary: int,
        features: int = 64,
        ngrams: int = 1,
        buckets: int = 65_536,
        dropout: float = 0.3,
        members: int = 1,
    ) -> None:
        super().__init__()
        rows = vocabulary + (buckets if ngrams > 1 else 0)
        self.vectors = nn.Parameter(torch.randn(rows, members * features) * _SPREAD)
        self.importance = nn.Parameter(torch.zeros(rows, members))
        self.vocabulary, self.features, self.ngrams = vocabulary, members * features, ngrams
        self.buckets, self.dropout, self.members = buckets, dropout, members

    def forward(self, ids: Tensor) -> Tensor:
        """Piece numbers (B, T) to pooled vectors (B, D); a text without pieces is all zeros."""
        rows, present = self._rows(ids.long())
        weight = present.unsqueeze(-1) * F.embedding(rows, self.importance).exp()
        if self.training:
            weight = weight * (torch.rand_like(weight) >= self.dropout)
        vectors = F.embedding(rows, self.vectors).unflatten(2, (self.members, -1))
        total = torch.einsum("btm,btmd->bmd", weight, vectors)
        norm = weight.square().sum(1).clamp_min(1e-6).sqrt().unsqueeze(-1)
        return F.dropout((total / norm).flatten(1), self.dropout, self.training)

    def sequence(self, ids: Tensor) -> Tensor:
        """Piece numbers (B, T) to the weighted vector of each piece (B, T, D), zeros at the padding."""
        ids = ids.long()
        weight = F.embedding(ids, self.importance).exp() * (ids > 0).unsqueeze(-1)
        vectors = F.embedding(ids, self.vectors).unflatten(2, (self.members, -1))
        return (weight.unsqueeze(-1) * vectors).flatten(2)

    def _rows(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Rows of the table for all runs, and 1 where a run holds no padding, else 0."""
        rows, weights, run, whole = [ids], [(ids > 0).float()], ids, ids > 0
        for length in range(2, min(self.ngrams, ids.shape[1]) + 1):
            run = run[:, :-1] * _BASE + ids[:, length - 1 :]
            whole = whole[:, :-1] & (ids[:, length - 1 :] > 0)
            scrambled = ((run * _SCRAMBLE) >> 33) & 0x7FFF_FFFF  # high bits are the well mixed ones
            rows.append(self.vocabulary + scrambled % self.buckets)
            weights.append(whole.float())
        return torch.cat(rows, 1), torch.cat(weights, 1)
