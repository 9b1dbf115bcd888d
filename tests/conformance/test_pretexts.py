"""Every objective that needs no labels learns without looking at any; one without an example fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from vouch.nets.bag import TextCNN
from vouch.nets.mlp import MLP
from vouch.nets.network import Flat, Network, Pretext, Straight
from vouch.nets.pretext import Guesser, Projector
from vouch.objectives import HiddenPieces, ReplacedColumns, Together, Views
from vouch.objectives.hidden import Pieces
from vouch.objectives.replaced import Section

PRETEXTS = (HiddenPieces, ReplacedColumns, Together, Views)
Example = tuple[Callable[[], Any], Callable[[], Pretext], Callable[[], list[Tensor]]]


def table() -> Pretext:
    """A network over three numbers that guesses which were exchanged, and can compare views."""
    numbers = Flat(nn.Unflatten(1, (3, 1)), columns=3, features=1)
    return Pretext(Network([numbers], MLP(3, width=16, depth=2, dropout=0.0), outputs=3), {0: Projector(3)})


def words() -> Pretext:
    net = TextCNN(vocabulary=20, features=8)
    return Pretext(Network([net], Straight([16], members=1, dropout=0.0), outputs=1), {0: Guesser(16, 20)})


def related() -> list[Tensor]:
    """Rows of three numbers that nearly follow from each other."""
    first = torch.randn(64, 1, generator=torch.Generator().manual_seed(0))
    noise = 0.1 * torch.randn(64, 3, generator=torch.Generator().manual_seed(1))
    return [torch.cat([first, -first, first], 1) + noise]


def paired() -> list[Tensor]:
    """Texts of pieces that come in pairs: 2 with 3, 4 with 5, and so on."""
    first = 2 * torch.randint(1, 9, (64, 3), generator=torch.Generator().manual_seed(0))
    return [torch.stack([first, first + 1], 2).flatten(1).int()]


def shaken(x: Tensor, generator: torch.Generator) -> Tensor:
    return x + 0.05 * torch.randn(x.shape, generator=generator)


def columns() -> ReplacedColumns:
    return ReplacedColumns([Section(1, i) for i in range(3)], share=0.3)


EXAMPLES: dict[type, Example] = {
    Views: (lambda: Views({0: shaken}), table, related),
    HiddenPieces: (lambda: HiddenPieces({0: Pieces(0, 1)}, share=0.3), words, paired),
    ReplacedColumns: (columns, table, related),
    Together: (lambda: Together((columns(), Views({0: shaken}))), table, related),
}


@pytest.mark.parametrize("objective", PRETEXTS, ids=lambda one: one.__name__)
def test_every_pretext_has_an_example(objective: type) -> None:
    assert EXAMPLES.get(objective), f"{objective.__name__} needs an example in tests/conformance/test_pretexts.py."


def loss_of(objective: Any, net: Pretext, inputs: list[Tensor], seed: int, wanted: Tensor | None = None) -> Tensor:
    torch.manual_seed(seed)
    return objective(net, inputs, torch.zeros(len(inputs[0])) if wanted is None else wanted)


@pytest.mark.parametrize("name", PRETEXTS, ids=lambda one: one.__name__)
def test_the_loss_is_a_finite_scalar_that_follows_from_the_seed_alone(name: type) -> None:
    make, build, rows = EXAMPLES[name]
    torch.manual_seed(0)
    net, inputs = build(), rows()
    net.eval()
    first = loss_of(make(), net, inputs, 5)
    assert first.ndim == 0
    assert first.isfinite()
    assert torch.equal(first, loss_of(make(), net, inputs, 5))
    assert not torch.equal(first, loss_of(make(), net, inputs, 6))


@pytest.mark.parametrize("name", PRETEXTS, ids=lambda one: one.__name__)
def test_labels_are_not_looked_at(name: type) -> None:
    make, build, rows = EXAMPLES[name]
    torch.manual_seed(0)
    net, inputs = build(), rows()
    net.eval()
    labels = torch.arange(len(inputs[0])).float()
    assert torch.equal(loss_of(make(), net, inputs, 5), loss_of(make(), net, inputs, 5, labels))


@pytest.mark.parametrize("name", PRETEXTS, ids=lambda one: one.__name__)
def test_a_hundred_steps_lower_the_loss(name: type) -> None:
    make, build, rows = EXAMPLES[name]
    torch.manual_seed(0)
    objective, net, inputs = make(), build(), rows()
    before = held(objective, net, inputs)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    net.train()
    for step in range(100):
        loss = loss_of(objective, net, inputs, step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert held(objective, net, inputs) < 0.9 * before


def held(objective: Any, net: Pretext, inputs: list[Tensor]) -> float:
    """The mean loss over draws that training does not see."""
    net.eval()
    with torch.no_grad():
        return float(torch.stack([loss_of(objective, net, inputs, 1000 + k) for k in range(10)]).mean())


@pytest.mark.parametrize("name", PRETEXTS, ids=lambda one: one.__name__)
def test_a_plain_module_is_refused(name: type) -> None:
    make, _, rows = EXAMPLES[name]
    with pytest.raises(TypeError, match="Pretext"):
        make()(nn.Identity(), rows(), torch.zeros(64))
