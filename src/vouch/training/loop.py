"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Objective, Progress
from vouch.errors import TrainingError
from vouch.training.checkpoint import Checkpoints
from vouch.training.optimise import make_optimizer, rate_at
from vouch.training.state import Epoch, State

Augment = Callable[[list[Tensor], torch.Generator], list[Tensor]]


@dataclass(frozen=True, slots=True)
class Job:
    """One training run: what to train, on what, how.

    Args:
        network: the module to train, from inputs to outputs (B, M, K).
        inputs: encoded inputs of all rows, resident or memory-mapped.
        target: encoded target of all rows.
        rows: numbers of the training rows (int64).
        objective: the loss of a batch.
        augment: random changes to a batch of inputs.
        evaluate: validation score of the network as it stands; lower is better.
        recipe: every setting.
        checkpoints: where the state is kept, so that a killed run goes on.
        progress: told after each epoch.
        weights: how much each row counts in the loss (B,); all alike when not given.
    """

    network: nn.Module
    inputs: Sequence[Tensor]
    target: Tensor
    rows: Tensor
    objective: Objective
    augment: Augment
    evaluate: Callable[[nn.Module], float]
    recipe: Recipe
    checkpoints: Checkpoints
    progress: Progress
    weights: Tensor | None = None


def train(job: Job) -> list[Epoch]:
    """Train until the epochs are over or the validation score stops improving; the network ends with its best weights.

    Every random draw of an epoch follows from the seed and the epoch's number, so a run that was killed and resumed
    ends with the same bits as one that was not.

    Args:
        job: what to train, on what, how.

    Returns:
        The history, one entry for each epoch.

    Raises:
        TrainingError: the loss is not a number any more, or the checkpoint is of another run.
    """
    recipe, network = job.recipe, job.network
    live = dict(network.state_dict())
    state = State(network, make_optimizer(network, recipe), _copy(live), _copy(live))
    job.checkpoints.restore(state)
    with torch.random.fork_rng(devices=_accelerators(job.target)):
        while (epoch := len(state.history)) < recipe.epochs and not _stalled(state, recipe.patience):
            started = time.perf_counter()
            loss = train_epoch(job, state, epoch)
            with _averaged(state, recipe):
                score = job.evaluate(network)
            if score < state.best_score:
                state.best_score = score
                state.best = _copy(state.average if recipe.averaging else network.state_dict())
            state.history.append(Epoch(epoch + 1, loss, score, time.perf_counter() - started))
            job.checkpoints.save(state)
            _report(job, state)
    network.load_state_dict(state.best)
    return state.history


def train_epoch(job: Job, state: State, epoch: int) -> float:
    """One pass over the training rows in random order; the mean loss, under the weights of the rows."""
    recipe, network = job.recipe, job.network
    torch.manual_seed(_mix(recipe.seed, epoch))
    device = job.target.device
    generator = torch.Generator(device).manual_seed(_mix(recipe.seed, epoch))
    order = torch.randperm(len(job.rows), generator=generator, device=device)
    batches = job.rows[order].tensor_split(steps_in_epoch(job))
    total, counted = torch.zeros((), device=device), 0
    live = network.state_dict()
    pairs = [(state.average[name], value) for name, value in live.items() if value.is_floating_point()]
    network.train()
    for step, rows in enumerate(batches):
        inputs = job.augment([x[rows] for x in job.inputs], generator)
        weights = None if job.weights is None else job.weights[rows]
        loss = job.objective(network, inputs, job.target[rows], weights)
        loss.backward()
        if recipe.clip:
            nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
        for group in state.optimizer.param_groups:
            group["lr"] = group["peak"] * rate_at((epoch + step / len(batches)) / recipe.epochs, recipe)
        state.optimizer.step()
        state.optimizer.zero_grad(set_to_none=True)
        if recipe.averaging:
            _follow(pairs, recipe.averaging, epoch * len(batches) + step)
        share = len(rows) if weights is None else weights.sum()
        total += loss.detach() * share
        counted = counted + share
    mean = float(total) / (float(counted) or 1.0)
    if not math.isfinite(mean):
        raise TrainingError(
            "the loss is not a number any more", where=f"epoch {epoch + 1}",
            next_step=f"Lower the learning rate: --set learning_rate={recipe.learning_rate / 10:g}.",
        )  # fmt: skip
    return mean


def steps_in_epoch(job: Job) -> int:
    """Batches in one pass; their sizes differ by one row at most."""
    return max(1, -(-len(job.rows) // job.recipe.batch_size))


@contextmanager
def _averaged(state: State, recipe: Recipe) -> Iterator[None]:
    """Inside, the network holds the averaged weights when there is an average."""
    if not recipe.averaging:
        yield
        return
    live = _copy(state.network.state_dict())
    state.network.load_state_dict(state.average)
    yield
    state.network.load_state_dict(live)


def _follow(pairs: list[tuple[Tensor, Tensor]], decay: float, steps: int) -> None:
    """Move the running average of the weights towards the live ones (Polyak and Juditsky, 1992); faster at first."""
    averages, weights = ([pair[i] for pair in pairs] for i in (0, 1))
    get_ema_multi_avg_fn(min(decay, (1 + steps) / (10 + steps)))(averages, weights, steps)


def _accelerators(tensor: Tensor) -> list[int]:
    """Numbers of the accelerators whose random state training will change."""
    return [tensor.device.index or 0] if tensor.device.type == "cuda" else []


def _stalled(state: State, patience: int) -> bool:
    best = min(range(len(state.history)), key=lambda i: state.history[i].score, default=0)
    return patience > 0 and len(state.history) - 1 - best >= patience


def _copy(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in weights.items()}


def _mix(seed: int, epoch: int) -> int:
    """A seed for one epoch, far from that of its neighbours."""
    return (seed * 1_000_003 + epoch * 7919 + 1) % 2**63


def _report(job: Job, state: State) -> None:
    last = state.history[-1]
    mean = sum(epoch.seconds for epoch in state.history) / len(state.history)
    job.progress(
        "epoch",
        epoch=last.epoch,
        epochs=job.recipe.epochs,
        loss=last.loss,
        score=last.score,
        rows_per_second=round(len(job.rows) / max(last.seconds, 1e-9)),
        seconds_left=round(mean * (job.recipe.epochs - last.epoch), 1),
    )
