"""The verbs that train, or say how they would."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Unpack

from vouch import store
from vouch.api import engines
from vouch.api.attempts import Attempts
from vouch.api.borrowing import borrowed
from vouch.api.folding import with_folds
from vouch.api.measuring import measure
from vouch.api.predicting import Bundle, as_bundle, device_of
from vouch.api.preparing import Ready, as_asked, check_start, choose, gather, prepare
from vouch.api.selftraining import GROWTH, read_unlabelled, self_trained, unlabelled_for
from vouch.api.tracking import Tracking
from vouch.api.training import jobs_of, settled, silent, with_trained
from vouch.api.transferring import held_against_scratch, proves, untold
from vouch.contracts.dataset import Dataset
from vouch.contracts.options import FitOptions, PretrainOptions
from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Progress
from vouch.contracts.schema import Schema
from vouch.data.clean import clean
from vouch.errors import UsageError, nearest
from vouch.objectives import asks_for_groups, check_objective
from vouch.report import pages
from vouch.training.budget import seconds_of
from vouch.training.loop import train
from vouch.training.meter import Meter
from vouch.training.plan import BUDGET
from vouch.training.starting import matching
from vouch.training.state import Epoch
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
    check_options("fit", options, FitOptions.__annotations__)
    _check_together(options)
    check_place(options)
    progress, team = Tracking(options), Team.here()
    if (asked := engines.asked(options)) is not None:
        return engines.fitted(data, target, options, asked)
    started = time.perf_counter()
    dataset, schema = gather(data, target, options)
    progress("read", rows=dataset.frame.height, columns=dataset.frame.width, task=schema.task)
    ready, extra = prepare(dataset, schema, options, borrowed(options)), _unlabelled(schema, options)
    prepared = time.perf_counter()
    progress("prepared", train=len(ready.split.train), valid=len(ready.split.valid), test=len(ready.split.test))
    check_objective(ready.task, ready.recipe)
    team.check_data(ready.fingerprint)
    if not options.get("resume"):
        ready = settled(ready, _left(options, prepared - started), progress)
    with progress.begun(ready):
        begun = begin(ready.recipe, ready.fingerprint, options)
        attempts, histories = Attempts(ready, begun, progress), []
        with begun.kept() if begun else nullcontext(), Meter(ready.wanted.device) as meter:
            for jobs in attempts:
                with attempts.attempt():
                    histories = train_together(jobs) if can_batch(jobs) else [train(job) for job in jobs]
        ready, history = with_trained(attempts.ready), mean_history(histories)
        team.relieve()
        if extra is not None:
            ready, history = _more(ready, history, extra, progress, _left(options, prepared - started))
        seconds = {"prepare": prepared - started, "train": time.perf_counter() - prepared}
        bundle = with_folds(measure(ready, history, seconds), ready)
        bundle = as_bundle(replace(bundle, run=replace(bundle.run, memory=attempts.used(meter))))
        if ready.start is not None:
            bundle = _proved(bundle, ready, extra, options)
        bundle = progress.ended(bundle)
    place = None
    if begun is not None:
        place = store.save(bundle, Path(str(options.get("out"))), pages(bundle))
        begun.end()
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
    check_options("recipe", options, FitOptions.__annotations__)
    check_start(options)
    start = borrowed(options)
    dataset, schema = gather(data, target, options)
    schema = schema if start is None else matching(schema, start)
    return schema, choose(clean(dataset, schema), schema, options, start)


def _unlabelled(schema: Schema, options: FitOptions) -> Dataset | None:
    """Rows without a label, if there are any."""
    given = options.get("unlabelled")
    return None if given is None else read_unlabelled(given, schema)


def _more(
    ready: Ready, history: list[Epoch], extra: Dataset, progress: Progress, seconds: float | None
) -> tuple[Ready, list[Epoch]]:
    """What is ready with the better of two networks: the one that is trained, and one that learned from more rows."""

    def learn(second: Ready) -> tuple[Ready, list[Epoch]]:
        # Its batches may be larger, so that it is asked anew in how many parts they pass.
        second = settled(second, None, progress)
        # Whoever draws or keeps the curves has one of the first network already.
        histories = [train(job) for job in jobs_of(second, None, partial(progress, network=2))]
        return with_trained(second), mean_history(histories)

    return self_trained(ready, history, unlabelled_for(ready, extra), learn, seconds and seconds * GROWTH)


def _proved(bundle: Bundle, ready: Ready, extra: Dataset | None, options: FitOptions) -> Bundle:
    """The bundle with the proof of what its start was worth, or a note that there is none."""
    if not proves(options) or Team.here().size > 1:
        return untold(bundle, "several workers trained the network" if proves(options) else "not asked for")
    planned = choose(ready.dataset, ready.schema, {"budget": options.get("budget"), "seed": ready.recipe.seed})
    options.get("progress", silent)("from scratch", rows=len(ready.split.train), epochs=ready.recipe.epochs)

    def learn(scratch: Ready) -> Ready:
        scratch = settled(scratch, None)
        histories = [train(job) for job in jobs_of(scratch, None, silent)]
        scratch = with_trained(scratch)
        seconds = _left(options, 0.0)
        return scratch if extra is None else _more(scratch, mean_history(histories), extra, silent, seconds)[0]

    return held_against_scratch(bundle, ready, planned, learn)


def _left(options: FitOptions, spent: float) -> float | None:
    """Seconds for training: the budget less what preparing took and measuring will take; none without a budget."""
    budget = options.get("budget")
    # The network that starts from scratch, for the proof, takes as long; so does, times its growth, a second one.
    parts = (1 + proves(options)) * (1 + GROWTH * (options.get("unlabelled") is not None))
    return max(seconds_of(budget) - spent, 1.0) * _TRAINING_SHARE / parts if budget else None


def begin(recipe: Recipe, fingerprint: str, options: FitOptions | PretrainOptions) -> store.Partial | None:
    """The folder for checkpoints beside ``out``, if there is to be one."""
    if options.get("out") is None or not Team.here().first:
        return None
    partial = store.Partial.beside(Path(str(options.get("out"))))
    if not options.get("resume"):
        partial.begin(recipe, fingerprint)
    return partial


def resumable(out: Path) -> bool:
    """Whether an interrupted run has left something beside ``out`` from which it can go on."""
    return store.Partial.beside(out).begun


def check_options(verb: str, options: FitOptions | PretrainOptions, known: Iterable[str]) -> None:
    """Refuse what can be refused before any data is read."""
    for name in options:
        if name not in known:
            raise UsageError(f"{verb} has no option '{name}'", next_step=nearest(name, known))
    seconds_of(options.get("budget") or BUDGET)
    device_of(options.get("device", "auto"))
    as_asked(Recipe(), options)


def _check_together(options: FitOptions) -> None:
    """Refuse options that contradict each other, before any data is read."""
    check_start(options)
    alone = as_asked(Recipe(), options).folds == 0 and not options.get("workers") and not options.get("cluster")
    if options.get("unlabelled") is not None and not alone:
        raise UsageError(
            "unlabelled rows go with neither folds nor workers", where="--unlabelled",
            next_step="Leave one of them out.",
        )  # fmt: skip
    if options.get("unlabelled") is not None and asks_for_groups(as_asked(Recipe(), options)):
        raise UsageError(
            "rows without a label are not learned from where groups are compared in training", where="--unlabelled",
            next_step="Leave it out, or group_dro and fairness_penalty.",
        )  # fmt: skip


def check_place(options: FitOptions | PretrainOptions) -> None:
    """Refuse a place that cannot be written before any time is spent."""
    if (out := options.get("out")) is None:
        if options.get("resume"):
            raise UsageError("there is no place to resume from", next_step="Name with out what was to be written.")
        return
    partial = store.Partial.beside(store.check_place(Path(out)))
    partial.check()
    if options.get("resume") and not partial.begun:
        raise partial.nothing()
