"""Put a network together out of what the encoders offer and the recipe names."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Encoder
from vouch.nets.ensemble import ParameterSharingEnsemble
from vouch.nets.mlp import MLP
from vouch.nets.network import Network, Straight
from vouch.nets.several import DeepEnsemble, Several


def build_network(encoders: Sequence[Encoder], outputs: int, recipe: Recipe) -> Network:
    """Embedders for every block, the recipe's trunk, and a head; weights follow from the recipe's seed.

    Args:
        encoders: one for each block of columns.
        outputs: numbers for one row (K).
        recipe: names the trunk and sizes it.

    Returns:
        A network from encoded inputs to outputs (B, M, K).
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        networks = [[encoder.embed(recipe) for encoder in encoders] for _ in range(recipe.networks)]
        trunks = [_trunk(embedders, recipe) for embedders in networks]
        if recipe.networks == 1:
            return Network(networks[0], trunks[0], outputs)
        sizes = [int(embedder.features) for embedder in networks[0]]  # type: ignore[arg-type]
        several = [Several(embedders, size) for embedders, size in zip(zip(*networks, strict=True), sizes, strict=True)]
        return Network(several, DeepEnsemble(trunks, sizes), outputs)


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
