"""Straight to the kernel is the same as by torch's own way, bit for bit."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from vouch.training.direct import DirectAdamW

Gradients = Callable[[int, list[nn.Parameter]], list[Tensor | None]]


def all_of_them(step: int, weights: list[nn.Parameter]) -> list[Tensor | None]:
    generator = torch.Generator().manual_seed(step)
    return [torch.randn(weight.shape, generator=generator) for weight in weights]


def now_and_then(step: int, weights: list[nn.Parameter]) -> list[Tensor | None]:
    """The second weight has no gradient in every third step."""
    found = all_of_them(step, weights)
    return [None if i == 1 and step % 3 == 1 else gradient for i, gradient in enumerate(found)]


def optimizer_of(kind: type[torch.optim.AdamW]) -> torch.optim.AdamW:
    torch.manual_seed(0)
    weights = [nn.Parameter(torch.randn(*shape)) for shape in ((4, 3), (4,), (2, 4))]
    groups = [{"params": weights[::2], "weight_decay": 0.1}, {"params": weights[1:2], "weight_decay": 0.0}]
    return kind(groups, lr=0.01, betas=(0.8, 0.95), eps=1e-6, fused=True)


def take(optimizer: torch.optim.AdamW, gradients: Gradients, steps: range) -> list[Tensor]:
    """The weights after these steps, at a rate that falls."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    for step in steps:
        for weight, gradient in zip(weights, gradients(step, weights), strict=True):
            weight.grad = gradient
        for group in optimizer.param_groups:
            group["lr"] = 0.01 / (1 + step)
        optimizer.step()
        optimizer.zero_grad()
        assert all(weight.grad is None for weight in weights)
    return [weight.detach().clone() for weight in weights]


@pytest.mark.parametrize("gradients", [all_of_them, now_and_then])
def test_every_step_gives_the_bits_of_torchs_own(gradients):
    ours, torchs = (take(optimizer_of(kind), gradients, range(9)) for kind in (DirectAdamW, torch.optim.AdamW))
    assert all(torch.equal(a, b) for a, b in zip(ours, torchs, strict=True))


def test_moments_that_are_loaded_in_mid_course_are_those_it_goes_on_with():
    whole = take(optimizer_of(DirectAdamW), all_of_them, range(6))
    first, second = optimizer_of(DirectAdamW), optimizer_of(DirectAdamW)
    reached = take(first, all_of_them, range(3))
    take(second, all_of_them, range(20, 22))  # it has moments of its own by then
    for group in second.param_groups:
        for weight in group["params"]:
            weight.data.copy_(reached.pop(0))
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert all(torch.equal(a, b) for a, b in zip(take(second, all_of_them, range(3, 6)), whole, strict=True))


def test_scaled_gradients_are_left_to_torch():
    stepped = []
    for kind in (DirectAdamW, torch.optim.AdamW):
        optimizer = optimizer_of(kind)
        take(optimizer, all_of_them, range(3))
        optimizer.grad_scale, optimizer.found_inf = torch.tensor(4.0), torch.tensor(0.0)  # type: ignore[attr-defined]
        stepped.append(take(optimizer, all_of_them, range(3, 5)))
    assert all(torch.equal(a, b) for a, b in zip(*stepped, strict=True))


def test_gradients_can_be_set_to_zero_instead_of_let_go():
    optimizer = optimizer_of(DirectAdamW)
    weight = optimizer.param_groups[0]["params"][0]
    weight.grad = torch.ones_like(weight)
    optimizer.zero_grad(set_to_none=False)
    assert not weight.grad.any()


def test_a_closure_is_called_for_its_loss():
    assert optimizer_of(DirectAdamW).step(lambda: 0.5) == 0.5
