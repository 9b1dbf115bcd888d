"""The penalty on gaps: the variance between groups, in each batch, and nothing where groups are answered alike."""

import numpy as np
import pytest
import torch
from torch import nn

import vouch
from challenges.fairness.people import QUICK, people
from vouch.contracts.roles import Target
from vouch.errors import UsageError
from vouch.objectives import GapPenalty, Supervised, with_groups
from vouch.tasks import Classification, Multilabel

CLASSES = Classification(("a", "b"))
GROUP = torch.tensor([0, 0, 1, 1, 1, 2])
WANTED = torch.tensor([0, 1, 0, 1, 1, 0])


def penalty(logits, wanted=WANTED, group=GROUP, weights=None, *, within=False, target: Target = CLASSES):
    inner = Supervised(target)
    objective = GapPenalty(inner, target, 1.0, int(group.max()) + 1, within)
    outputs = logits.view(len(logits), 1, -1)
    whole = objective(nn.Identity(), [outputs], with_groups(wanted, group), weights)
    return whole - inner(nn.Identity(), [outputs], wanted, weights)


def between(p, group, weights):
    """Counted row by row: how far the mean of each group is from that of all, squared, over rows and classes."""
    every = np.average(p, axis=0, weights=weights)
    means = {g: np.average(p[group == g], axis=0, weights=weights[group == g]) for g in np.unique(group)}
    return sum(w * ((means[g] - every) ** 2).sum() for g, w in zip(group, weights, strict=True)) / weights.sum()


@pytest.mark.parametrize("weights", [None, torch.tensor([1.0, 2.0, 0.5, 1.0, 3.0, 1.0])])
def test_it_is_the_variance_between_groups(weights):
    logits = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
    counts = np.ones(6) if weights is None else weights.numpy()
    expected = between(logits.softmax(1).numpy(), GROUP.numpy(), counts)
    assert float(penalty(logits, weights=weights)) == pytest.approx(expected, rel=1e-5)


def test_within_classes_it_is_that_of_each_class_by_its_rows():
    logits = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
    p, wanted, group = logits.softmax(1).numpy(), WANTED.numpy(), GROUP.numpy()
    expected = sum(
        between(p[wanted == k], group[wanted == k], np.ones((wanted == k).sum())) * (wanted == k).mean() for k in (0, 1)
    )
    assert float(penalty(logits, within=True)) == pytest.approx(expected, rel=1e-5)


def test_groups_that_are_answered_alike_cost_nothing_and_move_nothing():
    logits = torch.zeros(6, 2, requires_grad=True)
    value = penalty(logits)
    value.backward()
    assert float(value.detach()) == pytest.approx(0, abs=1e-7)
    assert logits.grad is not None
    assert logits.grad.abs().max() < 1e-7


def test_labels_keep_their_columns_and_groups_go_behind_them():
    target, wanted = Multilabel(("x", "y"), "|"), torch.tensor([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    logits = torch.tensor([[2.0, 0.0], [0.0, 0.0], [-2.0, 0.0]])
    assert float(penalty(logits, wanted, torch.tensor([0, 0, 1]), target=target)) > 0


@pytest.mark.parametrize("settings", [{}, {"networks": 2}, {"mixup": 0.2}, {"logit_adjustment": 1.0}])
def test_a_network_that_is_penalised_answers_groups_more_alike(settings):
    new = people(4000, seed=5)
    men = (new["sex"] == "m").to_numpy()
    gaps = []
    for strength in (0.0, 10.0):
        chosen = {**QUICK, "epochs": 12, "fairness_penalty": strength, **settings}
        p = vouch.fit(people(), "y", sensitive=("sex",), settings=chosen).predict_proba(new)[:, 1]
        gaps.append(p[men].mean() - p[~men].mean())
    assert gaps[1] < 0.5 * gaps[0]


def test_without_a_sensitive_column_it_is_refused():
    with pytest.raises(UsageError, match="--sensitive"):
        vouch.fit(people(), "y", settings={**QUICK, "fairness_penalty": 1.0})
