"""Groups that count by their loss: from the plain mean to the worst group."""

import pytest
import torch
from torch import nn

from vouch.contracts.recipe import Recipe
from vouch.errors import UsageError
from vouch.objectives import GroupDRO, Supervised, check_objective, with_groups
from vouch.tasks import Classification
from vouch.training.settings import override

CLASSES = Classification(("a", "b"))
GROUP, WANTED = torch.tensor([0, 0, 0, 1, 3]), torch.tensor([0, 1, 0, 1, 1])
LOGITS = torch.randn(5, 1, 2, generator=torch.Generator().manual_seed(1))


def loss(strength, weights=None):
    objective = GroupDRO(CLASSES, strength, groups=4)
    return float(objective(nn.Identity(), [LOGITS], with_groups(WANTED, GROUP), weights))


@pytest.mark.parametrize("weights", [None, torch.tensor([1.0, 2.0, 0.5, 1.0, 3.0])])
def test_without_steepness_it_is_the_plain_mean(weights):
    plain = float(Supervised(CLASSES)(nn.Identity(), [LOGITS], WANTED, weights))
    assert loss(1e-6, weights) == pytest.approx(plain, rel=1e-4)


def test_with_much_of_it_the_worst_group_alone_counts():
    rows = CLASSES.loss(LOGITS, WANTED)
    worst = max(float(rows[g == GROUP].mean()) for g in (0, 1, 3))
    assert loss(1e3) == pytest.approx(worst, rel=1e-4)


def test_weights_are_shares_times_exponentials():
    rows = CLASSES.loss(LOGITS, WANTED)
    means = torch.stack([rows[g == GROUP].mean() for g in (0, 1, 3)])
    shares = torch.tensor([3.0, 1.0, 1.0]) * (2.0 * means).exp()
    assert loss(2.0) == pytest.approx(float(shares @ means / shares.sum()), rel=1e-5)


@pytest.mark.parametrize("other", ["focal", "fairness_penalty"])
def test_two_keys_that_weigh_the_same_loss_are_refused(other):
    with pytest.raises(UsageError, match="do not go together"):
        check_objective(CLASSES, override(Recipe(), {"group_dro": 1.0, other: 1.0}))
