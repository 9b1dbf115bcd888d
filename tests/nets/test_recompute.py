"""Computed a second time on the way back: the same gradients and running statistics, and fewer values kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from vouch.nets.cnn import CNN
from vouch.nets.resnet import ResNet
from vouch.nets.transformer import SequenceEncoder


def pictures() -> Tensor:
    return torch.randn(6, 3, 28, 28, generator=torch.Generator().manual_seed(0))


def pieces() -> Tensor:
    found = torch.randint(1, 40, (6, 9), generator=torch.Generator().manual_seed(0))
    return found * (torch.arange(9) < torch.tensor([9, 7, 5, 3, 1, 9])[:, None])


NETS: dict[str, tuple[Callable[[], nn.Module], Callable[[], Tensor]]] = {
    "resnet": (lambda: ResNet(3, (28, 28), width=16), pictures),
    "cnn": (lambda: CNN(3, (28, 28), width=16), pictures),
    "transformer": (lambda: SequenceEncoder(40, 9, features=16, depth=3, dropout=0.2), pieces),
    "convolutions": (lambda: SequenceEncoder(40, 9, features=16, depth=3, dropout=0.2, kernel=5), pieces),
}


def one_step(name: str, again: bool) -> tuple[Tensor, list[Tensor], dict[str, Tensor], int]:
    """Output, gradients, buffers, and numbers that were kept, of one step in training."""
    make, inputs = NETS[name]
    torch.manual_seed(0)
    net: Any = make()
    net.recompute = again
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    torch.manual_seed(1)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = net(inputs())
        size = sum(kept.values())
    output.square().sum().backward()
    return output, [weight.grad for weight in net.parameters()], dict(net.named_buffers()), size


@pytest.mark.parametrize("name", NETS)
def test_gradients_and_running_statistics_are_the_same_and_less_is_kept(name: str) -> None:
    plain, again = one_step(name, False), one_step(name, True)
    assert torch.equal(plain[0], again[0])
    assert all(torch.allclose(a, b, rtol=1e-5, atol=1e-7) for a, b in zip(plain[1], again[1], strict=True))
    assert all(torch.equal(plain[2][key], again[2][key]) for key in plain[2])
    assert again[3] < 0.6 * plain[3]


@pytest.mark.parametrize("name", NETS)
def test_in_evaluation_nothing_changes(name: str) -> None:
    make, inputs = NETS[name]
    torch.manual_seed(0)
    net: Any = make().eval()
    before = net(inputs())
    net.recompute = True
    assert torch.equal(before, net(inputs()))
