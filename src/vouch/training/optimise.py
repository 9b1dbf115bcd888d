"""Optimisers and the rates they follow."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from vouch.contracts.recipe import Recipe
from vouch.nets.network import MemberHead
from vouch.training.muon import Muon

_FINAL = 0.01


def make_optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimiser over all weights; only matrices that multiply decay, not tables, adapters, norms, biases.

    Args:
        network: the module to train.
        recipe: names the optimiser, its peak rate and its weight decay.

    Returns:
        AdamW (Loshchilov and Hutter, 2019), SGD with Nesterov momentum (Sutskever et al., 2013), or Muon for
        convolution kernels with Adam for the rest; each group of weights keeps its peak rate under "peak".

    Example:
        >>> make_optimizer(nn.Linear(2, 1), Recipe(optimizer="sgd")).defaults["nesterov"]
        True
    """
    decays = {id(m.weight) for m in network.modules() if isinstance(m, nn.Linear | nn.Conv2d | MemberHead)}
    decayed = [p for p in network.parameters() if id(p) in decays]
    plain = [p for p in network.parameters() if id(p) not in decays]
    groups: list[dict[str, Any]] = [
        {"params": decayed, "weight_decay": recipe.weight_decay, "peak": recipe.learning_rate},
        {"params": plain, "weight_decay": 0.0, "peak": recipe.learning_rate},
    ]
    groups = [group for group in groups if group["params"]]
    if recipe.optimizer == "muon":
        return Muon(network, recipe.learning_rate, weight_decay=recipe.weight_decay)
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=0.9, nesterov=True, fused=True)
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)


def rate_at(done: float, recipe: Recipe) -> float:
    """Share of the peak rate after a share of all steps.

    Args:
        done: steps taken over all steps, from 0 to 1.
        recipe: names the schedule and the share of steps that warm up.

    Returns:
        A factor between 0 and 1. "flat_cosine" keeps the peak for half of the steps and then falls as a cosine;
        "one_cycle" rises and falls in straight lines (Smith, 2018).

    Example:
        >>> [round(rate_at(done, Recipe(schedule="cosine")), 2) for done in (0.0, 0.5, 1.0)]
        [1.0, 0.5, 0.01]
    """
    if done < recipe.warmup:
        return max(done, 1e-3) / recipe.warmup
    left = (1 - done) / (1 - recipe.warmup) if recipe.warmup < 1 else 0.0
    shape = {
        "constant": 1.0,
        "cosine": _cosine(left),
        "flat_cosine": 1.0 if left > 0.5 else _cosine(2 * left),
        "one_cycle": max(left, _FINAL),
    }
    return shape[recipe.schedule]


def _cosine(left: float) -> float:
    return _FINAL + (1 - _FINAL) * (1 - math.cos(math.pi * left)) / 2
