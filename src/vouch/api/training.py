"""From a network that is ready to one that is trained: alone, several with other seeds, or one for each fold."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from vouch import store
from vouch.api.preparing import Ready
from vouch.contracts.roles import Objective, Progress
from vouch.nets.build import apart, build_networks, joined
from vouch.nets.network import Network, outputs_of
from vouch.objectives import Consistent, make_objective, views_of, with_groups
from vouch.objectives.consistent import NOT_LABELLED
from vouch.statistics.scale import borne_out
from vouch.training.budget import epochs_within
from vouch.training.checkpoint import Checkpoints
from vouch.training.divide import divided
from vouch.training.feed import on_disk, outputs_at, taken
from vouch.training.lengths import lengths_of
from vouch.training.loop import Job
from vouch.training.memory import Memory, fitting, measured
from vouch.training.meter import free_bytes
from vouch.training.precision import precision_of
from vouch.training.probing import gain_of
from vouch.training.range_test import rate_found
from vouch.training.sharding import asked_for, whole
from vouch.training.team import ALONE, Team
from vouch.training.together import can_batch

Rows = npt.NDArray[np.int64]


def with_trained(ready: Ready) -> Ready:
    """The same with the trained networks joined to one; what a team has divided is put together again by all of it."""
    networks = ready.networks
    if Team.here().size > 1:
        networks = tuple(build_networks(ready.encoders, ready.task.outputs, ready.recipe))
        for fresh, network in zip(networks, ready.networks, strict=True):
            fresh.load_state_dict(whole(network.state_dict()))
    networks = tuple(network.cpu() for network in networks)
    return replace(ready, network=joined(networks), networks=networks)


def silent(event: str, /, **facts: float | int | str | None) -> None:
    """No progress is told."""


def settled(ready: Ready, budget: float | None, progress: Progress = silent) -> Ready:
    """The recipe with what is found before training: precision, parts of a batch, rate, compiling, epochs in a budget.

    Args:
        ready: data and networks; they are left as they are.
        budget: seconds for training; none has no limit.
        progress: told what was found.

    Raises:
        OutOfMemoryError: not even single rows fit into the memory that is free.
    """
    started = time.perf_counter()
    precision = precision_of(ready.recipe, ready.networks[0], ready.wanted.device)
    ready = _with(ready, precision=precision)
    if ready.recipe.compile == "auto" and _never_compiled(ready):
        ready = _with(ready, compile="off")
    free = free_bytes(ready.wanted.device)
    jobs, scored = jobs_of(ready, None, silent), len(ready.split.valid)
    alone = jobs[0].team.size == 1
    parts, memory = fitting(measured(jobs, scored), free) if alone else _sized_in_team(ready, free)
    if parts != ready.recipe.accumulation:
        progress("note", text=f"little memory is free; each batch passes in {parts} parts")
    ready = replace(_with(ready, accumulation=parts), memory=memory)
    if not ready.recipe.learning_rate:
        ready = _with(ready, learning_rate=rate_found(jobs_of(ready, None, silent)[0]))
    if ready.recipe.compile == "auto":
        gain = gain_of(jobs_of(ready, None, silent)[0], budget)
        ready = _with(ready, compile="on" if gain.worth else "off")
        if gain.says:
            progress("note", text=gain.says)
    if budget is None:
        return ready
    left = max(budget - (time.perf_counter() - started), 1.0)
    epochs = int(Team.here().told(epochs_within(jobs_of(ready, None, silent), left)))
    return _with(ready, epochs=min(epochs, ready.recipe.epochs))


def _with(ready: Ready, **changes: Any) -> Ready:
    """The same with other keys of the recipe."""
    return replace(ready, recipe=replace(ready.recipe, **changes))


def _never_compiled(ready: Ready) -> bool:
    """Whether "auto" stands for off without a trial.

    Processors gain nothing by it, nor does what trains as one; a team would have to agree on what each measures.
    """
    unable = ready.wanted.device.type == "cpu" or ready.recipe.recompute or Team.here().size > 1
    return unable or can_batch(jobs_of(_with(ready, compile="off"), None, silent))


def _sized_in_team(ready: Ready, free: int | None) -> tuple[int, Memory | None]:
    """In how many parts a batch passes, and what is needed then; where weights are divided nobody knows."""
    team, scored = Team.here(), len(ready.split.valid)
    recipe, device = ready.recipe, ready.wanted.device
    if team.told(asked_for(recipe, ready.networks[0], device)):
        return recipe.accumulation, None
    for network in ready.networks:
        network.to(device)
    # Alone with its own rows, which are as many in each batch, a process needs what it needs in the team.
    own = [replace(job, rows=job.rows[team.part(len(job.rows))]) for job in _jobs(ready, None, silent, ALONE)]
    shared = free if free is None or device.type == "cuda" else free // team.neighbours
    parts, memory = fitting(measured(own, scored), shared)
    return int(team.most(parts)), memory


def jobs_of(ready: Ready, begun: store.Partial | None, progress: Progress) -> list[Job]:
    """One training run for each network, supervised, choosing on validation rows.

    In a team each is divided over all processes, one after the other; but those that are so small that they train as
    one network are left whole, for the first process alone.

    Raises:
        UsageError: there are fewer rows in a batch than processes.
    """
    team, alone = Team.here(), _jobs(ready, begun, progress, ALONE)
    if team.size == 1:
        return alone
    if can_batch(alone):
        for network in ready.networks:
            network.to(ready.wanted.device)
        return alone
    return [divided(job, team) for job in _jobs(ready, begun, progress, team)]


def _jobs(ready: Ready, begun: store.Partial | None, progress: Progress, team: Team) -> list[Job]:
    parts = _parts(ready)
    # As many steps for each, so that they can train as one, but never a step without a row.
    steps = max(-(-len(train) // ready.recipe.batch_size) for train, _ in parts)
    steps = min(steps, *(len(train) for train, _ in parts))
    recipes, places = apart(ready.recipe), _places(begun, len(parts))
    nets = list(ready.networks[0].embedders)
    lengths = {} if on_disk(ready.inputs) else lengths_of(ready.encoders, nets, ready.inputs)
    found = []
    for number, (train, valid) in enumerate(parts):
        alone = replace(ready, recipe=recipes[number], split=replace(ready.split, train=train, valid=valid))
        job = _job(alone, ready.networks[number], places[number], progress, team)
        found.append(replace(job, steps=steps, lengths=lengths))
    if len(found) == 1 or can_batch(found):
        return found
    # Of networks that train one after the other, each epoch says whose it is.
    return [replace(job, progress=partial(job.progress, network=number)) for number, job in enumerate(found, 1)]


def _parts(ready: Ready) -> list[tuple[Rows, Rows]]:
    """Training and validation rows of each network."""
    train, valid = ready.split.train, ready.split.valid
    if ready.fold is None:
        return [(train, valid)] * len(ready.networks)
    fold, expanding = ready.fold, ready.expanding
    return [
        (train[fold[train] < k], valid) if expanding else (train[fold[train] != k], valid[fold[valid] != k])
        for k in range(ready.recipe.folds)
    ]


def _places(begun: store.Partial | None, count: int) -> list[Checkpoints]:
    """Where each network's checkpoints go; those that train as one keep them in the first place."""
    if begun is None:
        return [Checkpoints(None)] * count
    return [Checkpoints(begun.checkpoint_of(number), last=count > 1) for number in range(count)]


