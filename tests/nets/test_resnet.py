"""The residual net fits any picture size, is reproducible, and works under torch.func."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.func import functional_call, grad, stack_module_state, vmap

from vouch.nets.resnet import ResNet, layout

SIZES = [(8, 8), (28, 28), (32, 32), (64, 64), (96, 80), (5, 9), (1, 1)]


def pictures(rows: int, channels: int, size: tuple[int, int]) -> Tensor:
    return torch.randn(rows, channels, *size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", SIZES)
def test_the_vector_is_the_mean_of_the_map_at_every_size(size: tuple[int, int]) -> None:
    net = ResNet(3, size, width=16).eval()
    x = pictures(2, 3, size)
    assert net.map(x).shape[:2] == (2, net.features)
    torch.testing.assert_close(net(x), net.map(x).mean((2, 3)))


@pytest.mark.parametrize("side", [8, 16, 28, 32, 48, 64])
def test_the_last_map_has_three_to_five_positions_a_side(side: int) -> None:
    assert 3 <= ResNet(1, (side, side), width=16).map(pictures(2, 1, (side, side))).shape[2] <= 5


def test_larger_pictures_never_get_fewer_stages() -> None:
    stages = [layout(side)[1] for side in (8, 28, 64, 128)]
    assert stages == sorted(stages)


def test_the_same_seed_gives_the_same_bits() -> None:
    def outputs() -> Tensor:
        torch.manual_seed(5)
        return ResNet(1, (28, 28), width=16)(pictures(4, 1, (28, 28)))

    assert torch.equal(outputs(), outputs())


@pytest.mark.parametrize("training", [True, False])
def test_an_ensemble_with_batch_norm_runs_under_vmap_over_parameters_and_buffers(training: bool) -> None:
    nets = [ResNet(1, (28, 28), width=16).train(training) for _ in range(3)]
    x = pictures(4, 1, (28, 28))
    parameters, buffers = stack_module_state(nets)  # type: ignore[arg-type]
    skeleton = ResNet(1, (28, 28), width=16).train(training)

    def member(parameters: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
        return functional_call(skeleton, (parameters, buffers), (x,))

    together = vmap(member)(parameters, buffers)
    torch.testing.assert_close(together, torch.stack([net(x) for net in nets]), rtol=1e-3, atol=1e-4)
    written = buffers["stem.norm.running_mean"][0]
    torch.testing.assert_close(written, nets[0].stem.norm.running_mean)


def test_gradients_of_single_rows_with_group_norm_sum_to_the_gradient_of_the_batch() -> None:
    net = ResNet(1, (8, 8), width=16, norm="group")
    x = pictures(5, 1, (8, 8))
    parameters = {name: value.detach() for name, value in net.named_parameters()}
    assert not list(net.buffers())

    def loss(parameters: dict[str, Tensor], batch: Tensor) -> Tensor:
        return functional_call(net, parameters, (batch,)).square().sum()

    rows = vmap(grad(loss), in_dims=(None, 0))(parameters, x[:, None])
    whole = grad(loss)(parameters, x)
    for name, gradient in whole.items():
        torch.testing.assert_close(rows[name].sum(0), gradient, rtol=1e-3, atol=1e-4)


def test_the_skip_lets_the_input_through() -> None:
    net = ResNet(1, (8, 8), width=16)
    torch.nn.init.zeros_(net.stages[0].second.norm.weight)  # type: ignore[union-attr]
    before = net.stem(pictures(2, 1, (8, 8)))
    torch.testing.assert_close(net.stages[0](before), before)
