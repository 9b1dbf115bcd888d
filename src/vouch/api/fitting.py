"""The verbs that train, or say how they would."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Unpack

import torch

from vouch import store
from vouch.api.measuring import measure
from vouch.api.predicting import Bundle, device_of
from vouch.api.preparing import Ready, as_asked, choose, gather, prepare
from vouch.contracts.options import FitOptions
from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Progress
from vouch.contracts.schema import Schema
from vouch.data.clean import clean
from vouch.errors import UsageError, nearest
from vouch.nets.network import outputs_of
from vouch.objectives import check_objective, make_objective
from vouch.report import pages
from vouch.training.budget import epochs_within, seconds_of
from vouch.training.checkpoint import Checkpoints
from vouch.training.loop import Job, train
from vouch.training.plan import BUDGET

_TRAINING_SHARE = 0.85


def fit(data: object, target: str | None = None, **options: Unpack[FitOptions]) -> Bundle:
    """Train a deep network on raw data, and measure it on rows that training never saw.

    Args:
        data: a path, a glob, a folder, a frame, arrays; see ``docs/reference/data-formats.md``.
        target: the column to predict; may be left out when the data itself says it (class folders).
        options: see :class:`vouch.contracts.options.FitOptions`.

    Returns:
        The bundle; written to ``out`` as well when that is given.

    Raises:
        VouchError: the data, the options or the place to write to are not usable.

    Example:
        >>> rows = {"size": [float(i) for i in range(60)], "large": ["no"] * 30 + ["yes"] * 30}
        >>> bundle = fit(rows, "large", settings={"epochs": 2})
        >>> bundle.schema.task
        'binary'
    """
    _check_options(options)
    _check_place(options)
    progress = options.get("progress", silent)
    started = time.perf_counter()
    dataset, schema = gather(data, target, options)
    progress("read", rows=dataset.frame.height, columns=dataset.frame.width, task=schema.task)
    ready = prepare(dataset, schema, options)
    prepared = time.perf_counter()
    progress("prepared", train=len(ready.split.train), valid=len(ready.split.valid), test=len(ready.split.test))
    check_objective(ready.task, ready.recipe)
    ready = _within_budget(ready, options, prepared - started)
    partial = _begin(ready, options)
    with partial.kept() if partial else nullcontext():
        history = train(job_of(ready, partial, progress))
    trained = time.perf_counter()
    seconds = {"prepare": prepared - started, "train": trained - prepared}
    bundle = measure(ready, [(e.epoch, e.loss, e.score, e.seconds) for e in history], seconds)
    place = None
    if partial is not None:
        place = store.save(bundle, Path(str(options.get("out"))), pages(bundle))
        partial.end()
    progress("done", seconds=round(time.perf_counter() - started, 1))
    return bundle.known(place, (dataset, ready.dataset))


def recipe(data: object, target: str | None = None, **options: Unpack[FitOptions]) -> tuple[Schema, Recipe]:
    """What ``fit`` would do with the same arguments.

    Returns:
        The schema, and the recipe with every default filled in.

    Example:
        >>> rows = {"size": [float(i) for i in range(60)], "large": ["no"] * 30 + ["yes"] * 30}
        >>> recipe(rows, "large")[1].optimizer
        'adamw'
    """
    _check_options(options)
    dataset, schema = gather(data, target, options)
    return schema, choose(clean(dataset, schema), schema, options)


def _within_budget(ready: Ready, options: FitOptions, spent: float) -> Ready:
    """The recipe with no more epochs than fit into the budget, less what preparing took and measuring will take."""
    budget = options.get("budget")
    if not budget or options.get("resume"):
        return ready
    left = max(seconds_of(budget) - spent, 1.0) * _TRAINING_SHARE
    epochs = epochs_within(job_of(ready, None, silent), left)
    return replace(ready, recipe=replace(ready.recipe, epochs=min(epochs, ready.recipe.epochs)))


def _begin(ready: Ready, options: FitOptions) -> store.Partial | None:
    """The folder for checkpoints beside ``out``, if there is to be one."""
    if options.get("out") is None:
        return None
    partial = store.Partial.beside(Path(str(options.get("out"))))
    if not options.get("resume"):
        partial.begin(ready.recipe, ready.fingerprint)
    return partial


def job_of(ready: Ready, partial: store.Partial | None, progress: Progress) -> Job:
    """The training run: supervised, choosing on the validation rows."""
    recipe, valid = ready.recipe, torch.from_numpy(ready.split.valid).to(ready.wanted.device)
    truth = ready.task.truth(ready.dataset.frame[ready.schema.target.name])[ready.split.valid]

    held = [x[valid] for x in ready.inputs]

    def evaluate(network: torch.nn.Module) -> float:
        return ready.task.score(ready.task.decode(outputs_of(network, held).cpu()), truth)

    def augment(batch: list[torch.Tensor], generator: torch.Generator) -> list[torch.Tensor]:
        pairs = zip(ready.encoders, batch, strict=True)
        return [encoder.augment(x, recipe, generator) for encoder, x in pairs]

    rows = torch.from_numpy(ready.split.train).to(valid.device)
    weights = None if ready.weights is None else ready.weights[rows]
    return Job(
        network=ready.network,
        inputs=ready.inputs,
        target=ready.wanted,
        rows=rows,
        objective=make_objective(ready.task, recipe, ready.wanted[rows], weights),
        augment=augment,
        evaluate=evaluate,
        recipe=recipe,
        checkpoints=Checkpoints(partial.checkpoint if partial else None),
        progress=progress,
        weights=ready.weights,
    )


def resumable(out: Path) -> bool:
    """Whether an interrupted run has left something beside ``out`` from which it can go on."""
    return store.Partial.beside(out).begun


def _check_options(options: FitOptions) -> None:
    """Refuse what can be refused before any data is read."""
    known = FitOptions.__annotations__
    for name in options:
        if name not in known:
            raise UsageError(f"fit has no option '{name}'", next_step=nearest(name, known))
    seconds_of(options.get("budget") or BUDGET)
    device_of(options.get("device", "auto"))
    as_asked(Recipe(), options)


def _check_place(options: FitOptions) -> None:
    """Refuse a place that cannot be written before any time is spent."""
    if (out := options.get("out")) is None:
        if options.get("resume"):
            raise UsageError("there is no place to resume from", next_step="Name with out what was to be written.")
        return
    partial = store.Partial.beside(store.check_place(Path(out)))
    partial.check()
    if options.get("resume") and not partial.begun:
        raise partial.nothing()


def silent(event: str, /, **facts: float | int | str | None) -> None:
    """No progress is told."""
