"""Schedule-free AdamW: gradients are taken near the average of the path, so that no rate has to fall."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class ScheduleFreeAdamW(Optimizer):
    """AdamW on a sequence z; the weights y lie between z and the average x of the path, and x is what is used.

    While it trains, the parameters hold y. Each step weighs as much in the average as the square of its rate, so that
    a warm-up counts little.

    Args:
        groups: parameter groups, each with "params" and "weight_decay".
        lr: rate of a step.
        beta1: how near y lies to x.
        beta2: share of the running squared gradient that is kept.
        epsilon: added to the root of the squares.

    Source:
        Defazio et al., The road less scheduled (2024), algorithm 1 with AdamW.

    Example:
        >>> weight = torch.ones(2, requires_grad=True)
        >>> optimizer = ScheduleFreeAdamW([{"params": [weight], "weight_decay": 0.0}], lr=0.1)
        >>> weight.sum().backward()
        >>> optimizer.step()
        >>> bool((weight < 1).all())
        True
    """

    def __init__(
        self, groups: Iterable[dict[str, Any]], lr: float, beta1: float = 0.9, beta2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:  # fmt: skip
        super().__init__(groups, {"lr": lr, "beta1": beta1, "beta2": beta2, "epsilon": epsilon})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step for every parameter that has a gradient."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, weight.grad, group)
        return loss

    def _move(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            counted = torch.zeros((), dtype=torch.float64)
            state.update(steps=torch.zeros(()), counted=counted, square=torch.zeros_like(weight))
            state.update(path=weight.detach().clone(), average=weight.detach().clone())
        beta2 = group["beta2"]
        state["steps"] += 1
        rate = group["lr"] * math.sqrt(1 - beta2 ** float(state["steps"]))
        state["counted"] += rate**2
        state["square"].mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        change = (gradient / state["square"].sqrt().add_(group["epsilon"])).add_(weight, alpha=group["weight_decay"])
        path, average = state["path"].sub_(change, alpha=rate), state["average"]
        average.lerp_(path, rate**2 / float(state["counted"]) if rate else 0.0)
        torch.lerp(path, average, group["beta1"], out=weight)

    def averaged(self) -> dict[Tensor, Tensor]:
        """The average x of the path of every parameter that has moved."""
        return {weight: state["average"] for weight, state in self.state.items() if state}
