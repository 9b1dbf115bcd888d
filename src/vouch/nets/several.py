"""Whole networks side by side, each with weights of its own: their answers are averaged like those of any members."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Several(nn.Module):
    """The embedders of N networks for the same input; their vectors lie side by side.

    Args:
        embedders: N modules from one encoded input (B, ...) to a vector (B, D).
        features: D.

    Example:
        >>> several = Several([nn.Identity(), nn.Identity()], features=3)
        >>> several(torch.zeros(5, 3)).shape
        torch.Size([5, 6])
    """

    def __init__(self, embedders: Sequence[nn.Module], features: int) -> None:
        super().__init__()
        # Some hold a table that their encoder lends to all; copied one by one, none shares memory with another.
        self.embedders = nn.ModuleList(copy.deepcopy(embedder) for embedder in embedders)
        self.features = len(embedders) * features
        self.sections = [int(size) for _ in embedders for size in getattr(embedders[0], "sections", ())]

    def forward(self, x: Tensor) -> Tensor:
        """One encoded input to the vectors of all networks (B, N·D)."""
        return torch.cat([embedder(x) for embedder in self.embedders], dim=1)


class DeepEnsemble(nn.Module):
    """The trunks of N networks; each takes the vectors that its own embedders made, and all members answer.

    Every network was trained by itself, on rows of its own where it belongs to a fold.

    Args:
        trunks: N modules from (B, D) to (B, M, H) with ``members`` = M and ``out_features`` = H.
        sizes: size of the vector that one network makes of each block (sum D).

    Source:
        Lakshminarayanan, Pritzel and Blundell, Simple and scalable predictive uncertainty estimation using deep
        ensembles (2017).

    Example:
        >>> from vouch.nets.mlp import MLP
        >>> trunk = DeepEnsemble([MLP(5, width=8, depth=1, dropout=0.0) for _ in range(3)], sizes=[2, 3])
        >>> trunk(torch.zeros(4, 15)).shape
        torch.Size([4, 3, 8])
    """

    def __init__(self, trunks: Sequence[nn.Module], sizes: Sequence[int]) -> None:
        super().__init__()
        self.trunks = nn.ModuleList(trunks)
        self.sizes = list(sizes)
        self.members = sum(int(trunk.members) for trunk in trunks)  # type: ignore[arg-type]
        self.out_features = int(trunks[0].out_features)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Vectors (B, N·D), block by block and in each block network by network, to hidden vectors (B, N·M, H)."""
        count = len(self.trunks)
        parts = x.split([size for size in self.sizes for _ in range(count)], dim=1)
        return torch.cat([trunk(torch.cat(parts[k::count], dim=1)) for k, trunk in enumerate(self.trunks)], dim=1)
