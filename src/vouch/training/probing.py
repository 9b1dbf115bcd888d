"""Try a run out on copies of its network before it starts: what an epoch takes, and whether compiling pays off."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from vouch.contracts.recipe import Recipe
from vouch.errors import TrainingError
from vouch.training.checkpoint import Checkpoints
from vouch.training.compiling import Compiled
from vouch.training.loop import Job, begun, own_draws, train_epoch

_STEPS = 6
# Compiling takes ten seconds and more, so that nothing is tried out where hardly more is left to be saved.
_LEAST_SECONDS = 20.0


def probe_of(job: Job) -> Job:
    """A copy that makes a few steps of the same size."""
    steps = min(_STEPS, job.steps_in_epoch)
    rows = job.rows[: -(-len(job.rows) * steps // job.steps_in_epoch)]
    # All layers learn while they are timed: an epoch in which most of them rest would promise too much.
    recipe = replace(job.recipe, probe=0.0, unfreezing=0.0)
    return replace(
        job, network=copy.deepcopy(job.network), rows=rows, checkpoints=Checkpoints(None), steps=steps, recipe=recipe
    )  # fmt: skip


def epochs_of(job: Job) -> Callable[[], float]:
    """What trains a job for one epoch whenever it is called, and gives back its loss."""
    state, compiled = begun(job), Compiled(job.network, job.recipe)

    def epoch() -> float:
        with compiled.inside():
            return train_epoch(job, state)

    return epoch


@dataclass(frozen=True, slots=True)
class Gain:
    """What compiling would save.

    Args:
        worth: whether it saves more seconds than it takes.
        says: how that is known, for the reader; nothing where it was not tried out.
    """

    worth: bool
    says: str = ""


def gain_of(job: Job, seconds: float | None = None) -> Gain:
    """Whether compiling the steps of a run saves more time than it takes, measured by a few steps on copies.

    Args:
        job: the run as planned; it is left untouched.
        seconds: that training may take; none has no limit.

    Returns:
        The finding. Where the rest of the run is too short for any gain, nothing is compiled to find that out.
    """
    steps = job.recipe.epochs * job.steps_in_epoch / probe_of(job).steps_in_epoch
    _, plain = _timed(job, replace(job.recipe, compile="off"))
    left = min(plain * steps, seconds or plain * steps)
    if left < _LEAST_SECONDS:
        return Gain(False)
    try:
        first, compiled = _timed(job, replace(job.recipe, compile="on"))
    except TrainingError as error:
        return Gain(False, f"not compiled: {error.what}, {error.received}")
    costs, share = max(first - compiled, 0.0), compiled / plain
    worth = left * (1 - share) > costs
    told = "compiled" if worth else "not compiled"
    return Gain(
        worth, f"{told}: steps would take {share:.2f} of the time, compiling {costs:.0f} s of about {left:.0f} s"
    )


def _timed(job: Job, recipe: Recipe) -> tuple[float, float]:
    """Seconds of the first pass over a few batches, and of the second."""
    epoch = epochs_of(probe_of(replace(job, recipe=recipe)))
    with own_draws(job.device):
        started = time.perf_counter()
        epoch()
        middle = time.perf_counter()
        epoch()
    return middle - started, time.perf_counter() - middle
