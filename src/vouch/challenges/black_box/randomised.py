"""Whether an explanation knows the network: it must change when the network's weights are shuffled."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from vouch.challenges.black_box.attributed import Floats, asked, attributed, best, suitable, with_network
from vouch.challenges.judging import judge, not_asked, too_few
from vouch.contracts.case import Case
from vouch.contracts.explaining import Explainer
from vouch.contracts.finding import Check, Estimate, Table, Threshold
from vouch.explainers import ALL
from vouch.explainers.faithfulness import rank_correlation
from vouch.statistics.simultaneous import several_means
from vouch.wording import number

KNOWS = Threshold(
    "likeness_to_random", warn=0.7, fail=0.9,
    why="1 is an explanation that does not look at the weights; ranks of a few columns are alike by half by themselves",
)  # fmt: skip
_FEWEST_PARTS, _FEWEST = 3, 20


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
    ranked = some.parts >= _FEWEST_PARTS
    if not ranked.any() or not asked(case, "valid").questions:
        return not_asked(name, "the network is told too few things for their order to mean anything")
    if ranked.sum() < _FEWEST:
        return too_few(name, int(ranked.sum()), "sealed rows", _FEWEST)
    chosen, fit = best(case, methods), suitable(case, methods)
    network = shuffled(case.bundle.network, int(case.random("shuffle").integers(2**62)))
    likes = np.stack([_likeness(case, method, network) for method in fit], axis=1)
    # Contributions that are all alike have no ranks that could have stayed.
    members = np.broadcast_to(ranked[:, None], likes.shape)
    known = several_means(np.nan_to_num(likes, nan=0.0), members, some.together(case))
    place = fit.index(chosen)
    low, high = known.alone[:, place]
    value = float(known.value[place])
    estimate = Estimate(
        f"{KNOWS.name}[{chosen.name}]",
        value,
        float(low),
        float(high),
        int(ranked.sum()),
        higher_is_better=False,
        method="t",
    )
    threshold = case.threshold(KNOWS, name)
    judged = judge(estimate, threshold)
    headline = (
        f"With shuffled weights the contributions of '{chosen.name}' are ranked like before by {number(value)} on "
        f"{ranked.sum()} sealed rows, where 1 is an explanation that does not look at the network."
    )
    order = np.argsort(known.value, kind="stable")
    cells = tuple(
        (fit[k].name, *(round(float(x[k]), 3) for x in (known.value, known.low, known.high)),
         "blind to the weights" if known.low[k] > threshold.fail else "")
        for k in order
    )  # fmt: skip
    table = Table("Likeness of ranks before and after shuffling", ("method", "likeness", "from", "to", ""), cells)
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


def _likeness(case: Case, method: Explainer, network: nn.Module) -> Floats:
    """How alike the ranks are before and after, of each row (n,)."""
    before = attributed(case, "test", method).found
    after = [method.attribute(with_network(question, network)) for question in asked(case, "test").questions]
    pairs = zip(before, after, strict=True)
    return np.concatenate([rank_correlation(one.values, other.values) for one, other in pairs])
