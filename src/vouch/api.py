"""The verbs; the only file that knows every station."""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import polars as pl
import torch

from vouch import store
from vouch.audit.evidence import Truth, evidence
from vouch.audit.verdict import verdict_sentence
from vouch.contracts.bundle import BundleValue, Evidence, Example, Look, Run
from vouch.contracts.dataset import Dataset, Note
from vouch.contracts.options import FitOptions
from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Capabilities, Encoder, Progress, Target
from vouch.contracts.schema import Schema
from vouch.contracts.split import Split
from vouch.data.clean import clean, unreadable_rows
from vouch.data.encode import encode, fit_encoders
from vouch.data.join import join_test
from vouch.data.read import read
from vouch.data.schema import Hints, infer, modality
from vouch.data.split import FEWEST_ROWS, SplitPlan, split
from vouch.errors import OutputError, TargetError, UsageError, nearest
from vouch.nets.build import build_network
from vouch.nets.network import find_device, outputs_of
from vouch.objectives import Supervised
from vouch.report import pages
from vouch.tasks import fit_task
from vouch.training.baseline_features import Block
from vouch.training.baselines import baselines
from vouch.training.budget import epochs_within, seconds_of
from vouch.training.checkpoint import Checkpoints
from vouch.training.loop import Job, train
from vouch.training.plan import BUDGET, Facts, plan
from vouch.training.settings import override, read_settings

if TYPE_CHECKING:
    import numpy.typing as npt


_TRAINING_SHARE = 0.85


class Bundle(BundleValue):
    """A trained network with all that it was made from; the verbs are its methods."""

    def predict(self, data: object) -> npt.NDArray[np.generic]:
        """The predicted class names, or values, of new rows (B,)."""
        return predict(self, data)["prediction"].to_numpy()

    def predict_proba(self, data: object) -> npt.NDArray[np.float64]:
        """Probabilities of new rows (B, K), in the order of ``bundle.task.classes``.

        Raises:
            UsageError: the task has no probabilities.
        """
        frame = predict(self, data)
        columns = [name for name in frame.columns if name.startswith("probability[")]
        if not columns:
            raise UsageError("a regression has no probabilities", next_step="Use predict instead.")
        return frame.select(columns).to_numpy()

    def save(self, path: str | Path) -> Path:
        """Write the folder ``path``."""
        return store.save(self, Path(path))


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
    progress = options.get("progress", _silent)
    started = time.perf_counter()
    dataset, schema = _read(data, target, options)
    progress("read", rows=dataset.frame.height, columns=dataset.frame.width, task=schema.task)
    ready = _prepare(dataset, schema, options)
    prepared = time.perf_counter()
    progress("prepared", train=len(ready.split.train), valid=len(ready.split.valid), test=len(ready.split.test))
    ready = _within_budget(ready, options, prepared - started)
    partial = _begin(ready, options)
    history = train(_job(ready, partial, progress))
    trained = time.perf_counter()
    seconds = {"prepare": prepared - started, "train": trained - prepared}
    bundle = _measure(ready, [(e.epoch, e.loss, e.score, e.seconds) for e in history], seconds)
    if partial is not None:
        store.save(bundle, Path(str(options["out"])), pages(bundle))
        partial.end()
    progress("done", seconds=round(time.perf_counter() - started, 1))
    return bundle


def load(path: str | Path) -> Bundle:
    """Read a bundle from its folder; no code in it can run.

    Args:
        path: the folder ``NAME.vouch``.

    Returns:
        The bundle, whose predictions equal those of the one that was saved.

    Raises:
        BundleError: it is absent, damaged, or of a later version.
    """
    return _as_bundle(store.load(Path(path)))


def predict(bundle: BundleValue, data: object, *, device: str = "auto") -> pl.DataFrame:
    """Predict new rows, whose columns may be missing, extra or in another order.

    Args:
        bundle: from ``fit`` or ``load``.
        data: whatever ``fit`` reads, with or without the target.
        device: where to compute.

    Returns:
        One row for each row of the data: "prediction", and probabilities where the task has any; null where a
        picture could not be read.
    """
    return predict_with_notes(bundle, data, device=device)[0]


