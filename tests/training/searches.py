"""Searches whose trainings are made up: a score that follows from the settings, told epoch by epoch, in no time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from torch import nn

from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Progress
from vouch.contracts.search import Setting
from vouch.training import search
from vouch.training.checkpoint import Checkpoints
from vouch.training.loop import Job
from vouch.training.search import Field
from vouch.training.space import Space
from vouch.training.state import Epoch
from vouch.training.studies import Identity, Place

SPACE = Space(
    "mlp",
    (
        Setting("dropout", 0.0, 0.5),
        Setting("weight_decay", 1e-4, 10.0, log=True),
        Setting("mixup", 0.1, 1.0, log=True, off=True),
        Setting("width", choices=(64, 128, 256)),
    ),
    ({"weight_decay": 1.0},),
)
RECIPE = Recipe(network=("mlp",), epochs=12, patience=0)
MEMORY = Place("search")


def identity(fingerprint: str = "a" * 64, space: Space = SPACE, recipe: Recipe = RECIPE) -> Identity:
    """What a made-up search is of."""
    return Identity(fingerprint, space, recipe)


def stored(folder: Path, name: str = "search") -> Place:
    """A search that is kept in a file."""
    return Place(name, f"sqlite:///{folder / 'search.db'}")


@dataclass
class Made:
    """Made-up trainings: the recipes that were trained, and what becomes of one.

    Args:
        score: of a recipe after an epoch.
        recipes: that were trained, in order.
    """

    score: Callable[[Recipe, int], float] = lambda recipe, epoch: recipe.dropout + 1 / epoch
    recipes: list[Recipe] = field(default_factory=list)

    def field(self, space: Space = SPACE) -> Field:
        return Field(RECIPE, space, self.job)

    def job(self, recipe: Recipe, told: Progress) -> Job:
        self.recipes.append(recipe)
        none = torch.zeros(1, dtype=torch.int64)
        return Job(
            nn.Identity(), [none], none, none, lambda *_: none.sum(), lambda batch, _: batch, lambda _: 0.0, recipe,
            Checkpoints(None), told,
        )  # fmt: skip

    def train(self, job: Job) -> list[Epoch]:
        history = []
        for epoch in range(1, job.recipe.epochs + 1):
            job.augment([], torch.Generator())
            score = self.score(job.recipe, epoch)
            history.append(Epoch(epoch, score, score, 0.0))
            job.progress("epoch", epoch=epoch, score=score)
        return history


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    """Trainings that take no time."""
    found = Made()
    monkeypatch.setattr(search, "train", found.train)
    return found
