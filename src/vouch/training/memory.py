"""How much memory a run needs, estimated before it starts and measured while it goes on."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from vouch.contracts.recipe import Recipe
from vouch.errors import OutOfMemoryError
from vouch.nets.network import outputs_of
from vouch.training.feed import on_disk, taken
from vouch.training.loop import Job, own_draws
from vouch.training.optimise import make_optimizer
from vouch.training.precision import casting
from vouch.training.together import can_batch
from vouch.wording import size

# Rows of the two small batches by which it is found what each further row keeps.
_FEW, _MORE = 4, 12
_SCORED_AT_ONCE = 1024
# For each byte in use that comes and goes in a step, what an allocator holds: between blocks on a processor, and for
# kernels to write down what is theirs on an accelerator.
_SCATTERED, _SCRATCH = 1.6, 1.1

Line = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Memory:
    """What a run needs when it is at its fullest, in bytes.

    Args:
        resident: encoded inputs, targets and weights, which are there before the first step.
        kept: averages, the best weights and the optimiser's moments.
        step: gradients, and what a batch keeps between its way through the network and back.
        scoring: what scoring the validation rows keeps.
    """

    resident: int
    kept: int
    step: int
    scoring: int

    @property
    def more(self) -> int:
        """What is still to be allocated."""
        return self.kept + max(self.step, self.scoring)

    @property
    def total(self) -> int:
        """All of it."""
        return self.resident + self.more


def memory_of(jobs: Sequence[Job], scored: int) -> Memory:
    """Estimate what runs need, by passing a few rows through a network and back.

    What is alive after every operation is written down for 4 rows and for 12; a straight line through both tells it
    for the whole batch. Networks, moments and random states are left as they are.

    Args:
        jobs: as planned; those that train as one need the memory of all.
        scored: validation rows.

    Returns:
        The estimate, in bytes of the device that they are on.

    Example:
        >>> Memory(resident=10, kept=4, step=3, scoring=1).total
        17
    """
    return measured(jobs, scored).at(jobs[0].recipe)


def fitting(found: Measured, free: int | None) -> tuple[int, Memory]:
    """In how many parts each batch has to pass, so that a run fits into the memory that is free.

    Args:
        found: what was measured of the runs.
        free: bytes that can still be allocated; none where nobody knows.

    Returns:
        The recipe's own ``accumulation`` where that suffices; and what is needed then.

    Raises:
        OutOfMemoryError: not even single rows fit.
    """
    recipe = found.job.recipe
    while free is not None and (needed := found.at(recipe)).more > free:
        if recipe.accumulation >= recipe.batch_size or needed.kept + needed.scoring > free:
            raise OutOfMemoryError(
                "the run does not fit into the memory", expected=f"{size(needed.more)} free",
                received=f"{size(free)}", next_step="Make the network smaller, such as --set width=64.",
            )  # fmt: skip
        recipe = halved(recipe)
    return recipe.accumulation, found.at(recipe)


def halved(recipe: Recipe) -> Recipe:
    """A recipe whose batches pass in twice as many parts: the same steps with half of the inner values.

    Example:
        >>> halved(Recipe(batch_size=12, accumulation=8)).accumulation
        12
    """
    return replace(recipe, accumulation=min(2 * recipe.accumulation, recipe.batch_size))


def measured(jobs: Sequence[Job], scored: int) -> Measured:
    """Pass 4 rows, and then 12, through a network and back, and write down what is alive after every operation.

    Args:
        jobs: as planned; their networks and random states are left as they are.
        scored: validation rows.
    """
    job, network = jobs[0], jobs[0].network
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    step, scoring = [], []
    with own_draws(job.device), _unchanged(network):
        for count in (_FEW, _MORE):
            rows = job.rows[torch.arange(count) % len(job.rows)]
            with _Alive() as alive:
                inputs = job.augment(taken(job.inputs, rows), Generator(job.device).manual_seed(job.recipe.seed))
                counts = None if job.weights is None else job.weights[rows]
                with casting(job.recipe, job.device):
                    loss = job.objective(network.train(), inputs, job.target[rows], counts)
                torch.autograd.grad(loss, weights, allow_unused=True)
            step.append(alive.after)
            del inputs, counts, loss
            with _Alive() as alive:
                outputs_of(network, taken(job.inputs, rows))
            scoring.append(alive.after)
    return Measured(job, len(jobs), min(scored, _SCORED_AT_ONCE), _lines(*step), _lines(*scoring), _moments(job))


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What one of several runs keeps, as far as the number of rows at once is still open.

    Args:
        job: one of the runs.
        count: how many there are.
        scored: validation rows that are scored at once.
        step: for each operation of a step, what is alive after it: bytes for no rows, and for each row.
        scoring: the same for the scoring of rows.
        moments: bytes of the optimiser's moments.
    """

    job: Job
    count: int
    scored: int
    step: Sequence[Line]
    scoring: Sequence[Line]
    moments: int

    def at(self, recipe: Recipe) -> Memory:
        """The estimate for a recipe that may pass its batches in more parts."""
        alone = replace(self.job, recipe=recipe)
        weights = sum(map(_bytes, alone.network.state_dict().values()))
        together = self.count if can_batch([alone] * self.count) else 1
        # A part that is not the first finds the gradients of those before it.
        waiting = sum(map(_bytes, alone.network.parameters())) if recipe.accumulation > 1 else 0
        rows = math.ceil(math.ceil(len(alone.rows) / alone.steps_in_epoch) / recipe.accumulation)
        averaged = recipe.averaging or recipe.swa or recipe.optimizer.name == "schedule_free"
        spread = _SCATTERED if alone.device.type == "cpu" else _SCRATCH
        return Memory(
            resident=sum(map(_bytes, (*alone.inputs, alone.target))) + self.count * weights,
            kept=together * (2 * weights + self.moments),
            step=round(spread * together * (waiting + _at(self.step, rows))),
            scoring=round(spread * _at(self.scoring, self.scored)) + together * weights * bool(averaged),
        )


