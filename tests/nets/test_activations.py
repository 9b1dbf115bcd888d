"""Every activation in ACTIVATIONS against torch's own function, inside every net that has one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import polars as pl
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vouch.contracts.activations import ACTIVATIONS, GELU, SELU, LeakyReLU, ReLU, Sigmoid, SiLU, Tanh, Usual
from vouch.contracts.recipe import Recipe
from vouch.contracts.schema import Column
from vouch.modalities.image import Image
from vouch.modalities.number import Number
from vouch.modalities.text import Text
from vouch.nets.activations import use_activation
from vouch.nets.build import build_network
from vouch.nets.network import Network

TWINS: dict[Any, Callable[[Tensor, Any], Tensor] | None] = {
    Usual: None,
    ReLU: lambda x, _: F.relu(x),
    LeakyReLU: lambda x, one: F.leaky_relu(x, one.slope),
    Sigmoid: lambda x, _: F.sigmoid(x),
    Tanh: lambda x, _: F.tanh(x),
    GELU: lambda x, _: F.gelu(x),
    SiLU: lambda x, _: F.silu(x),
    SELU: lambda x, _: F.selu(x),
}
MODULES: dict[Any, type[nn.Module]] = {
    ReLU: nn.ReLU, LeakyReLU: nn.LeakyReLU, Sigmoid: nn.Sigmoid, Tanh: nn.Tanh, GELU: nn.GELU, SiLU: nn.SiLU,
    SELU: nn.SELU,
}  # fmt: skip
NETS = ("mlp", "ensemble", "resnet", "cnn", "textcnn", "transformer")
FRAME = pl.DataFrame(
    {
        "size": [float(i) for i in range(30)],
        "says": [f"word{i % 7} and word{i % 5}" for i in range(30)],
        "seen": [bytes((i * k) % 256 for k in range(12 * 12)) for i in range(30)],
    }
)


def built(net: str, **settings: Any) -> tuple[Network, Tensor]:
    """A network with that net, and encoded rows."""
    recipe = Recipe(network=(net,), width=16, image_width=16, text_width=16, vocabulary=300, members=1, **settings)
    if net in ("resnet", "cnn"):
        options: Any = {"height": 12, "width": 12, "channels": 1}
        encoder: Any = Image().fit(FRAME, [Column("seen", "image", "feature", "", options=options)], recipe, None)
    elif net in ("textcnn", "transformer"):
        encoder = Text().fit(FRAME, [Column("says", "text", "feature", "")], recipe, None)
    else:
        encoder = Number().fit(FRAME, [Column("size", "number", "feature", "")], recipe, None)
    recipe = replace(recipe, network=(net, "none") if net not in ("mlp", "ensemble") else (net,))
    return build_network([encoder], 2, recipe), encoder.encode(FRAME)


@pytest.mark.parametrize("kind", ACTIVATIONS, ids=lambda kind: kind.__name__)
def test_every_activation_has_a_twin_and_a_line_on_when_to_use_it(kind: Any) -> None:
    assert kind in TWINS, f"{kind.__name__} is in ACTIVATIONS: give it a twin in this file."
    assert kind.when


@pytest.mark.parametrize("kind", [kind for kind in ACTIVATIONS if kind is not Usual], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("settings", [False, True], ids=["usual", "other settings"])
def test_it_is_the_function_of_that_name(kind: Any, settings: bool) -> None:
    others = {field.name: 0.3 for field in fields(kind) if field.name != "name"} if settings else {}
    one, net = kind(**others), nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    use_activation(net, one)
    x = torch.linspace(-4, 4, 101)
    twin = TWINS[kind]
    assert twin is not None
    assert torch.equal(list(net)[1](x), twin(x, one))


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("kind", ACTIVATIONS, ids=lambda kind: kind.__name__)
def test_a_net_uses_the_one_that_is_chosen(net: str, kind: Any) -> None:
    torch.manual_seed(0)
    plain, rows = built(net)
    chosen, _ = built(net, activation=kind())
    used = kinds_in(chosen)
    if kind is Usual:
        assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), chosen.parameters(), strict=True))
        assert torch.equal(plain.eval()(rows), chosen.eval()(rows))
        return
    assert used == {MODULES[kind]}
    same = torch.equal(plain.eval()(rows), chosen.eval()(rows))
    assert same == (kinds_in(plain) == used)


def kinds_in(net: nn.Module) -> set[type[nn.Module]]:
    """The activations inside a net."""
    return {type(part) for part in net.modules() if isinstance(part, tuple(MODULES.values()))}


def test_with_selu_hidden_layers_start_so_that_variance_is_kept() -> None:
    layers = nn.Sequential(*[part for _ in range(20) for part in (nn.Linear(256, 256), nn.ReLU())])
    torch.manual_seed(0)
    use_activation(layers, SELU())
    out = layers(torch.randn(512, 256)).detach()
    assert float(out.mean()) == pytest.approx(0.0, abs=0.1)
    assert float(out.std()) == pytest.approx(1.0, abs=0.15)
    assert all(not bool(layer.bias.any()) for layer in layers if isinstance(layer, nn.Linear))
    assert float(layers.get_parameter("0.weight").detach().std()) == pytest.approx(1 / math.sqrt(256), rel=0.05)


def test_selu_starts_no_layer_that_another_one_follows() -> None:
    plain, _ = built("transformer")
    chosen, _ = built("transformer", activation=SELU())
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), chosen.parameters(), strict=True))
