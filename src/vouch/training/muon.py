"""Muon: Nesterov momentum whose step for a weight matrix is made orthogonal, so that no direction is left behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from vouch.contracts.recipe import Recipe

_QUINTIC = (3.4445, -4.7750, 2.0315)
_STEPS = 5
_VECTOR_SHARE = 0.13
_BETAS = (0.9, 0.99)


class Muon(Optimizer):
    """Muon for hidden matrices and kernels; Adam, at a smaller rate, for the rest (norms, biases, heads, tables).

    Args:
        matrices: weights of linear layers (O, I) and of convolutions (O, I, H, W), which Muon steps.
        others: weights that Adam steps.
        recipe: its peak rate is that of Adam; matrices take 7.7 times that, which is the singular value that the change
            of every matrix gets in one step; its weight decay, decoupled, is that of the matrices.
        momentum: share of the running gradient that is kept.
        stacked: whether every weight holds that of N networks (N, ...).

    Source:
        Jordan et al., Muon: an optimizer for hidden layers in neural networks (2024); Adam: Kingma and Ba (2015).

    Example:
        >>> from torch import nn
        >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4, 2))
        >>> kernel, *others = net.parameters()
        >>> [len(group["params"]) for group in Muon([kernel], others, Recipe(), momentum=0.9).param_groups]
        [1, 3]
    """

    def __init__(
        self, matrices: Sequence[Tensor], others: Sequence[Tensor], recipe: Recipe, momentum: float,
        stacked: bool = False,
    ) -> None:  # fmt: skip
        rate, lr = recipe.learning_rate, recipe.learning_rate / _VECTOR_SHARE
        decay = recipe.weight_decay
        groups: list[dict[str, Any]] = [
            {"params": list(matrices), "matrices": True, "lr": lr, "peak": lr, "weight_decay": decay},
            {"params": list(others), "matrices": False, "lr": rate, "peak": rate, "weight_decay": 0.0},
        ]
        defaults = {"lr": lr, "momentum": momentum, "stacked": stacked}
        super().__init__([group for group in groups if group["params"]], defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step for every parameter that has a gradient."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    (self._matrix if group["matrices"] else self._vector)(weight, weight.grad, group)
        return loss

    def _matrix(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            state["running"] = torch.zeros_like(weight)
        running = state["running"].mul_(group["momentum"]).add_(gradient)
        # One row for each output; what a kernel spans is one long row.
        step = (gradient + group["momentum"] * running).flatten(2 if group["stacked"] else 1)
        scale = max(1.0, step.shape[-2] / step.shape[-1]) ** 0.5
        weight.mul_(1 - group["lr"] * group["weight_decay"])
        weight.add_(orthogonal(step).reshape(weight.shape), alpha=-group["lr"] * scale)

    def _vector(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            state.update(steps=torch.zeros(()), mean=torch.zeros_like(weight), square=torch.zeros_like(weight))
        first, second = _BETAS
        state["steps"] += 1
        state["mean"].lerp_(gradient, 1 - first)
        state["square"].lerp_(gradient.square(), 1 - second)
        steps = float(state["steps"])
        spread = (state["square"] / (1 - second**steps)).sqrt_().add_(1e-8)
        weight.addcdiv_(state["mean"], spread, value=-group["lr"] / (1 - first**steps))


def orthogonal(matrix: Tensor) -> Tensor:
    """Matrices (..., O, I) with the same singular vectors and all singular values near 1, by Newton and Schulz."""
    a, b, c = _QUINTIC
    tall = matrix.shape[-2] > matrix.shape[-1]
    wide = matrix.mT if tall else matrix
    wide = wide / torch.linalg.matrix_norm(wide, keepdim=True).clamp_min(1e-7)
    for _ in range(_STEPS):
        square = wide @ wide.mT
        wide = a * wide + (b * square + c * square @ square) @ wide
    return wide.mT if tall else wide
