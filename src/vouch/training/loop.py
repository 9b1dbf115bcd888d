"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Generator, Tensor, nn

from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Objective, Progress
from vouch.errors import TrainingError
from vouch.training import averaging, gradients
from vouch.training.checkpoint import Checkpoints
from vouch.training.compiling import Compiled
from vouch.training.exhaustion import first_steps
from vouch.training.feed import batches_of, shuffled
from vouch.training.lengths import Lengths, similar
from vouch.training.optimise import make_optimizer
from vouch.training.precision import casting, fast_products, scaler_for
from vouch.training.rates import rate_at
from vouch.training.seeds import for_order, for_step
from vouch.training.state import Epoch, State, copy_of
from vouch.training.team import ALONE, Team
from vouch.training.unfreezing import thaw

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
        steps: batches in one epoch, whose sizes then follow; as many as the batch size asks for when not given.
        lengths: of inputs whose rows end at different places, by number, how far each row reaches.
        team: the processes that train the network together.
        last: whether the weights of the last epoch stand; else those of the best.
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
    steps: int | None = None
    lengths: Lengths = field(default_factory=dict)
    team: Team = ALONE
    last: bool = False

    @property
    def device(self) -> torch.device:
        """Where it is computed."""
        return self.target.device

    @property
    def ends(self) -> Lengths:
        """The lengths by which batches are put together; none where compiled code is for batches of one size."""
        return {} if self.recipe.compile == "on" else self.lengths

    @property
    def steps_in_epoch(self) -> int:
        """Batches in one pass; their sizes differ by one row at most."""
        return self.steps or max(1, -(-len(self.rows) // self.recipe.batch_size))


def train(job: Job) -> list[Epoch]:
    """Train until the epochs are over or the validation score stops improving; the network keeps its best weights.

    Every random draw follows from the seed and the numbers of epoch and step, so a run that was killed at any instant
    and resumed ends with the same bits as one that was not.

    Args:
        job: what to train, on what, how.

    Returns:
        The history, one entry for each epoch.

    Raises:
        TrainingError: the loss is not a number any more, or the checkpoint is of another run.
    """
    recipe, network, state = job.recipe, job.network, begun(job)
    compiled = Compiled(network, recipe)
    job.checkpoints.restore(state)
    with own_draws(job.device), fast_products(job.device):
        while (epoch := len(state.history)) < recipe.epochs and not stalled(state.history, recipe.patience):
            started = time.perf_counter()
            with first_steps([] if epoch else [(network, state.best)]), compiled.inside():
                loss = train_epoch(job, state)
            averaging.end_of_epoch(state, recipe)
            with averaging.used(state, recipe):
                score = job.evaluate(network)
                if job.last or score < state.best_score:
                    state.best_score, state.best = score, copy_of(network.state_dict())
            state.history.append(Epoch(epoch + 1, loss, score, time.perf_counter() - started))
            job.checkpoints.save(state)
            report(job, state.history)
    job.checkpoints.save(state, last=True)
    network.load_state_dict(state.best)
    return state.history


def begun(job: Job) -> State:
    """The state before the first step."""
    job.team.begin(job.network, job.recipe, job.device)
    live = job.network.state_dict()
    optimizer = make_optimizer(job.network, job.recipe)
    total = torch.zeros((), dtype=torch.float32 if job.device.type == "mps" else torch.float64, device=job.device)
    scale = scaler_for(job.recipe, job.device)
    return State(job.network, optimizer, copy_of(live), copy_of(live), total=total, scale=scale)


def train_epoch(job: Job, state: State) -> float:
    """One pass over the training rows in random order, from where the state stands in it; the mean loss of a row."""
    recipe, epoch, steps = job.recipe, len(state.history), job.steps_in_epoch
    generator = Generator(job.device)
    order = shuffled(job.rows, job.inputs, for_order(recipe.seed, epoch, generator))
    batches = similar(order.tensor_split(steps), job.ends, generator)[state.step :]
    weights = list(job.network.parameters())
    pairs = averaging.pairs_of(state.average, job.network.state_dict())
    scores = [one.score for one in state.history]
    job.network.train()
    thaw(state.optimizer, epoch / recipe.epochs)
    fed = batches_of(job.inputs, batches, recipe.accumulation, job.ends)
    for step, (rows, parts) in enumerate(fed, state.step):
        made = epoch * steps + step
        for_step(recipe.seed, epoch, step, generator)
        whole = _counted(job, rows)
        for part, plain in parts:
            inputs = job.augment(plain, generator)
            counts = None if job.weights is None else job.weights[part]
            with casting(recipe, job.device):
                loss = job.objective(job.network, inputs, job.target[part], counts)
            share = loss if part is rows else loss * (_counted(job, part) / whole)
            (share if state.scale is None else state.scale.scale(share)).backward()
            state.total += share.detach() * whole
        state.counted = state.counted + whole
        job.team.add_up(weights, recipe)
        if state.scale is not None:
            state.scale.unscale_(state.optimizer)
        if recipe.gradient_noise:
            gradients.add_noise(weights, recipe.gradient_noise, made, generator)
        gradients.clip(weights, recipe)
        _move(state, rate_at(made / (recipe.epochs * steps), recipe, scores))
        if recipe.averaging and not recipe.swa:
            averaging.follow(pairs, recipe.averaging, made)
        state.step = step + 1
        job.checkpoints.save(state)
    mean = float(state.total) / (float(state.counted) or 1.0)
    state.step, state.total, state.counted = 0, torch.zeros_like(state.total), 0.0
    return checked(mean, epoch, recipe)


def _counted(job: Job, rows: Tensor) -> Tensor | int:
    """What rows count in the loss: as many as they are, or the sum of their weights."""
    return len(rows) if job.weights is None else job.weights[rows].sum().clamp_min(1e-12)


def _move(state: State, rate: float) -> None:
    """Take a step at a share of the peak rate."""
    for group in state.optimizer.param_groups:
        group["lr"] = group["peak"] * rate
    if state.scale is None:
        state.optimizer.step()
    else:
        state.scale.step(state.optimizer)
        state.scale.update()
    state.optimizer.zero_grad(set_to_none=True)


def checked(loss: float, epoch: int, recipe: Recipe) -> float:
    """The mean loss of an epoch.

    Raises:
        TrainingError: it is not a number.
    """
    if not math.isfinite(loss):
        raise TrainingError(
            "the loss is not a number any more", where=f"epoch {epoch + 1}",
            next_step=f"Lower the learning rate: --set learning_rate={recipe.learning_rate / 10:g}.",
        )  # fmt: skip
    return loss


@contextmanager
def own_draws(device: torch.device) -> Iterator[None]:
    """Afterwards, torch's random state is what it was before."""
    with torch.random.fork_rng(devices=[device.index or 0] if device.type == "cuda" else []):
        yield


def stalled(history: Sequence[Epoch], patience: int) -> bool:
    """Whether the score has not improved for as many epochs as the patience."""
    best = min(range(len(history)), key=lambda i: history[i].score, default=0)
    return patience > 0 and len(history) - 1 - best >= patience


def report(job: Job, history: Sequence[Epoch]) -> None:
    """Tell of the last epoch."""
    last, recipe = history[-1], job.recipe
    steps, scores = job.steps_in_epoch, [one.score for one in history[:-1]]
    rate = rate_at((last.epoch * steps - 1) / (recipe.epochs * steps), recipe, scores)
    mean = sum(epoch.seconds for epoch in history) / len(history)
    job.progress(
        "epoch",
        epoch=last.epoch,
        epochs=recipe.epochs,
        loss=last.loss,
        score=last.score,
        learning_rate=recipe.learning_rate * rate,
        rows_per_second=round(len(job.rows) / max(last.seconds, 1e-9)),
        seconds_left=round(mean * (recipe.epochs - last.epoch), 1),
    )
