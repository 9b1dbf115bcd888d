"""A small pre-norm encoder of piece sequences: attention or convolution between pieces, attention pooling."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vouch.nets.depth import StochasticDepth
from vouch.nets.drawing import dropout, uniform
from vouch.nets.recompute import through

_HEAD = 16
_SPREAD = 0.1
_WIDEN = 2
_HIDDEN = -1e4


class SequenceEncoder(nn.Module):
    """Embed pieces and positions, let them meet in blocks, and pool them by learned attention.

    Args:
        vocabulary: number of pieces, the padding (0) included.
        tokens: longest sequence (T).
        features: size D of the vectors; a multiple of 16 when pieces meet by attention.
        depth: blocks.
        dropout: share of pieces, and of hidden units, dropped in training.
        kernel: odd; pieces as far apart as this meet by convolution; 0 lets all meet by attention (a transformer).

    Source:
        Vaswani et al., Attention is all you need (2017); Xiong et al., On layer normalization in the transformer
        architecture (2020); Wu et al., Pay less attention with lightweight and dynamic convolutions (2019).

    Example:
        >>> encoder = SequenceEncoder(vocabulary=300, tokens=6, features=16, depth=1)
        >>> encoder(torch.tensor([[5, 9, 2], [7, 0, 0]])).shape
        torch.Size([2, 16])
    """

    recompute = False

    def __init__(
        self,
        vocabulary: int,
        tokens: int,
        features: int = 64,
        depth: int = 2,
        dropout: float = 0.1,
        kernel: int = 0,
    ) -> None:
        super().__init__()
        # What is said of a piece depends on the others, so that a hidden one can be guessed from it.
        self.contextual = True
        self.vectors = nn.Parameter(torch.randn(vocabulary, features) * _SPREAD)
        self.positions = nn.Parameter(torch.randn(tokens, features) * _SPREAD)
        self.blocks = nn.ModuleList(_Block(features, dropout, kernel) for _ in range(depth))
        self.skips = nn.ModuleList(StochasticDepth() for _ in range(depth))
        self.norm = nn.LayerNorm(features)
        self.query = nn.Linear(features, 1)
        self.features, self.dropout = features, dropout

    def forward(self, ids: Tensor) -> Tensor:
        """Piece numbers (B, T) to pooled vectors (B, D); a text without pieces is all zeros."""
        present = self._present(ids)
        x = self._encode(ids, present)
        share = self.query(x).squeeze(-1).masked_fill(~present, _HIDDEN).softmax(1) * present
        return torch.einsum("bt,btd->bd", share, x)

    def sequence(self, ids: Tensor) -> Tensor:
        """Piece numbers (B, T) to a vector for each piece (B, T, D), zeros at the padding."""
        present = self._present(ids)
        return self._encode(ids, present) * present.unsqueeze(-1)

    def attended(self, ids: Tensor) -> tuple[list[Tensor], Tensor]:
        """How much each piece looks at each other, block by block, heads averaged (B, T, T); and the pooling (B, T).

        Raises:
            TypeError: pieces meet by convolution.
        """
        present, found = self._present(ids), []
        x = F.embedding(ids.long(), self.vectors) + self.positions[: ids.shape[1]]
        for number in range(len(self.skips)):
            block = self.blocks[number % len(self.blocks)]
            if not isinstance(block, _Block) or not isinstance(block.mix, _Attention):
                raise TypeError("pieces do not look at each other in this net")
            found.append(block.mix.shares(block.mix.heads(block.norms[0](x)), present).mean(1))
            x = block(x, present)
        share = self.query(self.norm(x)).squeeze(-1).masked_fill(~present, _HIDDEN).softmax(1) * present
        return found, share

    def share_layers(self) -> bool:
        """Let all blocks use the weights of the first; whether there were several."""
        several = len(self.blocks) > 1
        self.blocks = self.blocks[:1]
        return several

    def _present(self, ids: Tensor) -> Tensor:
        """Where a piece is, and is not dropped."""
        if not self.training:
            return ids > 0
        return (ids > 0) & (uniform(ids) >= self.dropout)

    def _encode(self, ids: Tensor, present: Tensor) -> Tensor:
        x = F.embedding(ids.long(), self.vectors) + self.positions[: ids.shape[1]]
        x = dropout(x, self.dropout, self.training)
        for number, skip in enumerate(self.skips):
            # Fewer blocks than depth are passed again.
            block = self.blocks[number % len(self.blocks)]
            x = skip(x, through(block, x, present, again=self.recompute))
        return self.norm(x)


class _Block(nn.Module):
    """Pieces meet, then each is changed alone; both are added to what was there."""

    def __init__(self, features: int, dropout: float, kernel: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(features) for _ in range(2))
        self.mix = _Convolution(features, kernel) if kernel else _Attention(features)
        self.widen = nn.Linear(features, _WIDEN * features)
        self.narrow = nn.Linear(_WIDEN * features, features)
        self.activate = nn.GELU()
        self.dropout = dropout

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """Vectors (B, T, D) and where pieces are (B, T) to vectors (B, T, D)."""
        x = x + dropout(self.mix(self.norms[0](x), present), self.dropout, self.training)
        changed = self.narrow(self.activate(self.widen(self.norms[1](x))))
        return x + dropout(changed, self.dropout, self.training)


class _Attention(nn.Module):
    """Every piece looks at every other; heads of 16 features."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.inward = nn.Linear(features, 3 * features)
        self.outward = nn.Linear(features, features)

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """Vectors (B, T, D) to vectors (B, T, D)."""
        heads = self.heads(x)
        seen = torch.einsum("bhts,bhsd->bhtd", self.shares(heads, present), heads[2])
        return self.outward(seen.transpose(1, 2).flatten(2))

    def heads(self, x: Tensor) -> Tensor:
        """Vectors (B, T, D) to queries, keys and values of each head (3, B, H, T, D / H)."""
        return self.inward(x).unflatten(-1, (3, -1, _HEAD)).permute(2, 0, 3, 1, 4)

    def shares(self, heads: Tensor, present: Tensor) -> Tensor:
        """How much each piece looks at each other (B, H, T, T)."""
        # Written out, since the fused kernel has no rule for vmap; finite, since an empty text must not give NaN.
        alike = torch.einsum("bhtd,bhsd->bhts", heads[0], heads[1]) / math.sqrt(_HEAD)
        return alike.masked_fill(~present[:, None, None], _HIDDEN).softmax(-1)


class _Convolution(nn.Module):
    """Every piece looks at its neighbours, each feature by itself."""

    def __init__(self, features: int, kernel: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(features, features, kernel, padding=kernel // 2, groups=features)

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """Vectors (B, T, D) to vectors (B, T, D)."""
        return self.convolution((x * present.unsqueeze(-1)).transpose(1, 2)).transpose(1, 2)
