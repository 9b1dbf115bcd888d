"""From what the user gives to a network that is ready to train."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import torch

from vouch import store
from vouch.api.grouping import groups_of
from vouch.contracts.backbone import Backbone
from vouch.contracts.case import Lesson
from vouch.contracts.dataset import Dataset, Note
from vouch.contracts.options import FitOptions, PretrainOptions, beside_recipe
from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Encoder, Target
from vouch.contracts.schema import Column, Schema
from vouch.contracts.split import Split
from vouch.data.changes import check_changes
from vouch.data.clean import clean
from vouch.data.encode import encode, fit_encoders
from vouch.data.join import join_test
from vouch.data.read import read
from vouch.data.schema import Hints, infer, modality
from vouch.data.shelf import row_hashes
from vouch.data.split import FEWEST_ROWS, SplitPlan, dealt, split
from vouch.errors import ColumnError, TargetError, UsageError, nearest
from vouch.nets.build import build_networks
from vouch.nets.network import Network, find_device
from vouch.objectives import asks_for_groups
from vouch.tasks import fit_task
from vouch.training.budget import seconds_of
from vouch.training.feed import on_disk, placed
from vouch.training.memory import Memory
from vouch.training.plan import BUDGET, Facts, plan
from vouch.training.settings import override, read_settings
from vouch.training.starting import gentle, matched, matching, shaped, warmed
from vouch.training.team import Team

# Groups by one sensitive column; of more, each would be too small to say anything of.
_MOST_GROUPS = 100


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """Data and network as training wants them; what each station added, in order.

    Where rows are labelled ``partly``, those without a label have a number for one that no class has.
    """

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
    start: Backbone | None = None
    groups: torch.Tensor | None = None
    partly: bool = False

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
    sensitive = tuple(dict.fromkeys(options.get("sensitive") or ()))
    for name in sensitive:
        _check_sensitive(dataset, name, target)
    hints = Hints(
        target, options.get("task"), options.get("group"), options.get("time"),
        options.get("types") or {}, options.get("drop") or (),
    )  # fmt: skip
    schema = infer(dataset, hints)
    for name in sensitive:
        _check_groups(dataset, schema.column(name))
    return dataset, replace(schema, sensitive=sensitive)


def _check_sensitive(dataset: Dataset, name: str, target: str) -> None:
    """Refuse a sensitive column that is not there, or is what is to be predicted."""
    if name not in dataset.frame.columns:
        raise ColumnError(
            f"there is no column '{name}'", where=dataset.source, next_step=nearest(name, dataset.frame.columns)
        )
    if name == target:
        raise UsageError(
            f"'{name}' cannot be both the target and sensitive", where="--sensitive",
            next_step="Name columns that say which group a row belongs to.",
        )  # fmt: skip


def _check_groups(dataset: Dataset, column: Column) -> None:
    """Refuse a sensitive column that makes no groups: one value, or more values than groups could be told apart."""
    cells = dataset.frame[column.name]
    values = cells.len() if cells.dtype.is_nested() else cells.n_unique()
    where = f"--sensitive {column.name}, in {dataset.source}"
    if values < 2:
        raise UsageError(
            f"the sensitive column '{column.name}' has one value only", where=where, expected="two groups or more",
            next_step="Leave it out of --sensitive.",
        )  # fmt: skip
    if column.kind != "number" and values > _MOST_GROUPS:
        raise UsageError(
            f"the sensitive column '{column.name}' has {values:,} values and is no quantity", where=where,
            expected=f"at most {_MOST_GROUPS} groups",
            next_step="Name a column with fewer values, such as ages in decades or countries by region.",
        )  # fmt: skip


def prepare(dataset: Dataset, schema: Schema, options: FitOptions, start: Backbone | None = None) -> Ready:
    """Clean, plan, split, encode, and build the network."""
    schema = schema if start is None else matching(schema, start)
    canonical = clean(dataset, schema)
    recipe = choose(canonical, schema, options, start)
    fingerprint = fingerprint_of(canonical)
    if options.get("resume") and options.get("out"):
        kept = store.Partial.beside(Path(str(options.get("out")))).recipe(fingerprint)
        recipe = override(recipe, kept)
        _check_same(recipe, start)
    sizes = SplitPlan(recipe.seed, recipe.valid_fraction, recipe.test_fraction, options.get("fewest_rows", FEWEST_ROWS))
    parts, notes = split(canonical, schema, sizes)
    canonical = canonical.with_notes(*notes)
    task = fit_task(schema.task, canonical.frame[schema.target.name][parts.train])
    lesson = Lesson(recipe, schema, canonical, parts.train, parts.valid)
    ready = ready_from(lesson, task, parts.test, options.get("device", "auto"), start)
    return replace(ready, split=parts, fingerprint=fingerprint, asked=beside_recipe(options))


def ready_from(
    lesson: Lesson, task: Target, test: npt.NDArray[np.int64], device: str = "auto", start: Backbone | None = None,
    encoders: tuple[Encoder, ...] | None = None,
) -> Ready:  # fmt: skip
    """Encode a lesson and build the network for it.

    Args:
        lesson: what is to be learned from.
        task: what was learned from the target.
        test: rows that are sealed.
        device: where to compute.
        start: what the weights start from, as far as shapes allow; random ones when not given.
        encoders: that are there already; they are learned from the training rows when not given.
    """
    frame, schema, recipe = lesson.dataset.frame, lesson.schema, lesson.recipe
    parts = Split(lesson.train, lesson.valid, test, "given", "as the lesson says")
    wanted = task.encode(frame[schema.target.name])
    if encoders is None:
        classes = wanted if schema.task in ("binary", "multiclass") else None
        encoders = fit_encoders(lesson.dataset, schema, parts, recipe, classes)
    place = find_device(device)
    encoders, networks, notes = networks_for(encoders, task.outputs, recipe, start)
    inputs = placed(encode(frame, encoders), place)
    if on_disk(inputs):
        notes = (*notes, kept_on_disk(inputs))
    if Team.here().size == 1:
        # A team may have to divide a network before it fits any device.
        networks = tuple(network.to(place) for network in networks)
    weights = None if lesson.weights is None else torch.from_numpy(lesson.weights).float().to(place)
    fold = dealt(lesson.dataset, schema, parts, recipe) if recipe.folds else None
    dataset, wanted = lesson.dataset.with_notes(*notes), wanted.to(place)
    groups = groups_of(lesson).to(place) if asks_for_groups(recipe) else None
    return Ready(
        dataset, schema, parts, recipe, task, encoders, inputs, wanted, networks[0], "", (), weights, networks, fold,
        start=start, groups=groups,
    )  # fmt: skip


def networks_for(
    encoders: tuple[Encoder, ...], outputs: int, recipe: Recipe, start: Backbone | None
) -> tuple[tuple[Encoder, ...], tuple[Network, ...], tuple[Note, ...]]:
    """The networks of a recipe for encoded columns, from random weights or from others as far as shapes allow.

    Args:
        encoders: learned from training rows.
        outputs: numbers for one row (K).
        recipe: names and sizes the nets.
        start: what the weights start from, if anything.

    Returns:
        The encoders as they read now, the networks, and notes on what was taken over.
    """
    if start is None:
        return encoders, tuple(build_networks(encoders, outputs, recipe)), ()
    sources = matched(encoders, start)
    networks = tuple(build_networks(sources.encoders, outputs, recipe))
    kept = [warmed(network, sources, start) for network in networks]
    told = f"started from '{start.name}': {'; '.join(kept[0]) or 'nothing fits'}"
    return sources.encoders, networks, (Note("read", told),)


def fingerprint_of(canonical: Dataset) -> str:
    """A digest of canonical data, by which a bundle knows its own data again."""
    return hashlib.sha256(row_hashes(canonical.frame).tobytes()).hexdigest()


def kept_on_disk(inputs: Sequence[torch.Tensor]) -> Note:
    """What is told of encoded rows that are not in memory."""
    size = sum(x.nbytes for x in inputs) / 2**30
    return Note(
        "read", f"encoded rows take {size:.1f} GiB: kept on disk meanwhile, and shuffled in blocks", len(inputs[0])
    )


def choose(canonical: Dataset, schema: Schema, options: FitOptions, start: Backbone | None = None) -> Recipe:
    """The default recipe for this data, then the user's file, then single settings, then the seed.

    Raises:
        UsageError: the recipe starts from other weights than those given, or asks for sizes that they do not have.
    """
    planned = plan(facts_of(schema, _unsealed(canonical), seconds_of(options.get("budget") or BUDGET)))
    chosen = as_asked(planned if start is None else gentle(planned, start), options)
    _check_same(chosen, start)
    if start is not None:
        chosen = shaped(chosen, schema, start, {**_given(options), **(options.get("settings") or {})})
    check_changes(schema, chosen)
    return chosen


def facts_of(schema: Schema, rows: int, seconds: float = BUDGET) -> Facts:
    """What planning looks at, for so many rows under a schema."""
    features = [(column, modality(column.kind).capabilities) for column in schema.features]
    return Facts(features, rows, schema.task, seconds)


def as_asked(chosen: Recipe, options: FitOptions | PretrainOptions) -> Recipe:
    """A recipe with the user's file in the place of what was planned, then single settings, then options.

    Raises:
        UsageError: the file cannot be read, or a key or a value in it is unknown.
    """
    chosen = override(chosen, _given(options))
    chosen = override(chosen, options.get("settings") or {})
    named = {"seed": options.get("seed"), "folds": options.get("folds"), "networks": options.get("ensemble")}
    return override(chosen, {key: value for key, value in named.items() if value is not None})


def check_start(options: FitOptions) -> None:
    """Refuse a recipe that starts from weights which nobody gave, before any data is read.

    Raises:
        UsageError: the recipe names weights, and neither ``start`` nor ``backbone`` is given.
    """
    wanted = as_asked(Recipe(), options).start
    if wanted and options.get("start") is None and options.get("backbone") is None:
        name = wanted.rpartition("@")[0] or wanted
        raise UsageError(
            "the recipe starts from the weights of another network, which are not given", where="recipe key 'start'",
            expected=wanted,
            next_step=f"Give it: --from {name} (--backbone for a checkpoint); --set start= starts anew.",
        )  # fmt: skip


def _check_same(recipe: Recipe, start: Backbone | None) -> None:
    """Refuse a recipe that names other weights than those that were given."""
    given = "" if start is None else start.title
    # A bundle may have been renamed since: its digest tells it.
    if recipe.start and recipe.start.rpartition("@")[2] != given.rpartition("@")[2]:
        raise UsageError(
            "the recipe starts from other weights", where="recipe key 'start'", expected=recipe.start,
            received=given or "none",
            next_step="Give what it names with --from, or say --set start= to start from these.",
        )  # fmt: skip


def _given(options: FitOptions | PretrainOptions) -> Mapping[str, object]:
    """The settings in the user's file, or of the bundle that was named."""
    given = options.get("recipe")
    if given is None:
        return {}
    return given if isinstance(given, Mapping) else read_settings(Path(given))


def _unsealed(dataset: Dataset) -> int:
    """Rows that the data itself does not put aside for testing."""
    if dataset.part is None:
        return dataset.frame.height
    return int((dataset.frame[dataset.part].cast(pl.String).str.to_lowercase() != "test").sum())
