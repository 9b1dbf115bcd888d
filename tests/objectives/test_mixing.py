import pytest
import torch
from torch import nn

from vouch.nets.network import Network
from vouch.objectives import Mixing, Supervised, mixing
from vouch.objectives.mixing import cut_pictures
from vouch.tasks import Classification, Regression

QUANTITY = Regression(0.0, 1.0, -1.0, 1.0)
CLASSES = Classification(("a", "b"))


class Mean(nn.Module):
    """Pictures (B, C, H, W) to the mean of their pixels (B, 1)."""

    features = 1

    def forward(self, x):
        return x.float().mean((1, 2, 3)).unsqueeze(1)


class Squares(nn.Module):
    """Numbers (B, 2) to their squares."""

    features = 2

    def forward(self, x):
        return x.square()


class Trunk(nn.Module):
    """The vectors themselves, as one member's."""

    members, out_features = 1, 3

    def forward(self, x):
        return x.unsqueeze(1)


@pytest.fixture
def net():
    torch.manual_seed(0)
    return Network([Mean(), Squares()], Trunk(), outputs=2)


@pytest.fixture
def batch():
    torch.manual_seed(1)
    pictures = torch.randint(0, 256, (8, 1, 6, 6), dtype=torch.uint8)
    return [pictures, torch.randn(8, 2)], torch.tensor([0, 1] * 4)


def drawing(monkeypatch, share):
    """Every share that is drawn is this one."""
    monkeypatch.setattr(mixing, "_Beta", lambda _: lambda _: torch.tensor(share))


@pytest.mark.parametrize(("mixup", "cutmix"), [(1.0, 0.0), (0.0, 1.0)])
@pytest.mark.parametrize("weights", [None, torch.arange(8.0)])
def test_a_row_that_is_mixed_with_nothing_has_the_plain_loss(monkeypatch, net, batch, mixup, cutmix, weights):
    drawing(monkeypatch, 1.0)
    (inputs, wanted), plain = batch, Supervised(CLASSES)
    mixed = Mixing(plain, mixup, cutmix)(net, inputs, wanted, weights)
    assert torch.equal(mixed, plain(net, inputs, wanted, weights))


def test_pictures_are_mixed_as_they_are_and_the_rest_as_vectors(monkeypatch, net, batch):
    drawing(monkeypatch, 0.75)
    (pictures, numbers), _ = batch
    seen = []

    def inner(network, inputs, wanted, weights=None):
        assert weights is None
        seen.append((network(*inputs), wanted))
        return inputs[0].sum() * 0

    torch.manual_seed(5)
    Mixing(inner, mixup=1.0)(net, [pictures, numbers], torch.arange(8))
    (said, first), (again, order) = seen
    blended = 0.75 * pictures.float() + 0.25 * pictures[order].float()
    squares = 0.75 * numbers.square() + 0.25 * numbers[order].square()
    expected = net.answer(torch.cat([blended.mean((1, 2, 3)).unsqueeze(1), squares], dim=1))
    assert first.tolist() == list(range(8))
    assert sorted(order.tolist()) == list(range(8))
    assert torch.equal(said, again)
    assert torch.allclose(said, expected, atol=1e-4)


def test_the_squared_error_of_a_mixed_row_pulls_towards_the_mixed_target(monkeypatch, batch):
    drawing(monkeypatch, 0.75)
    torch.manual_seed(0)
    net = Network([Mean(), Squares()], Trunk(), outputs=1)
    wanted, seen = torch.randn(8), []

    def inner(network, inputs, target, weights=None):
        seen.append((inputs[0], target))
        return Supervised(QUANTITY)(network, inputs, target, weights)

    (found,) = torch.autograd.grad(Mixing(inner, mixup=1.0)(net, batch[0], wanted), net.head.bias, retain_graph=True)
    (said, first), (_, second) = seen
    loss = Supervised(QUANTITY)(nn.Identity(), [said], 0.75 * first + 0.25 * second)
    (expected,) = torch.autograd.grad(loss, net.head.bias)
    assert torch.allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.9, 1.0])
def test_the_share_that_is_kept_is_the_share_of_pixels_that_are_kept(share):
    zeros = torch.zeros(2, 3, 20, 30, dtype=torch.uint8)
    pictures = torch.stack([zeros[0], zeros[0] + 1])
    for seed in range(20):
        torch.manual_seed(seed)
        (seen,), kept = cut_pictures([pictures], torch.tensor([1, 0]), share)
        assert seen.dtype == torch.uint8
        assert float((seen[0] == 0).float().mean()) == pytest.approx(kept)
        assert kept >= share - 0.05


def test_a_patch_leaves_the_pictures_that_were_given_untouched():
    pictures = torch.arange(2, dtype=torch.uint8).view(2, 1, 1, 1).repeat(1, 1, 4, 4)
    cut_pictures([pictures], torch.tensor([1, 0]), 0.0)
    assert (pictures[0] == 0).all()


def test_without_pictures_cutmix_mixes_vectors():
    inputs, kept = cut_pictures([torch.ones(2, 3)], torch.tensor([1, 0]), 0.4)
    assert kept == 0.4
    assert torch.equal(inputs[0], torch.ones(2, 3))


def test_a_rows_weight_goes_with_its_target(monkeypatch, net, batch):
    drawing(monkeypatch, 0.6)
    inputs, wanted = batch
    only = torch.zeros(8)
    only[3] = 2.0

    def inner(network, inputs, target, weights=None):
        del network, inputs
        assert weights is not None
        return (target * weights).sum() / weights.sum()

    loss = Mixing(inner, mixup=1.0)(net, inputs, wanted.float(), only)
    assert loss.item() == pytest.approx(wanted[3].item())


def test_draws_follow_from_the_seed_and_both_ways_of_mixing_are_drawn(monkeypatch, net, batch):
    objective, cuts = Mixing(Supervised(CLASSES), mixup=0.4, cutmix=1.0), []
    real = mixing.cut_pictures
    monkeypatch.setattr(mixing, "cut_pictures", lambda *given: cuts.append(1) or real(*given))

    def losses(seed):
        torch.manual_seed(seed)
        return [objective(net, *batch).item() for _ in range(30)]

    assert losses(0) == losses(0) != losses(1)
    assert 20 < len(cuts) < 70


def test_every_weight_gets_a_gradient(net, batch):
    torch.manual_seed(0)
    Mixing(Supervised(CLASSES), mixup=1.0)(net, *batch).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_a_module_that_has_no_vectors_is_refused():
    with pytest.raises(TypeError, match="vectors"):
        Mixing(Supervised(QUANTITY), mixup=1.0)(nn.Linear(1, 1), [torch.zeros(1, 1)], torch.zeros(1))
