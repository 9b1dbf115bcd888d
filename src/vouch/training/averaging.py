"""The weights that are scored and kept: the live ones, or an average of those along the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from vouch.contracts.recipe import Recipe
from vouch.training.schedule_free import ScheduleFreeAdamW
from vouch.training.sharding import held
from vouch.training.state import State, Weights, copy_of

Pairs = tuple[list[Tensor], list[Tensor]]


def pairs_of(average: Weights, live: Weights) -> Pairs:
    """Averages and live weights, those of floating point alone; of divided ones the part that this process holds."""
    names = [name for name, value in live.items() if value.is_floating_point()]
    return [held(average[name]) for name in names], [held(live[name]) for name in names]


def follow(pairs: Pairs, decay: float, steps: int) -> None:
    """Move the running average towards the live weights (Polyak and Juditsky, 1992); faster at first."""
    get_ema_multi_avg_fn(min(decay, (1 + steps) / (10 + steps)))(*pairs, steps)


def end_of_epoch(state: State, recipe: Recipe) -> None:
    """With stochastic weight averaging, count the weights of this epoch in (Izmailov et al., 2018).

    Running statistics are averaged like weights.
    """
    number = averaged_epochs(len(state.history), recipe)
    if number:
        averages, live = pairs_of(state.average, state.network.state_dict())
        for average, weight in zip(averages, live, strict=True):
            average.lerp_(weight, 1 / number)


def averaged_epochs(made: int, recipe: Recipe) -> int:
    """How many epochs the even average holds, the one after those that were made included; 0 where it has not begun."""
    first = recipe.epochs - max(1, round(recipe.swa * recipe.epochs)) if recipe.swa else recipe.epochs
    return max(0, made + 1 - first)


@contextmanager
def used(state: State, recipe: Recipe) -> Iterator[None]:
    """Inside, the network holds the weights that are scored and kept."""
    network = state.network
    live = network.state_dict()
    held = _used(state, recipe, live)
    if held is live:
        yield
        return
    kept = copy_of(live)
    network.load_state_dict(held)
    try:
        yield
    finally:
        network.load_state_dict(kept)


def _used(state: State, recipe: Recipe, live: Weights) -> Weights:
    if isinstance(state.optimizer, ScheduleFreeAdamW):
        averaged = state.optimizer.averaged()
        moved = {name: averaged[weight] for name, weight in state.network.named_parameters() if weight in averaged}
        return {**live, **moved}
    if recipe.swa:
        return state.average if averaged_epochs(len(state.history), recipe) else live
    return state.average if recipe.averaging else live