def predict_with_notes(
    bundle: BundleValue, data: object, *, device: str = "auto"
) -> tuple[pl.DataFrame, tuple[Note, ...]]:
    """The same as :func:`predict`, and what had to be done to the data on the way."""
    dataset = read(data)
    canonical = clean(dataset, bundle.schema, labelled=False)
    place = find_device(device)
    inputs = [x.to(place) for x in encode(canonical.frame, bundle.encoders)]
    outputs = outputs_of(bundle.network.to(place), inputs)
    frame = bundle.task.frame(bundle.task.decode(outputs.cpu()))
    bad = unreadable_rows(dataset, canonical, bundle.schema)
    notes = canonical.notes
    if bad.any():
        frame = frame.with_columns(pl.when(~bad).then(pl.all()))
        notes = (
            *notes,
            Note("skipped", f"{bad.sum()} rows have no prediction: their picture cannot be read", int(bad.sum())),
        )
    return frame, notes


def write_table(frame: pl.DataFrame, path: Path) -> Path:
    """Write predictions as .csv, .parquet or .jsonl: whole, or not at all.

    Raises:
        UsageError: another ending.
        OutputError: the place cannot be written.
    """
    writers = {".csv": frame.write_csv, ".parquet": frame.write_parquet, ".jsonl": frame.write_ndjson}
    if path.suffix not in writers:
        raise UsageError(
            f"'{path.name}' has no known ending", expected=", ".join(writers), received=path.suffix or "none"
        )
    fresh = path.with_name(f".{path.name}.new")
    try:
        writers[path.suffix](fresh)
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise OutputError("the predictions cannot be written", where=str(path), received=str(error)[:200]) from error
    return path


def recipe(data: object, target: str | None = None, **options: Unpack[FitOptions]) -> tuple[Schema, Recipe]:
    """What ``fit`` would do with the same arguments: the schema, and the recipe with every default filled in."""
    _check_options(options)
    dataset, schema = _read(data, target, options)
    canonical = clean(dataset, schema)
    return schema, _plan(_unsealed(canonical), schema, options)


@dataclass(frozen=True, slots=True, eq=False)
class _Ready:
    """Data and network as training wants them."""

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


def _read(data: object, target: str | None, options: FitOptions) -> tuple[Dataset, Schema]:
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
    hints = Hints(
        target, options.get("task"), options.get("group"), options.get("time"),
        options.get("types") or {}, options.get("drop") or (),
    )  # fmt: skip
    return dataset, infer(dataset, hints)


def _prepare(dataset: Dataset, schema: Schema, options: FitOptions) -> _Ready:
    """Clean, plan, split, encode, and build the network."""
    canonical = clean(dataset, schema)
    recipe = _plan(_unsealed(canonical), schema, options)
    fingerprint = hashlib.sha256(canonical.frame.hash_rows(seed=0).to_numpy().tobytes()).hexdigest()
    if options.get("resume") and options.get("out"):
        kept = store.Partial.beside(Path(str(options["out"]))).recipe(fingerprint)
        recipe = override(recipe, kept)
    sizes = SplitPlan(recipe.seed, recipe.valid_fraction, recipe.test_fraction, options.get("fewest_rows", FEWEST_ROWS))
    parts, notes = split(canonical, schema, sizes)
    canonical = canonical.with_notes(*notes)
    target = canonical.frame[schema.target.name]
    task = fit_task(schema.task, target[parts.train])
    wanted = task.encode(target)
    classes = wanted if schema.task in ("binary", "multiclass") else None
    encoders = fit_encoders(canonical, schema, parts, recipe, classes)
    inputs = encode(canonical.frame, encoders)
    place = find_device(options.get("device", "auto"))
    network = build_network(encoders, task.outputs, recipe).to(place)
    inputs, wanted = [x.to(place) for x in inputs], wanted.to(place)
    return _Ready(canonical, schema, parts, recipe, task, encoders, inputs, wanted, network, fingerprint)