def _job(ready: Ready, network: Network, checkpoints: Checkpoints, progress: Progress, team: Team) -> Job:
    recipe, valid = ready.recipe, torch.from_numpy(ready.split.valid).to(ready.wanted.device)
    truth = ready.task.truth(ready.dataset.frame[ready.schema.target.name][ready.split.valid])
    at = valid if on_disk(ready.inputs) else None
    held = taken(ready.inputs, valid) if at is None else ready.inputs

    def score(outputs: torch.Tensor) -> float:
        if ready.partly:
            return borne_out(ready.task, outputs, truth)[1]
        return ready.task.score(ready.task.decode(outputs), truth)

    def evaluate(network: torch.nn.Module) -> float:
        outputs = outputs_of(network, held) if at is None else outputs_at(network, held, at)
        return score(outputs.float().cpu())

    def augment(batch: Sequence[torch.Tensor], generator: torch.Generator) -> list[torch.Tensor]:
        pairs = zip(ready.encoders, batch, strict=True)
        return [encoder.augment(x, recipe, generator) for encoder, x in pairs]

    rows = torch.from_numpy(ready.split.train).to(valid.device)
    weights = None if ready.weights is None else ready.weights[rows]
    groups = 0 if ready.groups is None else int(ready.groups.max()) + 1
    objective = _objective(ready, rows, weights, groups)
    return Job(
        network=network,
        inputs=ready.inputs,
        target=ready.wanted if ready.groups is None else with_groups(ready.wanted, ready.groups),
        rows=rows,
        objective=objective,
        augment=augment,
        evaluate=evaluate if team.size == 1 else partial(team.scored, inputs=held, score=score, at=at),
        recipe=recipe,
        checkpoints=checkpoints,
        progress=progress,
        weights=ready.weights,
        # Where few rows have a label, few say which epoch was best, and the last one has learned most from the others.
        last=ready.partly,
    )


def _objective(ready: Ready, rows: torch.Tensor, weights: torch.Tensor | None, groups: int) -> Objective:
    """What a step minimises, for training rows of which some may have no label."""
    wanted, recipe = ready.wanted[rows], ready.recipe
    if not ready.partly:
        return make_objective(ready.task, recipe, wanted, weights, groups)
    labelled = wanted != NOT_LABELLED
    inner = make_objective(ready.task, recipe, wanted[labelled], None if weights is None else weights[labelled])
    return Consistent(inner, ready.task, views_of(ready.encoders), recipe.consistency)
