"""The state of a training run: all that training changes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one pass over the training rows came to.

    Args:
        epoch: its number, from 1.
        loss: mean training loss, as it was when each batch was seen.
        score: the validation score, by which training chooses; lower is better.
        seconds: wall time.
    """

    epoch: int
    loss: float
    score: float
    seconds: float


@dataclass(slots=True)
class State:
    """All that training changes, and all that a checkpoint holds.

    Args:
        network: the live weights.
        optimizer: its moments.
        average: running average of the weights; the live ones when averaging is off.
        best: the weights with the best validation score so far.
        best_score: that score.
        history: the epochs that are done.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    average: dict[str, Tensor]
    best: dict[str, Tensor]
    best_score: float = math.inf
    history: list[Epoch] = field(default_factory=list)
