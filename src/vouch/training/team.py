"""The processes that train one network together; a process alone is a team of one, which costs nothing.

Every process holds all data, goes through the same batches, and takes a contiguous part of each. What its part adds to
the loss and to the gradient is summed over all, so that each takes the step that one process would take. Whatever is
decided by a clock, a score or a file is decided by the first process, and told to the others.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
import torch.distributed as dist
from torch import Tensor, nn

from vouch.contracts.recipe import Recipe
from vouch.errors import TrainingError
from vouch.nets.network import outputs_of
from vouch.nets.shared_norm import share_norms
from vouch.training.feed import outputs_at
from vouch.training.sharding import asked_for, is_divided, shard

_NARROW = {"float16": torch.float16, "bfloat16": torch.bfloat16}


class Relieved(Exception):
    """This process has nothing more to do; it is no error."""


@dataclass(frozen=True, slots=True)
class Team:
    """Who trains together.

    Args:
        rank: number of this process, from 0.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1

    @classmethod
    def here(cls) -> Team:
        """The team that this process is in: torch's default group, or itself alone."""
        if not (dist.is_available() and dist.is_initialized()):
            return ALONE
        return cls(dist.get_rank(), dist.get_world_size())

    @property
    def first(self) -> bool:
        """Whether this process reads and writes files, tells progress and decides."""
        return self.rank == 0

    @property
    def neighbours(self) -> int:
        """How many of its processes share this machine."""
        return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))

    def part(self, rows: int) -> slice:
        """The rows of a batch that this process takes; parts differ by one row at most.

        Example:
            >>> [Team(rank, 3).part(8) for rank in range(3)]
            [slice(0, 2, None), slice(2, 5, None), slice(5, 8, None)]
        """
        return slice(rows * self.rank // self.size, rows * (self.rank + 1) // self.size)

    def told(self, value: float) -> float:
        """What the first process says a number is."""
        if self.size == 1:
            return value
        said = torch.tensor([value], dtype=torch.float64)
        dist.broadcast(said, 0)
        return float(said)

    def most(self, value: float) -> float:
        """The largest of the numbers that the processes have."""
        largest = torch.tensor([value], dtype=torch.float64)
        dist.all_reduce(largest, dist.ReduceOp.MAX)
        return float(largest)

    def alike(self, digest: str) -> bool:
        """Whether every process has the same digest; all get the same answer."""
        if self.size == 1:
            return True
        own = torch.tensor(list(digest.encode()), dtype=torch.uint8)
        first = own.clone()
        dist.broadcast(first, 0)
        same = torch.tensor([float(torch.equal(own, first))])
        dist.all_reduce(same, dist.ReduceOp.MIN)
        return bool(same)

    def begin(self, network: nn.Module, recipe: Recipe, device: torch.device) -> None:
        """Put a network where it is trained, with the first process's weights, its batch norms over all rows.

        Raises:
            UsageError: the weights are to be divided, and something in the recipe needs them whole.
        """
        if self.size == 1:
            return
        share_norms(network)
        divided = bool(self.told(asked_for(recipe, network, device)))
        with torch.no_grad():
            for value in (*network.parameters(), *network.buffers()):
                said = value.contiguous()
                dist.broadcast(said, 0)
                value.copy_(said)
        if divided:
            shard(network, device)
        else:
            network.to(device)

    def add_up(self, weights: Sequence[Tensor], recipe: Recipe) -> None:
        """Sum the gradient of every weight over all processes; those of divided weights are summed already."""
        if self.size == 1 or is_divided(weights[0]):
            return
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        narrow = _NARROW.get(recipe.gradient_sharing)
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        sent = flat if narrow is None else flat.to(narrow)
        dist.all_reduce(sent)
        parts = sent.to(flat.dtype).split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def summed(self, value: Tensor) -> Tensor:
        """A number's sum over all processes."""
        whole = value.detach().clone()
        dist.all_reduce(whole)
        return whole

    def outputs(self, network: nn.Module, inputs: Sequence[Tensor], at: Tensor | None = None) -> Tensor | None:
        """Outputs (B, M, K) of encoded rows, worked out in parts; the first process gets all of them, the others none.

        Args:
            network: left in evaluation mode.
            inputs: encoded inputs, first dimension B.
            at: numbers of the rows that are meant, where these are read from disk in parts; all when not given.
        """
        rows = len(inputs[0]) if at is None else len(at)
        # All take as many rows, a few of them twice, so that all take as many steps.
        longest = -(-rows // self.size)
        start = min(self.part(rows).start, rows - longest)
        part = slice(start, start + longest)
        own = outputs_of(network, [x[part] for x in inputs]) if at is None else outputs_at(network, inputs, at[part])
        own = own.float().cpu()
        parts = [torch.empty_like(own) for _ in range(self.size)] if self.first else None
        dist.gather(own.contiguous(), parts)
        if parts is None:
            return None
        bounds = [replace(self, rank=rank).part(rows) for rank in range(self.size)]
        starts = [min(bound.start, rows - longest) for bound in bounds]
        triples = zip(parts, bounds, starts, strict=True)
        return torch.cat([part[bound.start - at : bound.stop - at] for part, bound, at in triples])

    def scored(
        self, network: nn.Module, inputs: Sequence[Tensor], score: Callable[[Tensor], float], at: Tensor | None = None
    ) -> float:
        """The score of encoded rows; lower is better. All get what the first process has found."""
        outputs = self.outputs(network, inputs, at)
        return self.told(0.0 if outputs is None else score(outputs))

    def relieve(self) -> None:
        """Let all but the first go: what is left to do is done once.

        Raises:
            Relieved: this is not the first.
        """
        if not self.first:
            raise Relieved

    def check_data(self, fingerprint: str) -> None:
        """Refuse to train on different data.

        Raises:
            TrainingError: a process has read other rows than the first one.
        """
        if not self.alike(fingerprint):
            raise TrainingError(
                "the workers have not read the same data", expected="the same files on every machine",
                next_step="Put the data where all machines see it under the same path.",
            )  # fmt: skip


ALONE = Team()
