"""Put the activation that a recipe names in the place of the one that a net was designed with."""

from __future__ import annotations

import math

import torch
from torch import nn

from vouch.contracts.activations import GELU, SELU, Activation, LeakyReLU, ReLU, Sigmoid, SiLU, Tanh, Usual

_MODULES: dict[type, type[nn.Module]] = {
    ReLU: nn.ReLU, LeakyReLU: nn.LeakyReLU, Sigmoid: nn.Sigmoid, Tanh: nn.Tanh, GELU: nn.GELU, SiLU: nn.SiLU,
    SELU: nn.SELU,
}  # fmt: skip
_KINDS = tuple(_MODULES.values())


def use_activation(network: nn.Module, chosen: Activation) -> None:
    """Replace every activation inside a network; with SELU, hidden layers start as that asks.

    Args:
        network: is changed.
        chosen: by the recipe; ``Usual`` changes nothing.

    Source:
        Klambauer et al., Self-normalizing neural networks (2017), for weights of mean 0 and variance 1 / inputs.

    Example:
        >>> from vouch.nets.mlp import hidden_layers
        >>> layers = hidden_layers(2, 4, depth=1, dropout=0.0)
        >>> use_activation(layers, Tanh())
        >>> layers[1]
        Tanh()
    """
    if isinstance(chosen, Usual):
        return
    for part in list(network.modules()):
        before: nn.Module | None = None
        for name, child in list(part.named_children()):
            if isinstance(child, _KINDS):
                setattr(part, name, _module(chosen))
                # Only there do the parts stand in the order in which they are passed.
                if isinstance(chosen, SELU) and isinstance(part, nn.Sequential) and isinstance(before, nn.Linear):
                    _start(before)
            before = child


def _module(chosen: Activation) -> nn.Module:
    return nn.LeakyReLU(chosen.slope) if isinstance(chosen, LeakyReLU) else _MODULES[type(chosen)]()


@torch.no_grad()
def _start(layer: nn.Linear) -> None:
    layer.weight.normal_(0, 1 / math.sqrt(layer.in_features))
    layer.bias.zero_()
