"""From what the user gives to a network that is ready to train."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import torch

from vouch import store
from vouch.contracts.case import Lesson
from vouch.contracts.dataset import Dataset
from vouch.contracts.options import FitOptions, beside_recipe
from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Encoder, Target
from vouch.contracts.schema import Schema
from vouch.contracts.split import Split
from vouch.data.changes import check_changes
from vouch.data.clean import clean
from vouch.data.encode import encode, fit_encoders
from vouch.data.join import join_test
from vouch.data.read import read
from vouch.data.schema import Hints, infer, modality
from vouch.data.split import FEWEST_ROWS, SplitPlan, dealt, split
from vouch.errors import ColumnError, TargetError, nearest
from vouch.nets.build import build_networks
from vouch.nets.network import Network, find_device
from vouch.tasks import fit_task
from vouch.training.budget import seconds_of
from vouch.training.memory import Memory
from vouch.training.plan import BUDGET, Facts, plan
from vouch.training.settings import override, read_settings
from vouch.training.team import Team


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """Data and network as training wants them; what each station added, in order."""

    dataset: Dataset
    schema: Schema
    split: Split
    recipe: Recipe
    task: Target
    encoders: tuple[Encoder, ...]
    inputs: list[torch.Tensor]
    wanted: torch.Tensor
    network: torch.nn.Module
    fingerprint: str
    asked: tuple[tuple[str, str], ...]
    weights: torch.Tensor | None = None
    networks: tuple[Network, ...] = ()
    fold: npt.NDArray[np.int64] | None = None
    memory: Memory | None = None

    @property
    def expanding(self) -> bool:
        """Whether folds follow one another in time, so that each network sees only what came before its own."""
        return any(column.role == "time" for column in self.schema.columns)


def gather(data: object, target: str | None, options: FitOptions) -> tuple[Dataset, Schema]:
    """Raw data with its test rows, and what its columns are."""
    dataset = read(data, columns=options.get("columns"))
    target = target or dataset.target
    if target is None:
        raise TargetError(
            "no target is named", where=dataset.source, received="columns " + ", ".join(dataset.frame.columns[:12]),
            next_step="Name the column to predict with --target.",
        )  # fmt: skip
    if options.get("test") is not None:
        dataset = join_test(dataset, read(options.get("test"), columns=options.get("columns")), target)
    sensitive = tuple(options.get("sensitive") or ())
    for name in sensitive:
        if name not in dataset.frame.columns:
            raise ColumnError(
                f"there is no column '{name}'", where=dataset.source, next_step=nearest(name, dataset.frame.columns)
            )
    hints = Hints(
        target, options.get("task"), options.get("group"), options.get("time"),
        options.get("types") or {}, options.get("drop") or (),
    )  # fmt: skip
    return dataset, replace(infer(dataset, hints), sensitive=sensitive)


def prepare(dataset: Dataset, schema: Schema, options: FitOptions) -> Ready:
    """Clean, plan, split, encode, and build the network."""
    canonical = clean(dataset, schema)
    recipe = choose(canonical, schema, options)
    fingerprint = fingerprint_of(canonical)
    if options.get("resume") and options.get("out"):
        kept = store.Partial.beside(Path(str(options.get("out")))).recipe(fingerprint)
        recipe = override(recipe, kept)
    sizes = SplitPlan(recipe.seed, recipe.valid_fraction, recipe.test_fraction, options.get("fewest_rows", FEWEST_ROWS))
    parts, notes = split(canonical, schema, sizes)
    canonical = canonical.with_notes(*notes)
    task = fit_task(schema.task, canonical.frame[schema.target.name][parts.train])
    lesson = Lesson(recipe, schema, canonical, parts.train, parts.valid)
    ready = ready_from(lesson, task, parts.test, options.get("device", "auto"))
    return replace(ready, split=parts, fingerprint=fingerprint, asked=beside_recipe(options))


def ready_from(lesson: Lesson, task: Target, test: npt.NDArray[np.int64], device: str = "auto") -> Ready:
    """Encode a lesson and build the network for it.

    Args:
        lesson: what is to be learned from.
        task: what was learned from the target.
        test: rows that are sealed.
        device: where to compute.
    """
    frame, schema, recipe = lesson.dataset.frame, lesson.schema, lesson.recipe
    parts = Split(lesson.train, lesson.valid, test, "given", "as the lesson says")
    wanted = task.encode(frame[schema.target.name])
    classes = wanted if schema.task in ("binary", "multiclass") else None
    encoders = fit_encoders(lesson.dataset, schema, parts, recipe, classes)
    place = find_device(device)
    inputs = [x.to(place) for x in encode(frame, encoders)]
    networks = tuple(build_networks(encoders, task.outputs, recipe))
    if Team.here().size == 1:
        # A team may have to divide a network before it fits any device.
        networks = tuple(network.to(place) for network in networks)
    weights = None if lesson.weights is None else torch.from_numpy(lesson.weights).float().to(place)
    fold = dealt(lesson.dataset, schema, parts, recipe) if recipe.folds else None
    return Ready(
        lesson.dataset, schema, parts, recipe, task, encoders, inputs, wanted.to(place), networks[0], "", (), weights,
        networks, fold,
    )  # fmt: skip


def fingerprint_of(canonical: Dataset) -> str:
    """A digest of canonical data, by which a bundle knows its own data again."""
    return hashlib.sha256(canonical.frame.hash_rows(seed=0).to_numpy().tobytes()).hexdigest()


def choose(canonical: Dataset, schema: Schema, options: FitOptions) -> Recipe:
    """The default recipe for this data, then the user's file, then single settings, then the seed."""
    features = [(column, modality(column.kind).capabilities) for column in schema.features]
    seconds = seconds_of(options.get("budget") or BUDGET)
    chosen = as_asked(plan(Facts(features, _unsealed(canonical), schema.task, seconds)), options)
    check_changes(schema, chosen)
    return chosen


def as_asked(chosen: Recipe, options: FitOptions) -> Recipe:
    """A recipe with the user's file in the place of what was planned, then single settings, then options.

    Raises:
        UsageError: the file cannot be read, or a key or a value in it is unknown.
    """
    if (given := options.get("recipe")) is not None:
        chosen = override(chosen, given if isinstance(given, Mapping) else read_settings(Path(given)))
    chosen = override(chosen, options.get("settings") or {})
    named = {"seed": options.get("seed"), "folds": options.get("folds"), "networks": options.get("ensemble")}
    return override(chosen, {key: value for key, value in named.items() if value is not None})


def _unsealed(dataset: Dataset) -> int:
    """Rows that the data itself does not put aside for testing."""
    if dataset.part is None:
        return dataset.frame.height
    return int((dataset.frame[dataset.part].cast(pl.String).str.to_lowercase() != "test").sum())
