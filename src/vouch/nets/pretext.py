"""What is put on embedders while they learn without labels, and taken off again: projectors and guessers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_GUESSED_FROM = 64


class Projector(nn.Module):
    """Vectors to the space in which views are compared; what only serves the comparison stays here, not in the net.

    Args:
        features: size D of the vectors.
        outputs: size E of the space.

    Source: Chen et al., A simple framework for contrastive learning of visual representations (2020).

    Example:
        >>> Projector(features=8)(torch.zeros(4, 8)).shape
        torch.Size([4, 128])
    """

    def __init__(self, features: int, outputs: int = 128) -> None:
        super().__init__()
        width = max(2 * features, outputs)
        self.layers = nn.Sequential(
            nn.Linear(features, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, outputs)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Vectors (B, D) to vectors (B, E)."""
        return self.layers(x)


class Guesser(nn.Module):
    """Vectors to a score for each of some pieces.

    Args:
        features: size D of the vectors.
        pieces: how many different pieces there are.

    Example:
        >>> Guesser(features=8, pieces=300)(torch.zeros(4, 8), torch.tensor([5, 9])).shape
        torch.Size([4, 2])
    """

    def __init__(self, features: int, pieces: int) -> None:
        super().__init__()
        self.narrow = nn.Linear(features, _GUESSED_FROM)
        self.vectors = nn.Parameter(torch.randn(pieces, _GUESSED_FROM) * 0.1)
        self.bias = nn.Parameter(torch.zeros(pieces))

    def forward(self, x: Tensor, candidates: Tensor) -> Tensor:
        """Vectors (B, D) and numbers of C pieces to scores (B, C)."""
        return self.narrow(x) @ self.vectors[candidates].T + self.bias[candidates]
