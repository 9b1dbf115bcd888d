"""Many members in one net: a shared multilayer perceptron that each member enters through its own cheap adapter."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vouch.nets.mlp import hidden_layers, shared_layers


class ParameterSharingEnsemble(nn.Module):
    """M members that share every layer and differ by an elementwise scaling of the input.

    Args:
        in_features: size D of a row's vector.
        members: number of members M.
        width: size H of every layer.
        depth: number of layers, at least 1.
        dropout: share of activations dropped in training.
        sections: sizes of the parts of the vector that one column fills (sum D); a member starts with one scale for
            each part, so that it weighs whole columns and not their single coordinates; without it, one for each
            feature.

    Source:
        TabM-mini: Gorishniy et al., TabM (2024); the adapter: Wen et al., BatchEnsemble (2020).

    Example:
        >>> trunk = ParameterSharingEnsemble(in_features=5, members=4, width=8, depth=2, dropout=0.1)
        >>> trunk(torch.zeros(3, 5)).shape
        torch.Size([3, 4, 8])
    """

    def __init__(
        self,
        in_features: int,
        members: int,
        width: int,
        depth: int,
        dropout: float,
        sections: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        sizes = torch.tensor([1] * in_features if sections is None else list(sections))
        self.adapter = nn.Parameter(
            torch.randn(members, len(sizes)).repeat_interleave(sizes, dim=1, output_size=in_features)
        )
        self.layers = hidden_layers(in_features, width, depth, dropout)
        self.members, self.out_features = members, width

    def forward(self, x: Tensor) -> Tensor:
        """Map row vectors (B, D) to each member's hidden vectors (B, M, H)."""
        return self.layers(x.unsqueeze(1) * self.adapter)

    def enter(self, x: Tensor) -> Tensor:
        """The adapters and the first linear layer: row vectors (B, D) to (B, M, H)."""
        return self.layers[0](x.unsqueeze(1) * self.adapter)

    def after(self, entered: Tensor) -> Tensor:
        """What follows the first linear layer: (B, M, H) to hidden vectors (B, M, H)."""
        return self.layers[1:](entered)

    def share_layers(self) -> bool:
        """Let the layers after the first use the same weights; whether there were several."""
        before, self.layers = self.layers, shared_layers(self.layers)
        return before is not self.layers
