import pytest
import torch
from torch import nn

from vouch.objectives import L1, Supervised
from vouch.tasks import Regression


def test_the_price_is_the_sum_of_absolute_weights_without_the_biases():
    layer = nn.Linear(2, 1)
    net = nn.Sequential(layer, nn.Unflatten(1, (1, 1)))
    plain = Supervised(Regression(0.0, 1.0, -1.0, 1.0))
    inputs, wanted = [torch.ones(3, 2)], torch.zeros(3)
    price = L1(plain, 0.1)(net, inputs, wanted) - plain(net, inputs, wanted)
    assert price.item() == pytest.approx(0.1 * float(layer.weight.detach().abs().sum()), rel=1e-4)
