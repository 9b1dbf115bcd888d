"""The state of a training run: all that training changes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

Weights = dict[str, Tensor]


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
        step: steps that are done of the epoch under way.
        total: loss of these steps, summed over their rows.
        counted: rows of these steps, or their weights.
        scale: what losses are multiplied by where gradients are in float16; none elsewhere.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    average: Weights
    best: Weights
    best_score: float = math.inf
    history: list[Epoch] = field(default_factory=list)
    step: int = 0
    total: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.float64))
    counted: Tensor | float = 0.0
    scale: torch.amp.GradScaler | None = None

    def pack(self) -> tuple[Weights, dict[str, Any]]:
        """The state as tensors by name, and as facts for JSON."""
        tensors = {"total": self.total, "counted": torch.as_tensor(self.counted, dtype=torch.float64)}
        for part, weights in (("network", self.network.state_dict()), ("average", self.average), ("best", self.best)):
            tensors |= {f"{part}/{name}": value for name, value in weights.items()}
        tensors |= moments_of(self.optimizer)
        facts = {"best_score": self.best_score, "history": as_facts(self.history), "step": self.step}
        return tensors, facts if self.scale is None else {**facts, "scale": self.scale.state_dict()}

    def unpack(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Take over what another state of the same shape has packed.

        Raises:
            ValueError: a tensor has another shape.
            KeyError: a tensor or a fact is missing.
        """
        self.network.load_state_dict(parts_of(tensors, "network"))
        self.average = like(self.average, parts_of(tensors, "average"))
        self.best = like(self.best, parts_of(tensors, "best"))
        set_moments(self.optimizer, parts_of(tensors, "optimizer"))
        self.total, self.counted = tensors["total"].to(self.total), float(tensors["counted"])
        self.best_score, self.step = float(facts["best_score"]), int(facts["step"])
        self.history = from_facts(facts["history"])
        if self.scale is not None:
            self.scale.load_state_dict(facts["scale"])


def copy_of(weights: Mapping[str, Tensor]) -> Weights:
    """The same weights in memory of their own."""
    return {name: value.detach().clone() for name, value in weights.items()}


def as_facts(history: Sequence[Epoch]) -> list[list[float]]:
    """Epochs for JSON."""
    return [[one.epoch, one.loss, one.score, one.seconds] for one in history]


def from_facts(history: Sequence[Sequence[float]]) -> list[Epoch]:
    """Epochs out of JSON."""
    return [Epoch(int(epoch), float(loss), float(score), float(s)) for epoch, loss, score, s in history]


def parts_of(tensors: Mapping[str, Tensor], part: str) -> Weights:
    """The tensors whose names begin with a part and a slash, by what follows."""
    return {name.removeprefix(f"{part}/"): value for name, value in tensors.items() if name.startswith(f"{part}/")}


def like(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> Weights:
    """The found tensors, on the devices and in the memory layout of the expected ones.

    Raises:
        ValueError: one has another shape.
        KeyError: one is missing.
    """
    for name, value in expected.items():
        if found[name].shape != value.shape:
            raise ValueError(f"'{name}' has shape {tuple(found[name].shape)}, not {tuple(value.shape)}")
    return {name: torch.empty_like(value).copy_(found[name]) for name, value in expected.items()}


def moments_of(optimizer: torch.optim.Optimizer) -> Weights:
    """The optimiser's tensors under flat names: number of the parameter, then name of the moment."""
    kept = optimizer.state_dict()["state"]
    found = {f"optimizer/{i}.{name}": value for i, slots in kept.items() for name, value in slots.items()}
    return {name: value for name, value in found.items() if isinstance(value, Tensor)}


def set_moments(optimizer: torch.optim.Optimizer, flat: Mapping[str, Tensor]) -> None:
    """Put tensors under flat names back into an optimiser over the same parameters."""
    places = [(weight, group.get("fused")) for group in optimizer.param_groups for weight in group["params"]]
    slots: dict[int, dict[str, Tensor]] = {}
    for key, value in flat.items():
        number, name = key.split(".", 1)
        weight, fused = places[int(number)]
        # Moments take the memory layout of their weight, on which the last bits of a step depend.
        like_weight = value.shape == weight.shape
        moment = torch.empty_like(weight, dtype=value.dtype).copy_(value) if like_weight else value
        moment = moment.to(weight.device) if fused else moment
        slots.setdefault(int(number), {})[name] = moment
    # Not by load_state_dict, which would cut every number to the precision of the weight.
    optimizer.state.clear()
    optimizer.state.update({places[number][0]: moments for number, moments in slots.items()})
