"""Several small networks of the same make, trained on the same data as one batched network.

What each ends with is what it would end with alone, but for the order in which numbers are summed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.modules.batchnorm import _BatchNorm

from vouch.contracts.schedules import Plateau
from vouch.nets.drawing import Source, drawing_from
from vouch.training import averaging, gradients
from vouch.training.exhaustion import first_steps
from vouch.training.feed import on_disk
from vouch.training.loop import Job, checked, own_draws, report, stalled
from vouch.training.optimise import make_optimizer
from vouch.training.rates import rate_at
from vouch.training.schedule_free import ScheduleFreeAdamW
from vouch.training.seeds import for_order, for_step
from vouch.training.state import (
    Epoch,
    Weights,
    as_facts,
    copy_of,
    from_facts,
    like,
    moments_of,
    parts_of,
    set_moments,
)
from vouch.training.unfreezing import is_paced

# Multiplications of one step of one network up to which the work is in starting operations, not in doing them.
SMALL = 5e7


def train_together(jobs: Sequence[Job]) -> list[list[Epoch]]:
    """Train every job until it ends, all networks as one; each ends with its own best weights.

    Args:
        jobs: of which :func:`can_batch` holds: networks of the same make on the same inputs; rows, weights, seeds and
            what they are judged by may differ.

    Returns:
        The history of each job.

    Raises:
        TrainingError: a loss is not a number any more, or the checkpoint is of another run.
    """
    return Batch(jobs).train()


def can_batch(jobs: Sequence[Job]) -> bool:
    """Whether several jobs can train as one, and gain by it: small nets whose rows do not look at each other."""
    recipe, networks = jobs[0].recipe, [job.network for job in jobs]
    alike = len({replace(job.recipe, seed=0) for job in jobs}) == 1 and len({job.steps_in_epoch for job in jobs}) == 1
    one_rate = not isinstance(recipe.schedule, Plateau)
    plain = not recipe.cutmix and not recipe.logit_adjustment and not recipe.gradient_noise and recipe.accumulation == 1
    whole = recipe.precision == "float32" and recipe.compile == "off" and not recipe.recompute
    even = not is_paced(recipe)
    alone = not any(isinstance(part, _BatchNorm) for part in networks[0].modules())
    work = recipe.batch_size * sum(weight.numel() for weight in _multiplied(networks[0]))
    resident, one_length = not on_disk(jobs[0].inputs), not jobs[0].ends
    batched = len(jobs) > 1 and alike and one_rate and even and plain and whole and alone and one_length
    return batched and resident and work <= SMALL


def _multiplied(network: nn.Module) -> list[Tensor]:
    return [weight for weight in network.parameters() if weight.ndim > 1]


class _Step(nn.Module):
    """A network with what it minimises, so that both can be called with other weights."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.network, self.objective = job.network, job.objective

    def forward(self, inputs: list[Tensor], wanted: Tensor, weights: Tensor) -> Tensor:
        """The loss of one network's batch."""
        return self.objective(self.network, inputs, wanted, weights)


@dataclass(slots=True)
class _Run:
    """What belongs to one of the networks."""

    job: Job
    best: Weights
    best_score: float = float("inf")
    history: list[Epoch] = field(default_factory=list)

    @property
    def over(self) -> bool:
        recipe = self.job.recipe
        return len(self.history) >= recipe.epochs or stalled(self.history, recipe.patience)


