"""Muon: Nesterov momentum whose step for a weight matrix is made orthogonal, so that no direction is left behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

_QUINTIC = (3.4445, -4.7750, 2.0315)
_STEPS = 5
_VECTOR_SHARE = 0.13
_BETAS = (0.9, 0.99)


class Muon(Optimizer):
    """Muon for convolution kernels; Adam, at a smaller rate, for everything else (norms, biases, heads, embeddings).

    Args:
        network: its four-dimensional parameters are stepped by Muon.
        rate: peak rate of Adam; kernels take 7.7 times that, which is the singular value that the change of every
            kernel gets in one step.
        momentum: share of the running gradient that is kept.
        weight_decay: decoupled, on the kernels.

    Source:
        Jordan et al., Muon: an optimizer for hidden layers in neural networks (2024); Adam: Kingma and Ba (2015).

    Example:
        >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4, 2))
        >>> [len(group["params"]) for group in Muon(net, rate=0.004).param_groups]
        [1, 3]
    """

    def __init__(
        self, network: nn.Module, rate: float = 4e-3, momentum: float = 0.9, weight_decay: float = 0.0
    ) -> None:
        kernels = [p for p in network.parameters() if p.ndim == 4]
        others = [p for p in network.parameters() if p.ndim != 4]
        lr = rate / _VECTOR_SHARE
        groups = [
            {"params": kernels, "kernels": True, "lr": lr, "peak": lr, "weight_decay": weight_decay},
            {"params": others, "kernels": False, "lr": rate, "peak": rate, "weight_decay": 0.0},
        ]
        super().__init__([group for group in groups if group["params"]], {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step for every parameter that has a gradient."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    (self._kernel if group["kernels"] else self._vector)(weight, weight.grad, group)
        return loss

    def _kernel(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            state["running"] = torch.zeros_like(weight)
        running = state["running"].mul_(group["momentum"]).add_(gradient)
        step = (gradient + group["momentum"] * running).reshape(len(weight), -1)
        scale = max(1.0, step.shape[0] / step.shape[1]) ** 0.5
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
    """A matrix with the same singular vectors and all singular values near 1, by a Newton-Schulz iteration."""
    a, b, c = _QUINTIC
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    wide = wide / wide.norm().clamp_min(1e-7)
    for _ in range(_STEPS):
        square = wide @ wide.T
        wide = a * wide + (b * square + c * square @ square) @ wide
    return wide.T if matrix.shape[0] > matrix.shape[1] else wide
