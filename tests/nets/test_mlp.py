"""The plain trunk: shapes, determinism, its dropout, and work under torch.func."""

from __future__ import annotations

import pytest
import torch
from torch.func import functional_call, stack_module_state, vmap

from vouch.nets.drawing import Dropout
from vouch.nets.mlp import MLP


def _mlp(seed: int = 0, dropout: float = 0.2) -> MLP:
    torch.manual_seed(seed)
    return MLP(in_features=6, width=16, depth=3, dropout=dropout)


def test_gives_one_member_of_the_stated_width() -> None:
    trunk = _mlp()
    assert trunk(torch.randn(5, 6)).shape == (5, trunk.members, trunk.out_features)


def test_the_same_seed_gives_the_same_bits_in_training() -> None:
    x = torch.randn(5, 6)
    first, second = _mlp(), _mlp()
    torch.manual_seed(1)
    a = first(x)
    torch.manual_seed(1)
    assert torch.equal(a, second(x))


def test_evaluation_drops_nothing() -> None:
    trunk = _mlp().eval()
    x = torch.randn(5, 6)
    assert torch.equal(trunk(x), trunk(x))


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_dropout_drops_its_share_and_keeps_the_mean(share: float) -> None:
    torch.manual_seed(0)
    dropped = Dropout(share)(torch.ones(400, 501))
    assert (dropped == 0).float().mean().item() == pytest.approx(share, abs=0.005)
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.01)


def test_dropout_passes_gradients_only_through_what_was_kept() -> None:
    x = torch.ones(50, 3, requires_grad=True)
    y = Dropout(0.5)(x)
    y.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, y.detach())


def test_stacked_parameters_give_what_the_single_nets_give() -> None:
    nets = [_mlp(seed).eval() for seed in range(3)]
    params, buffers = stack_module_state(nets)  # type: ignore[arg-type]
    x = torch.randn(5, 6)
    together = vmap(lambda p, b: functional_call(nets[0], (p, b), (x,)))(params, buffers)
    assert torch.allclose(together, torch.stack([net(x) for net in nets]), atol=1e-6)


def test_trains_under_vmap_with_different_dropout_for_each_net() -> None:
    nets = [_mlp(0, dropout=0.5) for _ in range(2)]
    params, buffers = stack_module_state(nets)  # type: ignore[arg-type]
    run = vmap(lambda p, b: functional_call(nets[0], (p, b), (torch.ones(5, 6),)), randomness="different")
    first, second = run(params, buffers)
    assert not torch.equal(first, second)