def _lines(few: list[int], more: list[int]) -> list[Line]:
    """A straight line through what was alive with few and with more rows, for each operation."""
    if len(few) != len(more):
        # Other operations for another number of rows: the fullest moments are compared.
        few, more = [max(few)], [max(more)]
    slopes = [(b - a) / (_MORE - _FEW) for a, b in zip(few, more, strict=True)]
    return [(a - _FEW * slope, slope) for a, slope in zip(few, slopes, strict=True)]


def _at(lines: Sequence[Line], rows: int) -> int:
    return math.ceil(max(fixed + rows * each for fixed, each in lines))


class _Alive(TorchDispatchMode):
    """Writes down after each operation how many bytes of the tensors that were made since are still alive."""

    def __init__(self) -> None:
        super().__init__()
        self.after: list[int] = []
        self._now = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        before = {id(x.untyped_storage()) for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)}
        made = func(*args, **(kwargs or {}))
        for one in tree_leaves(made):
            if isinstance(one, Tensor) and id(storage := one.untyped_storage()) not in before | self._known:
                self._known.add(id(storage))
                self._now += storage.nbytes()
                weakref.finalize(storage, self._over, id(storage), storage.nbytes()).atexit = False
        self.after.append(self._now)
        return made

    def _over(self, number: int, count: int) -> None:
        self._known.discard(number)
        self._now -= count


@contextmanager
def _unchanged(network: nn.Module) -> Iterator[None]:
    """Afterwards, running statistics are what they were before."""
    kept = {name: buffer.clone() for name, buffer in network.named_buffers()}
    try:
        yield
    finally:
        for name, buffer in network.named_buffers():
            buffer.copy_(kept[name])


def _moments(job: Job) -> int:
    """Bytes of the optimiser's moments, counted on weights of one number each."""
    named = dict(job.network.named_parameters())
    single = {name: torch.zeros([1] * (weight.ndim + 1), requires_grad=True) for name, weight in named.items()}
    optimizer = make_optimizer(job.network, job.recipe, single)
    for one in single.values():
        one.grad = torch.ones_like(one)
    optimizer.step()
    counts = {name: sum(x.ndim > 0 for x in _tensors(optimizer.state[one])) for name, one in single.items()}
    return sum(counts[name] * _bytes(weight) for name, weight in named.items())


def _tensors(slots: dict[str, Any]) -> list[Tensor]:
    return [value for value in slots.values() if isinstance(value, Tensor)]


def _bytes(tensor: Tensor) -> int:
    """Bytes of a tensor; none of one that is mapped from a file."""
    return 0 if on_disk([tensor]) else tensor.numel() * tensor.element_size()