def _plan(rows: int, schema: Schema, options: FitOptions) -> Recipe:
    """The default recipe for this data, then the user's file, then single settings, then the seed."""
    features = [(column, modality(column.kind).capabilities) for column in schema.features]
    chosen = plan(Facts(features, rows, schema.task, seconds_of(options.get("budget") or BUDGET)))
    if (given := options.get("recipe")) is not None:
        chosen = override(chosen, given if isinstance(given, Mapping) else read_settings(Path(given)))
    chosen = override(chosen, options.get("settings") or {})
    seed = options.get("seed")
    return chosen if seed is None else override(chosen, {"seed": seed})


def _unsealed(dataset: Dataset) -> int:
    """Rows that the data itself does not put aside for testing."""
    if dataset.part is None:
        return dataset.frame.height
    return int((dataset.frame[dataset.part].cast(pl.String).str.to_lowercase() != "test").sum())


def _within_budget(ready: _Ready, options: FitOptions, spent: float) -> _Ready:
    """The recipe with no more epochs than fit into the budget, less what preparing took and measuring will take."""
    if not options.get("budget") or options.get("resume"):
        return ready
    left = max(seconds_of(options["budget"] or "") - spent, 1.0) * _TRAINING_SHARE
    epochs = epochs_within(_job(ready, None, _silent), left)
    return replace(ready, recipe=replace(ready.recipe, epochs=min(epochs, ready.recipe.epochs)))


def _begin(ready: _Ready, options: FitOptions) -> store.Partial | None:
    """The folder for checkpoints beside ``out``, if there is to be one."""
    if options.get("out") is None:
        return None
    partial = store.Partial.beside(Path(str(options["out"])))
    if not options.get("resume"):
        partial.begin(ready.recipe, ready.fingerprint)
    return partial


def _job(ready: _Ready, partial: store.Partial | None, progress: Progress) -> Job:
    """The training run: supervised, choosing on the validation rows."""
    recipe, valid = ready.recipe, torch.from_numpy(ready.split.valid).to(ready.wanted.device)
    truth = ready.task.truth(ready.dataset.frame[ready.schema.target.name])[ready.split.valid]

    held = [x[valid] for x in ready.inputs]

    def evaluate(network: torch.nn.Module) -> float:
        return ready.task.score(ready.task.decode(outputs_of(network, held).cpu()), truth)

    def augment(batch: list[torch.Tensor], generator: torch.Generator) -> list[torch.Tensor]:
        pairs = zip(ready.encoders, batch, strict=True)
        return [encoder.augment(x, recipe, generator) for encoder, x in pairs]

    return Job(
        network=ready.network,
        inputs=ready.inputs,
        target=ready.wanted,
        rows=torch.from_numpy(ready.split.train).to(valid.device),
        objective=Supervised(ready.task, recipe.label_smoothing, recipe.l1),
        augment=augment,
        evaluate=evaluate,
        recipe=recipe,
        checkpoints=Checkpoints(partial.checkpoint if partial else None),
        progress=progress,
    )


def _measure(ready: _Ready, history: list[tuple[int, float, float, float]], seconds: dict[str, float]) -> Bundle:
    """Score the sealed rows once, with simple methods beside the network."""
    started = time.perf_counter()
    rows, name = ready.split.test, ready.schema.target.name
    ready.network.cpu()
    decoded = ready.task.decode(outputs_of(ready.network, [x.cpu()[rows] for x in ready.inputs]))
    target = ready.dataset.frame[name]
    found = _evidence(ready, decoded)
    predictions = pl.DataFrame({"row": rows, "truth": target[rows]}).hstack(ready.task.frame(decoded))
    versions = {"vouch": version("deepvouch"), "python": platform.python_version()}
    versions |= {library: version(library) for library in ("torch", "polars", "numpy", "scikit-learn", "safetensors")}
    seconds = {**seconds, "measure": time.perf_counter() - started}
    notes = ready.dataset.notes
    run = Run(
        ready.dataset.source, ready.fingerprint, tuple(history), seconds, versions, torch.get_num_threads(), notes
    )
    look = Look("fit", datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "held-out figures of the new bundle")
    return Bundle(
        ready.schema, ready.task, ready.recipe, ready.encoders, ready.network, ready.split, found, predictions, run,
        (look,), _examples(ready, decoded),
    )  # fmt: skip


