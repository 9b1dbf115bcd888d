import math

import pytest
import torch
from torch import nn

from vouch.objectives import Focal, Supervised
from vouch.tasks import Classification

TASK = Classification(("a", "b"))


def logits(*probabilities):
    """Outputs (B, 1, 2) that give these probabilities to the first class."""
    return torch.tensor([[[math.log(p), math.log(1 - p)]] for p in probabilities], requires_grad=True)


def test_gamma_zero_is_the_plain_loss():
    output, wanted = logits(0.1, 0.6, 0.99), torch.tensor([0, 1, 0])
    plain = Supervised(TASK)(nn.Identity(), [output], wanted)
    assert torch.equal(Focal(TASK, 0.0)(nn.Identity(), [output], wanted), plain)


@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
def test_a_row_costs_what_the_paper_says(gamma):
    loss = Focal(TASK, gamma)(nn.Identity(), [logits(0.3, 0.9)], torch.tensor([0, 0]))
    expected = -(0.7**gamma * math.log(0.3) + 0.1**gamma * math.log(0.9)) / 2
    assert loss.item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_a_row_that_is_exactly_right_has_no_gradient(gamma):
    output = torch.tensor([[[200.0, 0.0]]], requires_grad=True)
    (gradient,) = torch.autograd.grad(Focal(TASK, gamma)(nn.Identity(), [output], torch.tensor([0])), output)
    assert (gradient == 0).all()


def test_rows_that_are_still_wrong_have_a_greater_share_of_the_gradient():
    output, wanted = logits(0.2, 0.9), torch.tensor([0, 0])

    def share(objective):
        (gradient,) = torch.autograd.grad(objective(nn.Identity(), [output], wanted), output)
        pull = gradient.abs().sum((1, 2))
        return float(pull[0] / pull.sum())

    assert share(Focal(TASK, 2.0)) > share(Supervised(TASK)) > 0.5
