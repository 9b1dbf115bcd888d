"""Rows without a label: what is sure of them is learned from a changed view, what is not is left alone."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vouch.nets.network import Network, Straight
from vouch.objectives import Consistent, Supervised, views_of
from vouch.objectives.consistent import NOT_LABELLED, SURE
from vouch.tasks import Classification

TASK = Classification(("a", "b", "c"))


def network() -> Network:
    torch.manual_seed(0)
    embedder = nn.Identity()
    embedder.features = 4  # type: ignore[assignment]
    return Network([embedder], Straight([4], members=1, dropout=0.0), outputs=3)


def batch(size: float) -> tuple[Tensor, Tensor]:
    x = size * torch.randn(12, 4, generator=torch.Generator().manual_seed(1))
    return x, torch.tensor([0, 1, 2, 0] + [NOT_LABELLED] * 8)


def doubled(x: Tensor, generator: torch.Generator) -> Tensor:
    del generator
    return 2 * x


def test_with_labels_alone_it_is_the_other_objective_to_the_bit() -> None:
    net, (x, wanted) = network(), batch(1.0)
    objective = Consistent(Supervised(TASK, 0.1), TASK, {0: doubled}, strength=1.0)
    weights = torch.rand(4)
    ours = objective(net, [x[:4]], wanted[:4], weights)
    assert torch.equal(ours, Supervised(TASK, 0.1)(net, [x[:4]], wanted[:4], weights))


def test_sure_rows_are_learned_from_their_views() -> None:
    net, (x, wanted) = network(), batch(6.0)
    objective = Consistent(Supervised(TASK), TASK, {0: doubled}, strength=0.5)
    found = objective(net, [x], wanted)
    with torch.no_grad():
        sure, said = net(x[4:]).squeeze(1).softmax(1).max(1)
    assert 0 < (sure >= SURE).sum() < 8
    own = F.cross_entropy(net(x[:4]).squeeze(1), wanted[:4])
    views = F.cross_entropy(net(2 * x[4:]).squeeze(1), said, reduction="none")[sure >= SURE].sum() / 8
    torch.testing.assert_close(found, own + 0.5 * views)


def test_unsure_rows_teach_nothing() -> None:
    net, (x, wanted) = network(), batch(0.01)
    found = Consistent(Supervised(TASK), TASK, {0: doubled}, strength=9.0)(net, [x], wanted)
    torch.testing.assert_close(found, Supervised(TASK)(net, [x[:4]], wanted[:4]))


def test_what_is_said_of_a_row_is_a_label_and_gets_no_gradient() -> None:
    """With a view that shows nothing, only the labels depend on the rows, so that rows get no gradient."""
    net, (x, wanted) = network(), batch(6.0)
    x.requires_grad_()
    objective = Consistent(Supervised(TASK), TASK, {0: lambda seen, _: torch.zeros_like(seen)}, strength=1.0)
    objective(net, [x], wanted).backward()
    assert x.grad is not None
    assert x.grad[:4].abs().sum() > 0
    assert x.grad[4:].abs().sum() == 0


def test_a_batch_without_a_label_still_has_a_gradient_that_is_a_number() -> None:
    net, (x, wanted) = network(), batch(6.0)
    loss = Consistent(Supervised(TASK), TASK, {0: doubled}, strength=1.0)(net, [x[4:]], wanted[4:])
    loss.backward()
    assert all(torch.isfinite(weight.grad).all() for weight in net.parameters() if weight.grad is not None)


def test_only_blocks_that_can_be_seen_from_many_sides_have_views() -> None:
    assert views_of([]) == {}
