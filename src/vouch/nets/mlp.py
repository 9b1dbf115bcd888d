"""A plain multilayer perceptron: the trunk for tables when one member is enough."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from vouch.nets.depth import Repeated
from vouch.nets.drawing import Dropout

_PARTS = 3


class MLP(nn.Module):
    """Linear layers with ReLU and dropout between them.

    Args:
        in_features: size D of a row's vector.
        width: size H of every layer.
        depth: number of layers, at least 1.
        dropout: share of activations dropped in training.

    Source:
        Rosenblatt (1958), Rumelhart et al. (1986); dropout: Srivastava et al. (2014).

    Example:
        >>> import torch
        >>> MLP(in_features=5, width=8, depth=2, dropout=0.1)(torch.zeros(3, 5)).shape
        torch.Size([3, 1, 8])
    """

    members = 1

    def __init__(self, in_features: int, width: int, depth: int, dropout: float) -> None:
        super().__init__()
        self.layers = hidden_layers(in_features, width, depth, dropout)
        self.out_features = width

    def forward(self, x: Tensor) -> Tensor:
        """Map row vectors (B, D) to hidden vectors (B, 1, H)."""
        return self.layers(x).unsqueeze(1)

    def enter(self, x: Tensor) -> Tensor:
        """The first linear layer: row vectors (B, D) to (B, 1, H)."""
        return self.layers[0](x).unsqueeze(1)

    def after(self, entered: Tensor) -> Tensor:
        """What follows the first linear layer: (B, 1, H) to hidden vectors (B, 1, H)."""
        return self.layers[1:](entered)

    def share_layers(self) -> bool:
        """Let the layers after the first use the same weights; whether there were several."""
        before, self.layers = self.layers, shared_layers(self.layers)
        return before is not self.layers


def hidden_layers(in_features: int, width: int, depth: int, dropout: float) -> nn.Sequential:
    """The layers Linear, ReLU, Dropout, ``depth`` times.

    Args:
        in_features: size of the input's last axis.
        width: size of every layer.
        depth: number of layers, at least 1.
        dropout: share of activations dropped in training.

    Returns:
        A module that acts on the last axis of its input.

    Example:
        >>> len(hidden_layers(5, 8, depth=2, dropout=0.1))
        6
    """
    sizes = [in_features] + [width] * depth
    layers: list[nn.Module] = []
    for size_in, size_out in pairwise(sizes):
        layers += [nn.Linear(size_in, size_out), nn.ReLU(), Dropout(dropout)]
    return nn.Sequential(*layers)


def shared_layers(layers: nn.Sequential) -> nn.Sequential:
    """What :func:`hidden_layers` makes, with one layer that is passed again in the place of all after the first.

    Args:
        layers: Linear, ReLU, Dropout, several times.

    Returns:
        The same layers when there is only one after the first, or none.

    Example:
        >>> shared_layers(hidden_layers(5, 8, depth=4, dropout=0.1))[3].times
        3
    """
    parts, passes = list(layers), len(layers) // _PARTS - 1
    if passes < 2:
        return layers
    return nn.Sequential(*parts[:_PARTS], Repeated(nn.Sequential(*parts[_PARTS : 2 * _PARTS]), passes))
