import math

import pytest
import torch
from torch import nn

from vouch.objectives import LogitAdjustment, Supervised
from vouch.objectives.logit_adjustment import log_shares
from vouch.tasks import Classification

TASK = Classification(("common", "rare"))
# Of 270 common rows 81 show the sign, of 30 rare ones 24 do.
SIGN = torch.cat([torch.ones(81), torch.zeros(189), torch.ones(24), torch.zeros(6)]).long()
WANTED = torch.cat([torch.zeros(270), torch.ones(30)]).long()


class Table(nn.Module):
    """One pair of logits for rows without the sign, and one for rows with it."""

    def __init__(self):
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(2, 1, 2))

    def forward(self, sign):
        return self.logits[sign]


def learned(objective):
    """The probability of the rare class without and with the sign, once the loss is at its minimum."""
    net = Table()
    optimizer = torch.optim.LBFGS(net.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = objective(net, [SIGN], WANTED)
        loss.backward()
        return loss.item()

    optimizer.step(closure)
    return net.logits.detach().softmax(-1)[:, 0, 1].tolist()


def test_the_plain_loss_learns_the_shares_of_the_training_rows():
    assert learned(Supervised(TASK)) == pytest.approx([6 / 195, 24 / 105], abs=1e-3)


def test_with_tau_one_the_answer_is_the_likelier_class_were_both_equally_common():
    adjusted = LogitAdjustment(Supervised(TASK), log_shares(WANTED, 2))
    assert learned(adjusted) == pytest.approx([0.2 / (0.2 + 0.7), 0.8 / (0.8 + 0.3)], abs=1e-3)


def test_shares_are_those_of_the_weights():
    found = log_shares(torch.tensor([0, 1, 2]), 3, torch.tensor([1.0, 2.0, 1.0]))
    assert found.exp().tolist() == pytest.approx([0.25, 0.5, 0.25])


def test_a_class_without_a_row_has_half_a_row():
    assert log_shares(torch.tensor([0, 0, 0, 0]), 2).tolist() == pytest.approx([0.0, math.log(0.5 / 4)])


def test_labels_are_shifted_by_their_log_odds_which_stay_finite():
    found = log_shares(torch.tensor([[1.0, 1.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]]), 2)
    assert found.tolist() == pytest.approx([math.log(1 / 3), math.log(7)])
