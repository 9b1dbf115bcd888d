import pytest
import torch
from torch import nn

from vouch.objectives import L2, Supervised
from vouch.tasks import Regression


def test_its_gradient_is_that_of_torchs_own_coupled_weight_decay():
    def net():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(2, 1), nn.Unflatten(1, (1, 1)))

    ours, theirs = net(), net()
    plain = Supervised(Regression(0.0, 1.0, -1.0, 1.0))
    inputs, wanted = [torch.randn(5, 2)], torch.randn(5)
    matrices = [p for p in theirs.parameters() if p.ndim > 1]
    steps = [
        torch.optim.SGD(ours.parameters(), lr=0.1),
        torch.optim.SGD(
            [{"params": matrices, "weight_decay": 0.3}, {"params": [p for p in theirs.parameters() if p.ndim == 1]}],
            lr=0.1,
        ),
    ]
    for _ in range(3):
        L2(plain, 0.3)(ours, inputs, wanted).backward()
        plain(theirs, inputs, wanted).backward()
        for step in steps:
            step.step()
            step.zero_grad()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert a.detach().numpy() == pytest.approx(b.detach().numpy(), rel=1e-5)


def test_the_price_is_half_the_sum_of_squares_without_the_biases():
    layer = nn.Linear(3, 2)
    price = L2(lambda *_: torch.zeros(()), 0.1)(layer, [], torch.zeros(0))
    assert price.item() == pytest.approx(0.05 * float(layer.weight.detach().square().sum()))
