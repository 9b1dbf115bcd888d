"""A training run divided over a team: its loss, and its checkpoints."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from vouch.contracts.roles import Objective
from vouch.errors import UsageError
from vouch.nets.drawing import Source, drawing_from
from vouch.training.checkpoint import Checkpoints
from vouch.training.loop import Job
from vouch.training.sharding import divided_like, is_sharded, whole
from vouch.training.state import State, Weights
from vouch.training.team import Team

_FLOATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
_TYPES = {str(kind): kind for kind in (*_FLOATS, torch.int64, torch.int32, torch.uint8, torch.bool)}


def divided(job: Job, team: Team) -> Job:
    """The same run as one process's part of what a team does.

    Args:
        job: as one process would do it alone; its score is worked out by the team already.
        team: who does it.

    Raises:
        UsageError: there are fewer rows in a batch than processes.
    """
    fewest = len(job.rows) // job.steps_in_epoch // job.recipe.accumulation
    if fewest < team.size:
        raise UsageError(
            "there are more workers than rows in a batch", expected=f"at most {fewest} workers",
            received=str(team.size), next_step="Raise 'batch_size', lower 'accumulation', or give fewer --workers.",
        )  # fmt: skip
    return replace(
        job, team=team, objective=OwnPart(job.objective, team), checkpoints=SharedCheckpoints(job.checkpoints, team)
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class OwnPart:
    """Another objective on this process's rows of a batch, as its share of the loss of the whole batch.

    The value is the loss of the whole batch, the same in every process; the gradient is what this part adds to it.

    Args:
        inner: the objective.
        team: who the batch is divided among.
    """

    inner: Objective
    team: Team

    def __call__(
        self, network: nn.Module, inputs: Sequence[Tensor], wanted: Tensor, weights: Tensor | None = None
    ) -> Tensor:
        """The mean loss of one batch, where each row counts as much as its weight (B,)."""
        own, rows = self.team.part(len(wanted)), len(wanted)
        mine = None if weights is None else weights[own]
        with drawing_from(Source(part=(own.start, own.stop, rows))):
            loss = self.inner(network, [x[own] for x in inputs], wanted[own], mine)
        if weights is None or mine is None:
            share = loss * ((own.stop - own.start) / rows)
        else:
            share = loss * (mine.sum() / weights.sum().clamp_min(1e-12))
        return share + (self.team.summed(share) - share.detach())


class SharedCheckpoints(Checkpoints):
    """The latest state of a run in one folder, for all processes of a team, however many wrote it.

    Args:
        own: of the first process, where the folder is; those of the others keep nothing.
        team: all of them.
    """

    def __init__(self, own: Checkpoints, team: Team) -> None:
        super().__init__(own.folder, own.every, own.last)
        self.team = team

    def save(self, state: State, last: bool = False) -> None:  # type: ignore[override]
        """Write the state, not too often; divided weights are put together by all when the first says so."""
        if not is_sharded(state.network):
            if self.team.first:
                super().save(state, last)
        elif self.team.told(self.due(last)):
            tensors, facts = state.pack()
            tensors = whole(tensors)
            if self.team.first:
                self.write(tensors, facts)

    def restore(self, state: State) -> None:  # type: ignore[override]
        """Put the kept state, if there is one, into a fresh state of the same shape in every process.

        Raises:
            TrainingError: the checkpoint is damaged, or of another network.
        """
        found = self.read() if self.team.first else None
        if not self.team.told(found is not None):
            return
        tensors, facts = self._sent(found)
        with self.telling():
            state.unpack(divided_like(tensors, state) if is_sharded(state.network) else tensors, facts)

    def _sent(self, found: tuple[Weights, dict[str, Any]] | None) -> tuple[Mapping[str, Tensor], dict[str, Any]]:
        """What the first process has read, in every process."""
        tensors, facts = found or ({}, {})
        shapes = {name: (str(value.dtype), list(value.shape)) for name, value in tensors.items()}
        text = json.dumps([shapes, facts]).encode()
        size = int(self.team.told(len(text)))
        sent = torch.tensor(list(text), dtype=torch.uint8) if found else torch.empty(size, dtype=torch.uint8)
        dist.broadcast(sent, 0)
        shapes, facts = json.loads(bytes(sent.tolist()))
        received = {}
        for name, (kind, shape) in shapes.items():
            value = tensors[name] if found else torch.empty(shape, dtype=_TYPES[kind])
            dist.broadcast(value, 0)
            received[name] = value
        return received, facts
