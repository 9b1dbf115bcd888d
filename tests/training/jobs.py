"""Small training runs for tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from vouch.contracts.recipe import Recipe
from vouch.nets.mlp import MLP
from vouch.nets.network import Network
from vouch.objectives import make_objective
from vouch.tasks import Regression
from vouch.training.checkpoint import Checkpoints
from vouch.training.loop import Job

TASK = Regression(0.0, 1.0, -3.0, 3.0)
RECIPE = Recipe(
    epochs=4, batch_size=16, patience=0, learning_rate=1e-2, precision="float32", averaging=0.0, dropout=0.0, clip=0.0,
    weight_decay=0.0,
)  # fmt: skip


class Numbers(nn.Module):
    """Numbers as they are (B, D)."""

    def __init__(self, features: int = 3) -> None:
        super().__init__()
        self.features = features

    def forward(self, x: Tensor) -> Tensor:
        return x


def network(recipe: Recipe = RECIPE, width: int = 8) -> Network:
    """A small network whose weights follow from the recipe's seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        return Network([Numbers()], MLP(3, width, 2, recipe.dropout), 1)


def job(
    recipe: Recipe = RECIPE,
    folder: Path | None = None,
    net: Callable[[], nn.Module] | None = None,
    rows: Tensor | None = None,
    progress: Callable[..., None] = lambda *_, **__: None,
) -> Job:
    """A run on 100 rows of which the first 80 are for training; what it learns follows from the seed of its recipe."""
    drawing = torch.Generator().manual_seed(0)
    x = torch.randn(100, 3, generator=drawing)
    y = x @ torch.tensor([1.0, -2.0, 0.5])

    def evaluate(network: nn.Module) -> float:
        network.eval()
        with torch.no_grad():
            return float(TASK.loss(network(x[80:]), y[80:], 0.0).mean())

    rows = torch.arange(80) if rows is None else rows
    return Job(
        network(recipe) if net is None else net(), [x], y, rows, make_objective(TASK, recipe, y[rows]),
        lambda batch, _: batch, evaluate, recipe, Checkpoints(folder, every=0.0), progress,
    )  # fmt: skip


def weights(one: Job) -> Tensor:
    """All weights of a job's network in one vector."""
    return torch.cat([weight.detach().flatten() for weight in one.network.parameters()])


def unjudged(one: Job) -> Job:
    """The same run, which keeps the weights of its last epoch."""
    falling = iter(range(10**6, 0, -1))
    return replace(one, evaluate=lambda _: float(next(falling)))
