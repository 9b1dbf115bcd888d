"""New parts learn first, known layers later and at smaller rates; with the keys at their defaults nothing changes."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from vouch.contracts.optimizers import OPTIMIZERS, Optimizer
from vouch.contracts.recipe import Recipe
from vouch.nets.mlp import MLP
from vouch.nets.network import Network
from vouch.nets.resnet import ResNet
from vouch.objectives import Supervised
from vouch.tasks import Classification
from vouch.training.checkpoint import Checkpoints
from vouch.training.loop import Job, train
from vouch.training.optimise import make_optimizer
from vouch.training.unfreezing import layers, thaw

RECIPE = Recipe(epochs=10, batch_size=16, patience=0, averaging=0.0, learning_rate=1e-2)
TASK = Classification(("a", "b"))


def network() -> Network:
    torch.manual_seed(0)
    return Network([ResNet(1, (16, 16), width=8)], MLP(32, width=8, depth=1, dropout=0.0), outputs=2)


def job(recipe: Recipe, net: Network) -> Job:
    torch.manual_seed(1)
    x = torch.randn(64, 1, 16, 16)
    y = (x.mean((1, 2, 3)) > 0).long()
    return Job(
        net, [x], y, torch.arange(48), Supervised(TASK), lambda batch, _: batch, lambda _: 0.0, recipe,
        Checkpoints(None), lambda *_, **__: None,
    )  # fmt: skip


def trained(recipe: Recipe, epochs: int) -> tuple[Network, dict[str, Tensor]]:
    """A network after so many epochs of the recipe's ten, and its weights of before."""
    net = network()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    scores = iter(range(1000, 0, -1))
    stop = replace(job(recipe, net), evaluate=lambda _: float(next(scores)), progress=Stop(epochs))
    with suppress(StopIteration):
        train(stop)
    return net, before


class Stop:
    """Ends a run after so many epochs."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def __call__(self, event: str, /, **facts: object) -> None:
        if event == "epoch" and facts["epoch"] == self.epochs:
            raise StopIteration


def moved(net: Network, before: dict[str, Tensor]) -> set[str]:
    """The parts whose weights have changed."""
    changed = {n for n, w in net.named_parameters() if not torch.equal(w, before[n])}
    parts = [name.split(".") for name in changed]
    return {".".join(part[2:4]) if part[0] == "embedders" else part[0] for part in parts}


def test_layers_go_from_the_head_down_to_the_stem() -> None:
    net = network()
    found = layers(net)
    embedder = net.embedders[0]
    assert isinstance(embedder, ResNet)
    assert [id(w) for w in found[0]] == [id(w) for w in net.head.parameters()]
    assert {id(w) for w in found[1]} == {id(w) for w in net.trunk.parameters()}
    assert {id(w) for w in found[-1]} == {id(w) for w in embedder.stem.parameters()}
    assert sum(len(layer) for layer in found) == len(list(net.parameters()))


def test_fresh_parts_are_as_new_as_the_head() -> None:
    net = network()
    net.trunk.fresh = True  # type: ignore[assignment]
    assert len(layers(net)) == len(layers(network())) - 1
    assert {id(w) for w in net.trunk.parameters()} <= {id(w) for w in layers(net)[0]}


@pytest.mark.parametrize("optimizer", [one() for one in OPTIMIZERS], ids=lambda one: one.name)
def test_the_defaults_leave_the_optimiser_as_it_is(optimizer: Optimizer) -> None:
    groups = make_optimizer(network(), Recipe(optimizer=optimizer)).param_groups
    assert not any("opens" in group for group in groups)


@pytest.mark.parametrize("optimizer", [one() for one in OPTIMIZERS], ids=lambda one: one.name)
def test_deeper_layers_have_smaller_rates(optimizer: Optimizer) -> None:
    net = network()
    plain = {
        id(w): g["peak"] for g in make_optimizer(net, replace(RECIPE, optimizer=optimizer)).param_groups
        for w in g["params"]
    }  # fmt: skip
    groups = make_optimizer(net, replace(RECIPE, optimizer=optimizer, layer_decay=0.5)).param_groups
    rates = {id(w): g["peak"] / plain[id(w)] for g in groups for w in g["params"]}
    assert len(rates) == len(plain)
    for depth, layer in enumerate(layers(net)):
        assert {rates[id(w)] for w in layer} == {0.5**depth}


def test_in_the_probe_only_the_head_learns() -> None:
    assert moved(*trained(replace(RECIPE, probe=0.5), 5)) == {"head"}


def test_layers_begin_to_learn_one_after_the_other() -> None:
    recipe = replace(RECIPE, probe=0.2, unfreezing=0.4)
    assert moved(*trained(recipe, 3)) == {"head", "trunk"}
    after_five = moved(*trained(recipe, 5))
    assert {"head", "trunk", "stages.1"} <= after_five
    assert "stem.convolution" not in after_five
    assert moved(*trained(recipe, 7)) >= {"head", "trunk", "stages.0", "stages.1", "stem.convolution"}


def test_thawing_opens_what_is_due_and_nothing_else() -> None:
    net = network()
    optimizer = make_optimizer(net, replace(RECIPE, probe=0.3))
    thaw(optimizer, 0.29)
    assert {w.requires_grad for w in net.head.parameters()} == {True}
    assert {w.requires_grad for w in net.embedders.parameters()} == {False}
    thaw(optimizer, 0.3)
    assert all(w.requires_grad for w in net.parameters())


def test_any_other_module_is_one_layer() -> None:
    net = nn.Linear(2, 1)
    assert layers(net) == [list(net.parameters())]
    assert len(make_optimizer(net, replace(RECIPE, layer_decay=0.5)).param_groups) == 2