class Batch:
    """Networks side by side: every weight holds that of N networks (N, ...)."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.runs = [_Run(job, copy_of(job.network.state_dict())) for job in jobs]
        self.recipe, self.device = jobs[0].recipe, jobs[0].device
        self.checkpoints = jobs[0].checkpoints
        self.live = list(range(len(jobs)))
        self.step, self.totals = 0, torch.zeros(len(jobs), dtype=torch.float64)
        self.counts = torch.zeros(len(jobs), dtype=torch.float64)
        self._stack()
        self.average = copy_of({**self.weights, **self.buffers})

    def train(self) -> list[list[Epoch]]:
        """Train all; those that are over leave the batch."""
        self.checkpoints.restore(self)
        with own_draws(self.device):
            while self.live:
                started = time.perf_counter()
                begun = self.runs[self.live[0]].history
                with first_steps([] if begun else [(run.job.network, run.best) for run in self.runs]):
                    losses = self.epoch()
                self._judge(losses, started)
                self._leave([place for place, number in enumerate(self.live) if not self.runs[number].over])
                self.checkpoints.save(self)
        for run in self.runs:
            run.job.network.load_state_dict(run.best)
        return [run.history for run in self.runs]

    def _stack(self) -> None:
        """Lay the weights of the living networks side by side; the networks' own become views of them."""
        networks = [self.runs[number].job.network for number in self.live]
        self.skeleton = _Step(self.runs[self.live[0]].job)
        self.weights = {
            name: torch.stack([network.get_parameter(name).detach() for network in networks]).requires_grad_()
            for name, _ in networks[0].named_parameters()
        }
        self.buffers = {
            name: torch.stack([network.get_buffer(name) for network in networks])
            for name, _ in networks[0].named_buffers()
        }
        self.optimizer = make_optimizer(networks[0], self.recipe, self.weights)
        for place, network in enumerate(networks):
            for name, weight in network.named_parameters():
                weight.data = self.weights[name].data[place]

    def epoch(self) -> list[float]:
        """One pass of every living network over its own rows in its own order; the mean loss of each."""
        runs, recipe = [self.runs[number] for number in self.live], self.recipe
        epoch, steps = len(runs[0].history), runs[0].job.steps_in_epoch
        generators = [Generator(self.device) for _ in runs]
        shuffled = zip(runs, generators, strict=True)
        batches = [_shuffled(run.job, epoch, generator).tensor_split(steps) for run, generator in shuffled]
        weights, pairs = list(self.weights.values()), averaging.pairs_of(self.average, {**self.weights, **self.buffers})
        loss_of = self._loss_function()
        for step in range(self.step, steps):
            made = epoch * steps + step
            drawing = [
                for_step(run.job.recipe.seed, epoch, step, generator)
                for run, generator in zip(runs, generators, strict=True)
            ]
            losses, counted = self._losses(loss_of, [batch[step] for batch in batches], drawing)
            losses.sum().backward()
            if recipe.clip:
                gradients.clip_each(weights, recipe.clip)
            rate = rate_at(made / (recipe.epochs * steps), recipe)
            for group in self.optimizer.param_groups:
                group["lr"] = group["peak"] * rate
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            if recipe.averaging and not recipe.swa:
                averaging.follow(pairs, recipe.averaging, made)
            self.step += 1
            self.totals += losses.detach().cpu() * counted
            self.counts += counted
            self.checkpoints.save(self)
        means = (self.totals / self.counts.clamp_min(1e-12)).tolist()
        self.step, self.totals, self.counts = 0, torch.zeros_like(self.totals), torch.zeros_like(self.counts)
        return [checked(mean, epoch, recipe) for mean in means]

    def _loss_function(self) -> Callable[..., Tensor]:
        skeleton = self.skeleton.train()

        def one(weights: Weights, buffers: Weights, inputs: list[Tensor], wanted: Tensor, counts: Tensor) -> Tensor:
            held = {f"network.{name}": value for name, value in {**weights, **buffers}.items()}
            return functional_call(skeleton, held, (inputs, wanted, counts))

        return vmap(one, randomness="error")

    def _losses(
        self, loss_of: Callable[..., Tensor], batches: Sequence[Tensor], drawing: Sequence[Generator]
    ) -> tuple[Tensor, Tensor]:
        """The loss of each network's batch (N,), and what its rows count (N,)."""
        runs = [self.runs[number] for number in self.live]
        longest = max(map(len, batches))
        rows = torch.stack([_padded(batch, longest) for batch in batches])
        job = runs[0].job
        inputs = _changed([x[rows] for x in job.inputs], runs, drawing)
        counts = torch.stack([_counts(run.job, batch, longest) for run, batch in zip(runs, batches, strict=True)])
        # A network alone draws from torch's global generator, which has the other seed of the step.
        nets = tuple(Generator(self.device).manual_seed(one.initial_seed() ^ 1) for one in drawing)
        with drawing_from(Source(nets, tuple(map(len, batches)))):
            losses = loss_of(self.weights, self.buffers, inputs, job.target[rows], counts)
        return losses, counts.sum(1).double().cpu()

    def _judge(self, losses: Sequence[float], started: float) -> None:
        """Score every living network as it would be kept, and tell of those together."""
        seconds = 0.0
        used = self._used()
        for place, number in enumerate(self.live):
            run = self.runs[number]
            network = run.job.network
            kept = None if used is None else copy_of(network.state_dict())
            if used is not None:
                network.load_state_dict({name: value[place] for name, value in used.items()})
            score = run.job.evaluate(network)
            if score < run.best_score:
                run.best_score, run.best = score, copy_of(network.state_dict())
            if kept is not None:
                network.load_state_dict(kept)
            seconds = time.perf_counter() - started
            run.history.append(Epoch(len(run.history) + 1, losses[place], score, seconds / len(self.live)))
        report(self.runs[self.live[0]].job, mean_history([self.runs[number].history for number in self.live]))

    def _used(self) -> Weights | None:
        """The stacked weights that are scored and kept; none where they are the live ones."""
        live = {**self.weights, **self.buffers}
        if isinstance(self.optimizer, ScheduleFreeAdamW):
            averaged = self.optimizer.averaged()
            return {name: averaged.get(value, value).detach() for name, value in live.items()}
        if self.recipe.swa:
            number = averaging.averaged_epochs(len(self.runs[self.live[0]].history), self.recipe)
            for average, weight in zip(*averaging.pairs_of(self.average, live), strict=True):
                average.lerp_(weight.detach(), 1 / number if number else 0.0)
            return self.average if number else None
        return self.average if self.recipe.averaging else None

    def _leave(self, staying: list[int]) -> None:
        """Go on with those networks alone."""
        if len(staying) == len(self.live):
            return
        moments = moments_of(self.optimizer)
        self.live = [self.live[place] for place in staying]
        if not self.live:
            return
        count, at = len(self.totals), torch.tensor(staying, device=self.device)
        self._stack()
        self.average = {name: value[at] for name, value in self.average.items()}
        self.totals, self.counts = self.totals[staying], self.counts[staying]
        kept = {name: value[at] if value.ndim and len(value) == count else value for name, value in moments.items()}
        set_moments(self.optimizer, parts_of(kept, "optimizer"))

    def pack(self) -> tuple[Weights, dict[str, Any]]:
        """The state as tensors by name, and as facts for JSON."""
        tensors: Weights = {"totals": self.totals, "counts": self.counts}
        tensors |= {f"network/{name}": value.detach() for name, value in {**self.weights, **self.buffers}.items()}
        tensors |= {f"average/{name}": value for name, value in self.average.items()}
        tensors |= moments_of(self.optimizer)
        for number, run in enumerate(self.runs):
            tensors |= {f"best{number}/{name}": value for name, value in run.best.items()}
        runs = [{"best_score": run.best_score, "history": as_facts(run.history)} for run in self.runs]
        return tensors, {"live": self.live, "step": self.step, "runs": runs}

    def unpack(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Take over what another batch of the same jobs has packed.

        Raises:
            ValueError: a tensor has another shape, or there were more or fewer jobs.
            KeyError: a tensor or a fact is missing.
        """
        if len(facts["runs"]) != len(self.runs):
            raise ValueError(f"{len(facts['runs'])} networks, not {len(self.runs)}")
        for number, (run, kept) in enumerate(zip(self.runs, facts["runs"], strict=True)):
            run.best = like(run.best, parts_of(tensors, f"best{number}"))
            run.best_score, run.history = float(kept["best_score"]), from_facts(kept["history"])
        self.live, self.step = [int(number) for number in facts["live"]], int(facts["step"])
        if not self.live:
            return
        self._stack()
        live = {name: value.detach() for name, value in {**self.weights, **self.buffers}.items()}
        for name, value in like(live, parts_of(tensors, "network")).items():
            live[name].copy_(value)
        self.average = like(live, parts_of(tensors, "average"))
        self.totals, self.counts = tensors["totals"], tensors["counts"]
        set_moments(self.optimizer, parts_of(tensors, "optimizer"))


def mean_history(histories: Sequence[Sequence[Epoch]]) -> list[Epoch]:
    """One history of several runs: for each epoch the mean of those that made it, and the sum of their seconds."""
    found = []
    for number in range(max(map(len, histories))):
        made = [history[number] for history in histories if len(history) > number]
        loss, score = (sum(getattr(one, key) for one in made) / len(made) for key in ("loss", "score"))
        found.append(Epoch(number + 1, loss, score, sum(one.seconds for one in made)))
    return found


def _shuffled(job: Job, epoch: int, generator: Generator) -> Tensor:
    for_order(job.recipe.seed, epoch, generator)
    return job.rows[torch.randperm(len(job.rows), generator=generator, device=job.device)]


def _padded(rows: Tensor, length: int) -> Tensor:
    return rows if len(rows) == length else torch.cat([rows, rows[:1].expand(length - len(rows))])


def _counts(job: Job, rows: Tensor, length: int) -> Tensor:
    """How much each row of a batch counts (length,); rows that fill it up count nothing."""
    counts = torch.zeros(length, device=job.device)
    counts[: len(rows)] = 1.0 if job.weights is None else job.weights[rows]
    return counts


def _changed(inputs: list[Tensor], runs: Sequence[_Run], drawing: Sequence[Generator]) -> list[Tensor]:
    """Inputs (N, B, ...) with the random changes of each network's training."""
    changed = [
        run.job.augment([x[place] for x in inputs], generator)
        for place, (run, generator) in enumerate(zip(runs, drawing, strict=True))
    ]
    untouched = all(
        one.data_ptr() == x[place].data_ptr()
        for place, some in enumerate(changed)
        for one, x in zip(some, inputs, strict=True)
    )
    return inputs if untouched else [torch.stack(list(some)) for some in zip(*changed, strict=True)]
