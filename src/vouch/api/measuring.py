"""Score the sealed rows, once, with simple methods beside the network."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import torch

from vouch.api.predicting import Bundle, answers, as_bundle
from vouch.api.preparing import Ready
from vouch.api.simple import simple_methods
from vouch.contracts.bundle import BundleValue, Evidence, Example, Look, Run
from vouch.contracts.dataset import Dataset
from vouch.contracts.schema import Schema
from vouch.data.schema import modality
from vouch.nets.network import outputs_of
from vouch.statistics.compare import strongest, told
from vouch.statistics.evidence import Truth, evidence
from vouch.training.feed import at_once, taken
from vouch.training.state import Epoch
from vouch.wording import metric_within

if TYPE_CHECKING:
    import numpy.typing as npt


_COLUMNS = 30


def measure(ready: Ready, history: Sequence[Epoch], seconds: dict[str, float]) -> Bundle:
    """Score the sealed rows once, with simple methods beside the network."""
    started = time.perf_counter()
    rows, name = ready.split.test, ready.schema.target.name
    decoded = predicted(ready, rows)
    target = ready.dataset.frame[name]
    found = _evidence(ready, decoded)
    predictions = pl.DataFrame({"row": rows, "truth": target[rows]}).hstack(ready.task.frame(decoded))
    made = tuple((one.epoch, one.loss, one.score, one.seconds) for one in history)
    seconds = {**seconds, "measure": time.perf_counter() - started}
    run = Run(
        ready.dataset.source, ready.fingerprint, made, seconds, versions(), torch.get_num_threads(),
        ready.dataset.notes, ready.asked,
    )  # fmt: skip
    look = Look("fit", now(), "held-out figures of the new bundle")
    return Bundle(
        ready.schema, ready.task, ready.recipe, ready.encoders, ready.network, ready.split, found, predictions, run,
        (look,), _examples(ready, decoded), start=ready.start,
    )  # fmt: skip


def remeasured(
    bundle: BundleValue, dataset: Dataset, inputs: list[torch.Tensor], decoded: npt.NDArray[np.float64]
) -> Bundle:
    """A bundle whose network is as it was and whose answers are not, with the figures of its new answers.

    Args:
        bundle: with the evidence and the predictions of before.
        dataset: canonical data.
        inputs: encoded columns of all rows.
        decoded: what the bundle now says of the sealed rows.
    """
    ready = Ready(
        dataset, bundle.schema, bundle.split, bundle.recipe, bundle.task, bundle.encoders, inputs, torch.empty(0),
        bundle.network, bundle.run.fingerprint, bundle.run.asked,
    )  # fmt: skip
    rows, target = bundle.split.test, dataset.frame[bundle.schema.target.name]
    predictions = pl.DataFrame({"row": rows, "truth": target[rows]}).hstack(answers(bundle, decoded))
    found, examples = _evidence(ready, decoded, _moved(bundle)), _examples(ready, decoded)
    return as_bundle(replace(bundle, evidence=found, predictions=predictions, examples=examples))


def versions() -> dict[str, str]:
    """Of Vouch, Python and the libraries that shape the result."""
    libraries = ("torch", "polars", "numpy", "scikit-learn", "safetensors")
    own = {"vouch": version("deepvouch"), "python": platform.python_version()}
    return own | {library: version(library) for library in libraries}


def now() -> str:
    """The time, as looks have it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def truth_of(bundle: BundleValue | Ready, dataset: Dataset, rows: npt.NDArray[np.int64], part: str) -> Truth:
    """What is true of some rows, and which of them belong together."""
    group = next((column.name for column in bundle.schema.columns if column.role == "group"), None)
    groups = None if group is None else dataset.frame[group][rows].cast(pl.String).to_numpy()
    values = bundle.task.truth(dataset.frame[bundle.schema.target.name][rows])
    return Truth(bundle.schema.task, bundle.task.classes, values, groups, part)


def _moved(bundle: BundleValue) -> str:
    """What sets answers that are moved by group apart from those of simple methods; empty where they are not."""
    if bundle.shifts is None:
        return ""
    criterion = metric_within(bundle.shifts.criterion)
    return f"The network's answers are moved for the sake of {criterion}, the method's are not."


def _evidence(ready: Ready, decoded: npt.NDArray[np.float64], aside: str = "") -> Evidence:
    """Figures of the network and of simple methods on the same sealed rows, and what is to be said beside them."""
    task, rows = ready.task, ready.split
    if not len(rows.test):
        return Evidence((), {}, "No rows were sealed, so nothing is known of how good the network is on new rows.")
    seed, target = ready.recipe.seed, ready.dataset.frame[ready.schema.target.name]
    simple = simple_methods(ready)
    held = Truth(task.name, task.classes, task.truth(target[rows.test]), groups=_groups(ready))
    figures = {name: evidence(held, said, seed) for name, said in simple.predictions.items()}
    failed = tuple(f"{name} could not be fitted: {why}" for name, why in simple.failures.items())
    rival, lead = strongest(held, decoded, simple.predictions, seed)
    notes = *simple.notes, *failed
    return Evidence(evidence(held, decoded, seed), figures, told(rival, lead, aside), notes, rival, lead)


def predicted(ready: Ready, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """What the network says of some rows; the encoded rows are in memory a few at a time."""
    network, inputs = ready.network.cpu(), [x.cpu() for x in ready.inputs]
    parts = torch.from_numpy(rows).split(at_once(inputs))
    return np.concatenate([ready.task.decode(outputs_of(network, taken(inputs, part))) for part in parts])


def _groups(ready: Ready) -> npt.NDArray[np.generic] | None:
    """Which sealed rows belong together, when the user named a group."""
    group = next((column.name for column in ready.schema.columns if column.role == "group"), None)
    return None if group is None else ready.dataset.frame[group][ready.split.test].cast(pl.String).to_numpy()


def _examples(ready: Ready, decoded: npt.NDArray[np.float64], most: int = 12) -> tuple[Example, ...]:
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
            shown(ready.schema, cells.row(k, named=True)),
        )
        for k, i in enumerate(worst)
    )


def shown(schema: Schema, row: dict[str, Any], most: int = _COLUMNS) -> tuple[tuple[str, str], ...]:
    """Column and content of the features of one canonical row, for a reader."""
    features = schema.features[:most]
    return tuple((column.name, modality(column.kind).show(row[column.name], column)) for column in features)
