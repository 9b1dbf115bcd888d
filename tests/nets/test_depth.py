"""Skipped blocks and shared layers: how often, with what mean, and under torch.func."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from vouch.errors import UsageError
from vouch.nets import MLP, ParameterSharingEnsemble, ResNet, SequenceEncoder
from vouch.nets.depth import StochasticDepth, share_layers, skip_blocks
from vouch.nets.drawing import Source, drawing_from
from vouch.testing import check_net

CHANCE = 0.4


def pictures(rows: int = 5) -> Tensor:
    return torch.randn(rows, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def pieces(rows: int = 5) -> Tensor:
    return torch.randint(1, 40, (rows, 7), generator=torch.Generator().manual_seed(0), dtype=torch.int32)


def table(rows: int = 5) -> Tensor:
    return torch.randn(rows, 6, generator=torch.Generator().manual_seed(0))


def residual(**_: object) -> ResNet:
    return ResNet(1, (28, 28), width=16)


def sequences(depth: int = 4) -> SequenceEncoder:
    return SequenceEncoder(vocabulary=40, tokens=7, features=16, depth=depth, dropout=0.0)


NETS: list[tuple[Callable[[], nn.Module], Callable[[int], Tensor]]] = [(residual, pictures), (sequences, pieces)]


def skipping(make: Callable[[], nn.Module], chance: float = CHANCE) -> nn.Module:
    net = make()
    skip_blocks(net, chance)
    return net


def sharing(make: Callable[[], nn.Module]) -> nn.Module:
    net = make()
    share_layers(net)
    return net


@pytest.mark.parametrize(("make", "inputs"), NETS)
def test_blocks_are_skipped_as_often_as_their_depth_says(
    make: Callable[[], nn.Module], inputs: Callable[[int], Tensor]
) -> None:
    net, rows = skipping(make).train(), 60
    skipped: dict[nn.Module, int] = {}

    def count(skip: nn.Module, told: tuple[Tensor, Tensor], out: Tensor) -> None:
        skipped[skip] = skipped.get(skip, 0) + int((out == told[0]).flatten(1).all(1).sum())

    skips: list[StochasticDepth] = list(net.skips)  # type: ignore[arg-type]
    for skip in skips:
        skip.register_forward_hook(count)
    torch.manual_seed(0)
    with torch.no_grad():
        for _ in range(20):
            net(inputs(rows))
    for depth, skip in enumerate(skips, start=1):
        expected, total = CHANCE * depth / len(skips), 20 * rows
        assert skip.chance == pytest.approx(expected)
        assert abs(skipped[skip] / total - expected) < 5 * math.sqrt(expected * (1 - expected) / total)


def test_what_a_block_changes_keeps_its_mean() -> None:
    skip = StochasticDepth()
    skip.chance = CHANCE
    torch.manual_seed(0)
    before, after = torch.randn(1, 3).expand(20_000, 3), torch.randn(1, 3).expand(20_000, 3)
    out = skip(before, after)
    spread = (after - before)[0].abs() * math.sqrt(CHANCE / (1 - CHANCE) / len(out))
    assert ((out.mean(0) - after[0]).abs() < 5 * spread).all()
    assert torch.equal(skip.eval()(before, after), after)


@pytest.mark.parametrize(("make", "inputs"), NETS)
def test_a_chance_of_nothing_draws_nothing_and_changes_no_bit(
    make: Callable[[], nn.Module], inputs: Callable[[int], Tensor]
) -> None:
    torch.manual_seed(0)
    plain = make().train()
    torch.manual_seed(0)
    off = skipping(make, 0.0).train()
    results = []
    for net in (plain, off):
        torch.manual_seed(1)
        results.append((net(inputs(5)), torch.rand(1)))
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize(("make", "inputs"), NETS)
def test_a_net_that_skips_keeps_the_contract(make: Callable[[], nn.Module], inputs: Callable[[int], Tensor]) -> None:
    check_net(lambda: skipping(make), [inputs(12)])


@pytest.mark.parametrize(
    ("make", "inputs"),
    [
        (lambda: MLP(6, width=8, depth=4, dropout=0.2), table),
        (lambda: ParameterSharingEnsemble(6, members=4, width=8, depth=4, dropout=0.2), table),
        (sequences, pieces),
    ],
)
def test_a_net_that_shares_layers_keeps_the_contract_and_its_depth(
    make: Callable[[], nn.Module], inputs: Callable[[int], Tensor]
) -> None:
    check_net(lambda: sharing(make), [inputs(5)])
    passed: list[nn.Module] = []
    net, plain = sharing(make), make()
    for one in (net, plain):
        for layer in one.modules():
            if isinstance(layer, nn.Linear):
                layer.register_forward_hook(lambda layer, *_: passed.append(layer))
    net(inputs(5))
    first = list(passed)
    passed.clear()
    plain(inputs(5))
    assert len(first) == len(passed)
    assert len(set(first)) < len(set(passed)) == len(passed)
    assert sum(p.numel() for p in net.parameters()) < sum(p.numel() for p in plain.parameters())


def test_a_shared_layer_is_the_first_of_them_and_learns_from_every_pass() -> None:
    torch.manual_seed(0)
    plain = MLP(6, width=8, depth=4, dropout=0.0)
    torch.manual_seed(0)
    shared = sharing(lambda: MLP(6, width=8, depth=4, dropout=0.0))
    middle = [plain.layers[i] for i in (3, 6, 9)]
    for layer in middle[1:]:
        layer.load_state_dict(middle[0].state_dict())
    torch.testing.assert_close(plain(table()), shared(table()))
    plain(table()).square().sum().backward()
    shared(table()).square().sum().backward()
    gradient = sum(layer.weight.grad for layer in middle)  # type: ignore[misc, union-attr]
    torch.testing.assert_close(dict(shared.named_parameters())["layers.3.layer.0.weight"].grad, gradient)


@pytest.mark.parametrize(("make", "inputs"), NETS)
def test_nets_that_train_as_one_skip_what_each_would_skip_alone(
    make: Callable[[], nn.Module], inputs: Callable[[int], Tensor]
) -> None:
    torch.manual_seed(0)
    nets = [skipping(make).train() for _ in range(2)]
    weights, buffers = stack_module_state(nets)
    skeleton, x = skipping(make).train(), inputs(30)

    def one(parameters: dict[str, Tensor], state: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(skeleton, (parameters, state), (x,))

    source = Source(tuple(torch.Generator().manual_seed(seed) for seed in (3, 4)), rows=(30, 30))
    with drawing_from(source):
        together = vmap(one)(weights, buffers, torch.stack([x, x]))
    for seed, net, found in zip((3, 4), nets, together, strict=True):
        torch.manual_seed(seed)
        torch.testing.assert_close(net(x), found, rtol=1e-3, atol=1e-4)


def test_a_network_without_blocks_cannot_skip_any() -> None:
    with pytest.raises(UsageError, match="needs residual blocks"):
        skip_blocks(MLP(6, width=8, depth=4, dropout=0.0), 0.2)
    skip_blocks(MLP(6, width=8, depth=4, dropout=0.0), 0.0)


@pytest.mark.parametrize("make", [lambda: MLP(6, width=8, depth=2, dropout=0.0), residual, lambda: sequences(1)])
def test_a_network_without_equal_layers_cannot_share_any(make: Callable[[], nn.Module]) -> None:
    with pytest.raises(UsageError, match="needs equal layers"):
        share_layers(make())
