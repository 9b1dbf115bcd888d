"""The gradient of a step: summed over parts of the batch, made noisy, clipped."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn

from vouch.contracts.recipe import Recipe

_FADING = 0.55


def add_noise(weights: Sequence[Tensor], deviation: float, steps: int, generator: Generator) -> None:
    """Add Gaussian noise to every gradient, whose variance falls with the steps that were made.

    Args:
        weights: with their gradients.
        deviation: standard deviation in the first step.
        steps: made so far.
        generator: of the noise.

    Source:
        Neelakantan et al., Adding gradient noise improves learning for very deep networks (2015).
    """
    now = deviation * (1 + steps) ** (-_FADING / 2)
    for weight in weights:
        if weight.grad is not None:
            noise = torch.randn(weight.shape, generator=generator, device=weight.device)
            weight.grad.add_(noise.to(weight.grad.dtype), alpha=now)


def clip(weights: Sequence[Tensor], recipe: Recipe) -> None:
    """Shorten the gradient to the recipe's largest norm (Pascanu, Mikolov and Bengio, 2013)."""
    if recipe.clip:
        nn.utils.clip_grad_norm_(weights, recipe.clip)


def clip_each(weights: Sequence[Tensor], largest: float) -> None:
    """The same for N networks side by side: each gradient (N, ...) is shortened by itself.

    Args:
        weights: stacked weights (N, ...) with their gradients.
        largest: norm of one network's gradient over all weights.
    """
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    norms = torch.stack([_norms(gradient) for gradient in gradients]).norm(dim=0)
    shares = (largest / (norms + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(shares.view(-1, *[1] * (gradient.ndim - 1)))


def _norms(gradient: Tensor) -> Tensor:
    """The norm of each network's part (N,)."""
    return torch.linalg.vector_norm(gradient, dim=tuple(range(1, gradient.ndim)))
