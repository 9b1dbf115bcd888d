"""The verb that learns without labels."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import polars as pl
import torch

from vouch import store
from vouch.api.fitting import begin, check_options, check_place
from vouch.api.measuring import versions
from vouch.api.preparing import as_asked, fingerprint_of, kept_on_disk
from vouch.api.training import silent
from vouch.contracts.bundle import Run
from vouch.contracts.dataset import Dataset, Note
from vouch.contracts.options import PretrainOptions
from vouch.contracts.pretrained import Pretrained
from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Encoder, Progress
from vouch.contracts.schema import Schema
from vouch.contracts.split import Split
from vouch.data.clean import clean, unreadable_rows
from vouch.data.encode import encode, fit_encoders
from vouch.data.read import read
from vouch.data.schema import infer_features, modality
from vouch.data.shelf import filtered
from vouch.errors import TooFewRowsError
from vouch.nets.network import find_device
from vouch.training.budget import epochs_within, seconds_of
from vouch.training.checkpoint import Checkpoints
from vouch.training.feed import on_disk, placed, taken
from vouch.training.lengths import lengths_of
from vouch.training.loop import Job, train
from vouch.training.plan import BUDGET, Facts
from vouch.training.precision import precision_of
from vouch.training.pretext import Exercise, exercise, held_loss, plan_pretext
from vouch.training.range_test import rate_found
from vouch.training.settings import override
from vouch.training.state import Epoch

_FEWEST_ROWS = 20
_TRAINING_SHARE = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class _Ready:
    """Data and network as learning without labels wants them."""

    dataset: Dataset
    schema: Schema
    split: Split
    recipe: Recipe
    encoders: tuple[Encoder, ...]
    inputs: list[torch.Tensor]
    exercise: Exercise
    fingerprint: str

    @property
    def device(self) -> torch.device:
        """Where it is computed."""
        return next(self.exercise.network.parameters()).device


def pretrain(data: object, **options: Unpack[PretrainOptions]) -> Pretrained:
    """Learn from data without labels what a network for it can start from.

    Args:
        data: whatever ``fit`` reads; the labels of class folders are not looked at, a target in a table is to be
            dropped.
        options: see :class:`vouch.contracts.options.PretrainOptions`.

    Returns:
        What was learned, to be given to ``fit`` as ``start``; written to ``out`` as well when that is given.

    Raises:
        VouchError: the data, the options or the place to write to are not usable.

    Example:
        >>> rows = {"a": [float(i) for i in range(60)], "b": [float(i % 7) for i in range(60)]}
        >>> pretrain(rows, settings={"epochs": 2}).rows
        (54, 6)
    """
    check_options("pretrain", options, PretrainOptions.__annotations__)
    check_place(options)
    progress, started = options.get("progress", silent), time.perf_counter()
    ready = _prepared(data, options)
    prepared = time.perf_counter()
    progress("prepared", train=len(ready.split.train), valid=len(ready.split.valid))
    ready = _settled(ready, options, prepared - started)
    partial = begin(ready.recipe, ready.fingerprint, options)
    with partial.kept() if partial else nullcontext():
        history = train(_job(ready, partial, progress))
    seconds = {"prepare": prepared - started, "train": time.perf_counter() - prepared}
    place = Path(str(options.get("out"))) if partial else None
    made = _made(ready, history, seconds, "pretrained" if place is None else place.name)
    if partial is not None and place is not None:
        store.save_pretrained(made, place)
        partial.end()
    progress("done", seconds=round(time.perf_counter() - started, 1))
    return made


def _prepared(data: object, options: PretrainOptions) -> _Ready:
    """Read, clean, plan, split, encode, and build the network."""
    raw = _unsealed(read(data, columns=options.get("columns")))
    schema = infer_features(raw, options.get("types"), options.get("drop") or ())
    options.get("progress", silent)("read", rows=raw.frame.height, columns=raw.frame.width)
    dataset = _readable(raw, schema)
    if dataset.frame.height < _FEWEST_ROWS:
        raise TooFewRowsError(
            "there are too few rows", where=dataset.source, expected=f"at least {_FEWEST_ROWS}",
            received=str(dataset.frame.height), next_step="Collect more rows; without labels many are needed.",
        )  # fmt: skip
    features = [(column, modality(column.kind).capabilities) for column in schema.features]
    facts = Facts(features, dataset.frame.height, "none", seconds_of(options.get("budget") or BUDGET))
    recipe, fingerprint = as_asked(plan_pretext(facts), options), fingerprint_of(dataset)
    if options.get("resume") and options.get("out"):
        recipe = override(recipe, store.Partial.beside(Path(str(options.get("out")))).recipe(fingerprint))
    parts = _split(dataset.frame.height, recipe)
    encoders = fit_encoders(dataset, schema, parts, recipe, None)
    place = find_device(options.get("device", "auto"))
    task = exercise(encoders, recipe)
    task.network.to(place)
    inputs = placed(encode(dataset.frame, encoders), place)
    dataset = dataset.with_notes(kept_on_disk(inputs)) if on_disk(inputs) else dataset
    return _Ready(dataset, schema, parts, recipe, encoders, inputs, task, fingerprint)


def _unsealed(raw: Dataset) -> Dataset:
    """The rows that the data itself does not put aside for testing."""
    if raw.part is None:
        return raw
    kept = raw.frame[raw.part].cast(pl.String).str.to_lowercase().fill_null("train") != "test"
    told = Note("dropped", f"{(~kept).sum()} rows that the data puts aside for testing", int((~kept).sum()))
    return replace(raw, frame=filtered(raw.frame, kept)).with_notes(told)


def _readable(raw: Dataset, schema: Schema) -> Dataset:
    """Canonical rows, without those whose picture cannot be read."""
    dataset = clean(raw, schema, labelled=False)
    bad = unreadable_rows(raw, dataset, schema)
    if not bad.any():
        return dataset
    told = Note("dropped", f"{bad.sum()} rows whose picture cannot be read", int(bad.sum()))
    return replace(dataset, frame=filtered(dataset.frame, ~bad)).with_notes(told)


def _split(rows: int, recipe: Recipe) -> Split:
    """Rows that train, and rows that choose when to stop; nothing is sealed, for nothing is predicted."""
    order = np.random.default_rng(recipe.seed).permutation(rows)
    count = max(1, round(recipe.valid_fraction * rows))
    valid, learned = np.sort(order[:count]), np.sort(order[count:])
    return Split(learned, valid, order[:0], "random", "drawn at random")


def _job(ready: _Ready, partial: store.Partial | None, progress: Progress) -> Job:
    """The training run: what is minimised makes its own changes to a batch."""
    place = ready.device
    held = taken(ready.inputs, _rows(ready.split.valid, place))
    embedders = list(ready.exercise.network.network.embedders)
    return Job(
        network=ready.exercise.network,
        inputs=ready.inputs,
        target=torch.zeros(ready.dataset.frame.height, device=place),
        rows=_rows(ready.split.train, place),
        objective=ready.exercise.objective,
        augment=lambda batch, _: batch,
        evaluate=held_loss(ready.exercise.objective, held, ready.recipe.seed),
        recipe=ready.recipe,
        checkpoints=Checkpoints(partial.checkpoint_of(0) if partial else None),
        progress=progress,
        lengths={} if on_disk(ready.inputs) else lengths_of(ready.encoders, embedders, ready.inputs),
    )


def _settled(ready: _Ready, options: PretrainOptions, spent: float) -> _Ready:
    """The recipe with what is found before training: precision, rate, and epochs that fit into the budget."""
    if options.get("resume"):
        return ready
    precision = precision_of(ready.recipe, ready.exercise.network, ready.device)
    # Views are held against all others of their batch, which therefore passes as a whole.
    ready = _with(ready, precision=precision, compile="off", accumulation=1)
    if not ready.recipe.learning_rate:
        ready = _with(ready, learning_rate=rate_found(_job(ready, None, silent)))
    if not (budget := options.get("budget")):
        return ready
    left = max(seconds_of(budget) - spent, 1.0) * _TRAINING_SHARE
    epochs = epochs_within([_job(ready, None, silent)], left)
    return _with(ready, epochs=min(epochs, ready.recipe.epochs))


def _with(ready: _Ready, **changes: Any) -> _Ready:
    """The same with other keys of the recipe."""
    return replace(ready, recipe=replace(ready.recipe, **changes))


def _made(ready: _Ready, history: list[Epoch], seconds: dict[str, float], name: str) -> Pretrained:
    network = ready.exercise.network.network.cpu()
    weights = {key: x for key, x in network.state_dict().items() if not key.startswith("head.")}
    run = Run(
        ready.dataset.source, ready.fingerprint, tuple((e.epoch, e.loss, e.score, e.seconds) for e in history), seconds,
        versions(), torch.get_num_threads(), ready.dataset.notes,
    )  # fmt: skip
    backbone = store.backbone_from(name, "no labels", ready.recipe, ready.encoders, weights)
    rows = len(ready.split.train), len(ready.split.valid)
    return Pretrained(ready.schema, backbone, ready.exercise.says, run, rows)


def _rows(rows: npt.NDArray[np.int64], place: torch.device) -> torch.Tensor:
    return torch.from_numpy(rows).to(place)