def _evidence(ready: _Ready, decoded: npt.NDArray[np.float64]) -> Evidence:
    """Figures of the network and of simple methods on the same sealed rows."""
    task, rows = ready.task, ready.split
    if not len(rows.test):
        return Evidence((), {}, "No rows were sealed, so nothing is known of how good the network is on new rows.")
    truth = task.truth(ready.dataset.frame[ready.schema.target.name])
    blocks = [_block(ready, encoder, x) for encoder, x in zip(ready.encoders, ready.inputs, strict=True)]
    learned_on = np.concatenate([rows.train, rows.valid])
    simple = baselines(blocks, truth, task.name, learned_on, rows.test, ready.recipe.seed)
    held = Truth(task.name, task.classes, truth[rows.test], groups=_groups(ready))
    seed = ready.recipe.seed
    figures = {name: evidence(held, predicted, seed) for name, predicted in simple.predictions.items()}
    verdict = verdict_sentence(held, decoded, simple.predictions, seed)
    failed = tuple(f"{name} could not be fitted: {why}" for name, why in simple.failures.items())
    return Evidence(evidence(held, decoded, seed), figures, verdict, (*simple.notes, *failed))


def _block(ready: _Ready, encoder: Encoder, encoded: torch.Tensor) -> Block:
    """Encoded columns as simple methods want them: of categories the codes alone, without their spelling."""
    capabilities = modality(ready.schema.column(encoder.columns[0]).kind).capabilities
    cardinalities = getattr(encoder, "cardinalities", None)
    return Block(encoded.cpu()[:, : len(cardinalities)] if cardinalities else encoded.cpu(), capabilities, cardinalities)


def _groups(ready: _Ready) -> npt.NDArray[np.generic] | None:
    """Which sealed rows belong together, when the user named a group."""
    group = next((column.name for column in ready.schema.columns if column.role == "group"), None)
    return None if group is None else ready.dataset.frame[group][ready.split.test].cast(pl.String).to_numpy()


def _examples(ready: _Ready, decoded: npt.NDArray[np.float64], most: int = 12) -> tuple[Example, ...]:
    """The sealed rows that the network got most wrong."""
    rows = ready.split.test
    target = ready.dataset.frame[ready.schema.target.name][rows]
    losses = ready.task.losses(decoded, ready.task.truth(target))
    worst = np.argsort(-losses, kind="stable")[:most]
    said = ready.task.frame(decoded)["prediction"]
    cells = ready.dataset.frame[rows[worst]]
    return tuple(
        Example(
            int(rows[i]),
            str(target[int(i)]),
            str(said[int(i)]),
            float(losses[i]),
            _cells(ready, cells.row(k, named=True)),
        )
        for k, i in enumerate(worst)
    )


def _cells(ready: _Ready, row: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    shown = ready.schema.features[:30]
    return tuple((column.name, modality(column.kind).show(row[column.name], column)) for column in shown)


def _check_options(options: Mapping[str, object]) -> None:
    known = FitOptions.__annotations__
    for name in options:
        if name not in known:
            raise UsageError(f"fit has no option '{name}'", next_step=nearest(name, known))


def _silent(event: str, /, **facts: float | int | str | None) -> None:
    """No progress is told."""


def _as_bundle(value: BundleValue) -> Bundle:
    return Bundle(**{field.name: getattr(value, field.name) for field in fields(value)})
