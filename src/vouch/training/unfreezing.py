"""Learn new parts first and known ones later: a linear probe, then layer after layer, deeper ones at smaller rates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from vouch.contracts.recipe import Recipe

_ROUNDING = 1e-9


def paced(
    optimizer: torch.optim.Optimizer, network: nn.Module, weights: Mapping[str, Tensor], recipe: Recipe
) -> torch.optim.Optimizer:
    """The same optimiser with its groups of weights split by depth, each with its own rate and its own beginning.

    The head, and whatever else starts from random weights, has depth 0 and learns from the first step at the full rate.
    A layer of depth d has the rate times ``layer_decay ** d``, and begins once a share of the epochs is over:
    ``probe`` for depth 1, later for deeper ones, ``probe + unfreezing`` for the deepest. With the keys at their
    defaults nothing is changed.

    Args:
        optimizer: whose groups hold their peak rate under "peak".
        network: that it trains.
        weights: those in the groups, by their names in the network.
        recipe: says ``probe``, ``unfreezing`` and ``layer_decay``.

    Source:
        Howard and Ruder, Universal language model fine-tuning (2018), for gradual unfreezing and rates by layer;
        Kumar et al., Fine-tuning can distort pretrained features (2022), for the probe that comes first.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
        >>> adam = torch.optim.AdamW([{"params": list(net.parameters()), "peak": 0.1}])
        >>> paced(adam, net, dict(net.named_parameters()), Recipe()).param_groups[0]["peak"]
        0.1
    """
    if not is_paced(recipe):
        return optimizer
    own = {id(weight): depth for depth, layer in enumerate(layers(network)) for weight in layer}
    depths = {id(weights[name]): own[id(weight)] for name, weight in network.named_parameters()}
    deepest = max(depths.values(), default=0)
    groups = []
    for group in optimizer.param_groups:
        for depth in sorted({depths[id(weight)] for weight in group["params"]}):
            members = [weight for weight in group["params"] if depths[id(weight)] == depth]
            peak = group["peak"] * recipe.layer_decay**depth
            groups.append({**group, "params": members, "peak": peak, "opens": _opens(depth, deepest, recipe)})
    optimizer.param_groups[:] = groups
    return optimizer


def is_paced(recipe: Recipe) -> bool:
    """Whether a recipe lets some layers learn later, or at smaller rates, than others.

    Example:
        >>> is_paced(Recipe()), is_paced(Recipe(layer_decay=0.5))
        (False, True)
    """
    return bool(recipe.probe or recipe.unfreezing) or recipe.layer_decay != 1


def thaw(optimizer: torch.optim.Optimizer, done: float) -> None:
    """Let those layers learn whose time has come, and no others.

    Args:
        optimizer: as :func:`paced` has made it.
        done: share of the epochs that are over.
    """
    for group in optimizer.param_groups:
        if "opens" in group:
            for weight in group["params"]:
                weight.requires_grad_(done >= group["opens"] - _ROUNDING)


def layers(network: nn.Module) -> list[list[nn.Parameter]]:
    """The weights of a network by depth, from what is new (depth 0, the head) down to what sees the inputs.

    Parts with the attribute ``fresh`` are as new as the head. Of several embedders the layers next to the head have
    the same depth.

    Args:
        network: with a head, a trunk and embedders; any other module is one layer of depth 0.
    """
    parts = _parts(network)
    if parts is None:
        return [list(network.parameters())]
    new, trunk, embedders = parts
    known = [[list(layer) for layer in reversed(list(_stages(one)))] for one in embedders]
    above = [trunk] if trunk else []
    deepest = max((len(stages) for stages in known), default=0)
    below = [[w for stages in known if d < len(stages) for w in stages[d]] for d in range(deepest)]
    return [new, *above, *below]


def _opens(depth: int, deepest: int, recipe: Recipe) -> float:
    if not depth:
        return 0.0
    return recipe.probe + recipe.unfreezing * (depth - 1) / max(deepest - 1, 1)


def _parts(
    network: nn.Module,
) -> tuple[list[nn.Parameter], list[nn.Parameter], Sequence[nn.Module]] | None:
    """What is new, the trunk as far as it is known, and the known embedders; none where a module has no such parts."""
    head, trunk, embedders = (getattr(network, name, None) for name in ("head", "trunk", "embedders"))
    if not isinstance(head, nn.Module) or not isinstance(trunk, nn.Module) or not isinstance(embedders, nn.ModuleList):
        return None
    fresh = [one for one in (trunk, *embedders) if getattr(one, "fresh", False)]
    new = [weight for part in (head, *fresh) for weight in part.parameters()]
    known = [one for one in embedders if not getattr(one, "fresh", False)]
    return new, [] if trunk in fresh else list(trunk.parameters()), known


def _stages(module: nn.Module) -> Iterator[list[nn.Parameter]]:
    """The weights of a module in the order in which its input meets them; what stands in a list is a stage each."""
    own = list(module.parameters(recurse=False))
    children = [child for child in module.children() if any(True for _ in child.parameters())]
    if own:
        yield own
    for child in children:
        inner = [one for one in child.children() if isinstance(one, nn.ModuleList)]
        if isinstance(child, nn.ModuleList):
            yield from (list(one.parameters()) for one in child)
        elif inner or (len(children) == 1 and not own):
            yield from _stages(child)
        else:
            yield list(child.parameters())
