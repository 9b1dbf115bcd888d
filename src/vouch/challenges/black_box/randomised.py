"""Whether an explanation knows the network: it must change when the network's weights are shuffled."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import nn

from vouch.challenges.black_box.attributed import asked, suitable, with_network
from vouch.challenges.black_box.likeness import FEWEST_PARTS, compared, unranked
from vouch.challenges.judging import judge
from vouch.contracts.case import Case
from vouch.contracts.explaining import Explainer
from vouch.contracts.finding import Check, Threshold
from vouch.explainers import ALL
from vouch.wording import number

KNOWS = Threshold(
    "likeness_to_random", warn=0.7, fail=0.9,
    why="1 is an explanation that does not look at the weights; ranks of a few columns are alike by half by themselves",
)  # fmt: skip


def knows_the_weights(case: Case, methods: Sequence[Explainer] = ALL) -> Check:
    """Does the explanation change when the weights of the network are shuffled?

    An explanation that stays the same tells of the row and not of the network, as an edge detector does (Adebayo and
    others, 2018). The weights of every layer are shuffled within themselves, which keeps their sizes and leaves nothing
    of what was learned; the figure is Spearman's correlation of the sizes of contributions before and after, the mean
    over sealed rows. It is of the method that was best on validation rows; the others stand beside it.

    Promises to find: an explanation that does not look at the weights, on 60 sealed rows of columns or 24 others.
    """
    name = "knows_the_weights"
    some = asked(case, "test")
    ranked = some.parts >= FEWEST_PARTS
    if (nothing := unranked(case, name, ranked)) is not None:
        return nothing
    network = shuffled(case.bundle.network, int(case.random("shuffle").integers(2**62)))
    fit = suitable(case, methods)
    after = [[method.attribute(with_network(question, network)) for question in some.questions] for method in fit]
    likeness = compared(case, fit, after, ranked)
    estimate, threshold = likeness.estimate(KNOWS.name), case.threshold(KNOWS, name)
    judged = judge(estimate, threshold)
    headline = (
        f"With shuffled weights the contributions of '{likeness.chosen.name}' are ranked like before by "
        f"{number(estimate.value)} on {estimate.n} sealed rows, where 1 is an explanation that does not look at the "
        f"network."
    )
    table = likeness.table("Likeness of ranks before and after shuffling", threshold, "blind to the weights")
    return Check(name, judged.verdict, headline, judged.reason, (estimate,), threshold, tables=(table,))


def shuffled(network: nn.Module, seed: int) -> nn.Module:
    """A copy of a network in which the numbers of each weight and bias are in another order.

    Args:
        network: stays as it is.
        seed: fixes the order.

    Source:
        Adebayo and others, Sanity checks for saliency maps (2018), the independent randomisation of layers.

    Example:
        >>> net = nn.Linear(3, 2)
        >>> other = shuffled(net, 0)
        >>> bool((other.weight.sort().values.sum() - net.weight.sum()).abs() < 1e-5)
        True
    """
    other = copy.deepcopy(network)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in other.parameters():
            order = torch.randperm(weight.numel(), generator=generator)
            weight.copy_(weight.flatten()[order].view_as(weight))
    return other
