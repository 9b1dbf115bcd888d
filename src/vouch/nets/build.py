"""Put a network together out of what the encoders offer and the recipe names."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import nn

from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Encoder
from vouch.nets.activations import use_activation
from vouch.nets.depth import share_layers, skip_blocks
from vouch.nets.ensemble import ParameterSharingEnsemble
from vouch.nets.mlp import MLP
from vouch.nets.network import Network, Straight
from vouch.nets.several import DeepEnsemble, Several


def build_network(encoders: Sequence[Encoder], outputs: int, recipe: Recipe) -> Network:
    """Embedders for every block, the recipe's trunk, and a head; weights follow from the recipe's seed.

    Args:
        encoders: one for each block of columns.
        outputs: numbers for one row (K).
        recipe: names the trunk and sizes it, and says how many networks answer together.

    Returns:
        A network from encoded inputs to outputs (B, M, K).

    Raises:
        UsageError: the recipe asks for what its nets do not have: residual blocks, or equal layers.
    """
    return joined(build_networks(encoders, outputs, recipe))


def build_networks(encoders: Sequence[Encoder], outputs: int, recipe: Recipe) -> list[Network]:
    """The networks of a recipe, each by itself, as they are trained."""
    return [_one(encoders, outputs, alone) for alone in apart(recipe)]


def apart(recipe: Recipe) -> list[Recipe]:
    """The recipe of each network that a recipe trains; their seeds follow one another.

    Example:
        >>> [alone.seed for alone in apart(Recipe(seed=4, networks=3))]
        [4, 5, 6]
    """
    count = recipe.folds or recipe.networks
    return [replace(recipe, seed=recipe.seed + number, networks=1, folds=0) for number in range(count)]


def joined(networks: Sequence[Network]) -> Network:
    """One network whose members are those of several networks of the same make; a single one is given back as it is.

    Args:
        networks: each from the same encoded inputs to outputs (B, M, K).

    Returns:
        A network to outputs (B, N·M, K), with copies of their weights.
    """
    first = networks[0]
    if len(networks) == 1:
        return first
    blocks = zip(*(network.embedders for network in networks), strict=True)
    several = [Several(embedders, size) for embedders, size in zip(blocks, first.sizes, strict=True)]
    trunks = [copy.deepcopy(network.trunk) for network in networks]
    whole = Network(several, DeepEnsemble(trunks, first.sizes), first.head.bias.shape[1])
    with torch.no_grad():
        whole.head.weight.copy_(torch.cat([network.head.weight for network in networks]))
        whole.head.bias.copy_(torch.cat([network.head.bias for network in networks]))
    return whole


def _one(encoders: Sequence[Encoder], outputs: int, recipe: Recipe) -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        embedders = [encoder.embed(recipe) for encoder in encoders]
        network = Network(embedders, _trunk(embedders, recipe), outputs)
        use_activation(network, recipe.activation)
    if recipe.share_layers:
        share_layers(network)
    skip_blocks(network, recipe.stochastic_depth)
    for part in network.modules():
        if hasattr(part, "recompute"):
            part.recompute = recipe.recompute  # type: ignore[assignment]
    return network


def _trunk(embedders: Sequence[nn.Module], recipe: Recipe) -> nn.Module:
    sections = [size for embedder in embedders for size in _sections(embedder)]
    features = sum(sections)
    if "ensemble" in recipe.network:
        return ParameterSharingEnsemble(features, recipe.members, recipe.width, recipe.depth, recipe.dropout, sections)
    if "mlp" in recipe.network:
        return MLP(features, recipe.width, recipe.depth, recipe.dropout)
    sizes = [int(embedder.features) for embedder in embedders]  # type: ignore[arg-type]
    shared = min((int(getattr(embedder, "members", 1)) for embedder in embedders), default=1)
    return Straight(sizes, shared, recipe.dropout)


def _sections(embedder: nn.Module) -> list[int]:
    """Sizes of the parts of an embedder's vector that belong together; single features where it does not say."""
    return getattr(embedder, "sections", None) or [1] * int(embedder.features)  # type: ignore[arg-type]
