"""Optimisers: from what a recipe names to what takes the steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from vouch.contracts import optimizers as chosen
from vouch.contracts.recipe import Recipe
from vouch.nets.network import MemberHead
from vouch.training.direct import DirectAdamW
from vouch.training.muon import Muon
from vouch.training.schedule_free import ScheduleFreeAdamW
from vouch.training.sharding import is_divided
from vouch.training.unfreezing import paced

Group = dict[str, Any]


def make_optimizer(network: nn.Module, recipe: Recipe, stacked: Mapping[str, Tensor] | None = None) -> Optimizer:
    """The recipe's optimiser over all weights; only matrices that multiply decay, not tables, adapters, norms, biases.

    Args:
        network: the module to train.
        recipe: the optimiser, its peak rate and its weight decay.
        stacked: the weights by name where several such networks train as one (N, ...); the network's own otherwise.

    Returns:
        Torch's own optimiser, fused where it has that, or ours for what torch lacks; each group of weights keeps its
        peak rate under "peak".

    Example:
        >>> make_optimizer(nn.Linear(2, 1), Recipe(optimizer=chosen.SGD())).defaults["nesterov"]
        True
    """
    weights = dict(network.named_parameters()) if stacked is None else dict(stacked)
    match recipe.optimizer:
        case chosen.Muon(momentum=momentum):
            hidden = _hidden(network)
            matrices = [weight for name, weight in weights.items() if name in hidden]
            others = [weight for name, weight in weights.items() if name not in hidden]
            made: Optimizer = Muon(matrices, others, recipe, momentum, stacked is not None)
        case _:
            decaying = _multiplying(network)
            groups: list[Group] = [
                {
                    "params": [weight for name, weight in weights.items() if (name in decaying) == decayed],
                    "weight_decay": recipe.weight_decay if decayed else 0.0,
                    "peak": recipe.learning_rate,
                }
                for decayed in (True, False)
            ]
            made = _torchs([group for group in groups if group["params"]], recipe)
    return paced(made, network, weights, recipe)


def _torchs(groups: list[Group], recipe: Recipe) -> Optimizer:
    """An optimiser that treats all weights alike, but for the decay."""
    lr = recipe.learning_rate
    match recipe.optimizer:
        case chosen.AdamW(beta1=beta1, beta2=beta2, epsilon=eps):
            return DirectAdamW(groups, lr=lr, betas=(beta1, beta2), eps=eps, fused=True)
        case chosen.Adam(beta1=beta1, beta2=beta2, epsilon=eps):
            return torch.optim.Adam(groups, lr=lr, betas=(beta1, beta2), eps=eps, fused=True)
        case chosen.SGD(momentum=momentum, nesterov=nesterov):
            # Torch's fused steps are not made for divided weights.
            fused = not is_divided(groups[0]["params"][0])
            return torch.optim.SGD(groups, lr=lr, momentum=momentum, nesterov=nesterov, fused=fused)
        case chosen.RMSprop(decay=decay, momentum=momentum, epsilon=eps):
            return torch.optim.RMSprop(groups, lr=lr, alpha=decay, momentum=momentum, eps=eps, foreach=True)
        case chosen.Adagrad(epsilon=eps):
            return torch.optim.Adagrad(groups, lr=lr, eps=eps, foreach=True)
        case chosen.ScheduleFree(beta1=beta1, beta2=beta2, epsilon=eps):
            return ScheduleFreeAdamW(groups, lr, beta1, beta2, eps)
        case other:
            raise TypeError(f"nothing takes the steps of {type(other).__name__}")


def _multiplying(network: nn.Module) -> set[str]:
    """Names of the weights that multiply what comes in."""
    kinds = nn.Linear | nn.Conv2d | MemberHead
    return {f"{name}.weight".lstrip(".") for name, part in network.named_modules() if isinstance(part, kinds)}


def _hidden(network: nn.Module) -> set[str]:
    """Names of the matrices and kernels between the embedders and the head."""
    kinds = nn.Linear | nn.Conv2d
    return {f"{name}.weight".lstrip(".") for name, part in network.named_modules() if isinstance(part, kinds)}
