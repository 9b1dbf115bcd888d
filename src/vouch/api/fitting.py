"""The verbs that train, or say how they would."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Unpack

from vouch import store
from vouch.api import engines
from vouch.api.attempts import Attempts
from vouch.api.folding import with_folds
from vouch.api.measuring import measure
from vouch.api.predicting import Bundle, as_bundle, device_of
from vouch.api.preparing import Ready, as_asked, choose, gather, prepare
from vouch.api.tracking import Tracking
from vouch.api.training import settled, with_trained
from vouch.contracts.options import FitOptions
from vouch.contracts.recipe import Recipe
from vouch.contracts.schema import Schema
from vouch.data.clean import clean
from vouch.errors import UsageError, nearest
from vouch.objectives import check_objective
from vouch.report import pages
from vouch.training.budget import seconds_of
from vouch.training.loop import train
from vouch.training.meter import Meter
from vouch.training.plan import BUDGET
from vouch.training.team import Team
from vouch.training.together import can_batch, mean_history, train_together

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
    progress, team = Tracking(options), Team.here()
    if (asked := engines.asked(options)) is not None:
        return engines.fitted(data, target, options, asked)
    started = time.perf_counter()
    dataset, schema = gather(data, target, options)
    progress("read", rows=dataset.frame.height, columns=dataset.frame.width, task=schema.task)
    ready = prepare(dataset, schema, options)
    prepared = time.perf_counter()
    progress("prepared", train=len(ready.split.train), valid=len(ready.split.valid), test=len(ready.split.test))
    check_objective(ready.task, ready.recipe)
    team.check_data(ready.fingerprint)
    if not options.get("resume"):
        ready = settled(ready, _left(options, prepared - started), progress)
    with progress.begun(ready):
        partial = _begin(ready, options)
        attempts, histories = Attempts(ready, partial, progress), []
        with partial.kept() if partial else nullcontext(), Meter(ready.wanted.device) as meter:
            for jobs in attempts:
                with attempts.attempt():
                    histories = train_together(jobs) if can_batch(jobs) else [train(job) for job in jobs]
        ready = with_trained(attempts.ready)
        team.relieve()
        seconds = {"prepare": prepared - started, "train": time.perf_counter() - prepared}
        bundle = with_folds(measure(ready, mean_history(histories), seconds), ready)
        bundle = as_bundle(replace(bundle, run=replace(bundle.run, memory=attempts.used(meter))))
        bundle = progress.ended(bundle)
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
        >>> recipe(rows, "large")[1].optimizer.name
        'adamw'
    """
    _check_options(options)
    dataset, schema = gather(data, target, options)
    return schema, choose(clean(dataset, schema), schema, options)


def _left(options: FitOptions, spent: float) -> float | None:
    """Seconds for training: the budget less what preparing took and measuring will take; none without a budget."""
    budget = options.get("budget")
    return max(seconds_of(budget) - spent, 1.0) * _TRAINING_SHARE if budget else None


def _begin(ready: Ready, options: FitOptions) -> store.Partial | None:
    """The folder for checkpoints beside ``out``, if there is to be one."""
    if options.get("out") is None or not Team.here().first:
        return None
    partial = store.Partial.beside(Path(str(options.get("out"))))
    if not options.get("resume"):
        partial.begin(ready.recipe, ready.fingerprint)
    return partial


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
