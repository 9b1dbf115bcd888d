"""The bundle as people use it: load, predict, write."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import torch

from vouch import store
from vouch.api.clustering import check_address, check_extra
from vouch.api.listening import listen, on_disk
from vouch.api.training import silent
from vouch.contracts.bundle import BundleValue
from vouch.contracts.dataset import Dataset, Note
from vouch.data.clean import clean, unreadable_rows
from vouch.data.encode import encode
from vouch.data.read import read
from vouch.data.shelf import let_go
from vouch.errors import UsageError
from vouch.nets.network import find_device, outputs_of
from vouch.statistics.conformal import prediction_intervals, prediction_sets
from vouch.statistics.recalibration import said
from vouch.statistics.shifting import decided, deciding, unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

# A multiple of the batch in which networks answer, so that the last bits are those of all rows at once.
ROWS_AT_ONCE = 65_536


class Bundle(BundleValue):
    """A trained network with all that it was made from; the verbs are its methods.

    ``place`` is the folder that it was read from or written to; ``at_hand`` is the data that it was fitted on, as read
    and canonical, while the process that fitted it still has it. ``later`` holds the same bundle as the last verb left
    it, with what was found and how often the sealed rows were looked at; in a folder that is written down instead.

    Example:
        >>> import vouch
        >>> rows = {"size": [float(i) for i in range(60)], "large": ["no"] * 30 + ["yes"] * 30}
        >>> bundle = vouch.fit(rows, "large", settings={"epochs": 2})
        >>> bundle.predict_proba({"size": [3.0]}).shape
        (1, 2)
    """

    place: Path | None = None
    at_hand: tuple[Dataset, Dataset] | None = None
    later: list[Bundle] | None = None

    def known(
        self, place: Path | None, at_hand: tuple[Dataset, Dataset] | None, later: list[Bundle] | None = None
    ) -> Bundle:
        """The same bundle, which now knows where it lies, what it was fitted on, and what became of it."""
        object.__setattr__(self, "place", place)
        object.__setattr__(self, "at_hand", at_hand)
        object.__setattr__(self, "later", [] if later is None else later)
        return self

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
        place = store.save(self, Path(path))
        self.known(place, self.at_hand)
        return place


def load(path: str | Path) -> Bundle:
    """Read a bundle from its folder; no code in it can run.

    Args:
        path: the folder ``NAME.vouch``.

    Returns:
        The bundle, whose predictions equal those of the one that was saved.

    Raises:
        BundleError: it is absent, damaged, or of a later version.

    Example:
        >>> import tempfile, vouch
        >>> rows = {"size": [float(i) for i in range(60)], "large": ["no"] * 30 + ["yes"] * 30}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     place = vouch.fit(rows, "large", settings={"epochs": 2}).save(f"{folder}/size.vouch")
        ...     load(place).task.classes
        ('no', 'yes')
    """
    return as_bundle(store.load(Path(path))).known(Path(path), None)


def predict(bundle: BundleValue, data: object, *, device: str = "auto", cluster: str | None = None) -> pl.DataFrame:
    """Predict new rows, whose columns may be missing, extra or in another order.

    Args:
        bundle: from ``fit`` or ``load``.
        data: whatever ``fit`` reads, with or without the target.
        device: where to compute.
        cluster: address of a Ray cluster that is to do it, in parts; the data must then be on disk.

    Returns:
        One row for each row of the data: "prediction", and probabilities where the task has any; null where a
        picture could not be read.

    Example:
        >>> import vouch
        >>> rows = {"size": [float(i) for i in range(60)], "large": ["no"] * 30 + ["yes"] * 30}
        >>> predict(vouch.fit(rows, "large", settings={"epochs": 2}), {"size": [3.0]}).columns
        ['prediction', 'probability[no]', 'probability[yes]']
    """
    return predict_with_notes(bundle, data, device=device, cluster=cluster)[0]


def predict_with_notes(
    bundle: BundleValue, data: object, *, device: str = "auto", cluster: str | None = None
) -> tuple[pl.DataFrame, tuple[Note, ...]]:
    """The same as :func:`predict`, and what had to be done to the data on the way."""
    if cluster is None:
        return predicted(bundle, read(data), device)
    check_extra()
    check_address(cluster)
    with TemporaryDirectory(prefix="vouch-") as folder:
        model = store.save(bundle, Path(folder, "model.vouch"))
        listen(["vouch.api.clustering", "predict", cluster, str(model), on_disk(data), device, folder], 1, silent)
        notes = json.loads(Path(folder, "notes.json").read_text(encoding="utf-8"))
        return pl.read_parquet(Path(folder, "answers.parquet")), tuple(Note(**note) for note in notes)


def named_as_fitted(bundle: BundleValue, dataset: Dataset) -> Dataset:
    """Rows of a file without a header, under the names that were given for such a file when the bundle was fitted.

    All columns may be there, or all but the target; any other data is returned as it is.
    """
    given, frame = dict(bundle.run.asked).get("--columns", ""), dataset.frame
    if not given or frame.columns != [f"x{place}" for place in range(frame.width)]:
        return dataset
    names = given.split(",")
    known = [names, [name for name in names if name != bundle.schema.target.name]]
    fit = next((some for some in known if len(some) == frame.width), None)
    if fit is None:
        return dataset
    renamed = frame.rename(dict(zip(frame.columns, fit, strict=True)))
    told = Note("read", "the columns are called as when the network was fitted, for the file has no header")
    return replace(dataset, frame=renamed).with_notes(told)


def predicted(bundle: BundleValue, dataset: Dataset, device: str) -> tuple[pl.DataFrame, tuple[Note, ...]]:
    """Predictions of rows that have been read, and what had to be done to them on the way."""
    place, dataset = device_of(device), named_as_fitted(bundle, dataset)
    canonical = clean(dataset, bundle.schema, labelled=False)
    told = _said_of_all(bundle, encode(canonical.frame, bundle.encoders), place)
    columns = deciding(bundle, canonical.frame, dataset.frame, canonical.lines)
    frame = answers(bundle, decided(bundle, told, columns))
    notes = (*canonical.notes, *_left_as_they_are(bundle, columns))
    bad = unreadable_rows(dataset, canonical, bundle.schema)
    if bad.any():
        frame = frame.with_columns(pl.when(~bad).then(pl.all()))
        notes = (
            *notes,
            Note("skipped", f"{bad.sum()} rows have no prediction: their picture cannot be read", int(bad.sum())),
        )
    return frame, notes


def _left_as_they_are(bundle: BundleValue, columns: pl.DataFrame | None) -> tuple[Note, ...]:
    """A note on rows whose answers are not shifted, for nothing is known of their group."""
    lost = unknown(bundle, columns)
    text = f"{lost} rows are of a group that the bundle does not know: their answers are not shifted"
    return (Note("filled", text, lost),) if lost else ()


def _said_of_all(bundle: BundleValue, inputs: Sequence[torch.Tensor], place: torch.device) -> npt.NDArray[np.float64]:
    """What the bundle says of encoded rows; they are on the device, and in memory where they are on disk, in parts."""
    network, parts = bundle.network.to(place), []
    for start in range(0, max(len(inputs[0]), 1), ROWS_AT_ONCE):
        some = [x[start : start + ROWS_AT_ONCE].to(place) for x in inputs]
        parts.append(said(bundle, outputs_of(network, some).cpu()))
        let_go()
    return np.concatenate(parts)


def answers(bundle: BundleValue, decoded: npt.NDArray[np.float64]) -> pl.DataFrame:
    """Predictions as columns, with prediction sets or intervals where the bundle makes them.

    Args:
        bundle: what predicts.
        decoded: probabilities (B, K), or values (B,).

    Returns:
        "prediction", "probability[...]" for each class, then "prediction_set" (class names, separated by " | "), or
        "prediction_low" and "prediction_high".
    """
    frame = bundle.task.frame(decoded)
    if bundle.conformal is None:
        return frame
    if not bundle.task.classes:
        low, high = prediction_intervals(bundle.conformal, decoded)
        return frame.with_columns(pl.Series("prediction_low", low), pl.Series("prediction_high", high))
    sets = prediction_sets(bundle.conformal, decoded)
    names = np.array(bundle.task.classes, dtype=object)
    return frame.with_columns(pl.Series("prediction_set", [" | ".join(names[row]) for row in sets], dtype=pl.String))


def device_of(name: str) -> torch.device:
    """The device of that name, tried out.

    Raises:
        UsageError: it is not here.
    """
    try:
        place = find_device(name)
        torch.empty(1, device=place)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(
            f"there is no device '{name}' here", received=str(error).splitlines()[0][:120],
            next_step="Leave --device out to take what is here.",
        ) from error  # fmt: skip
    return place


def as_bundle(value: BundleValue) -> Bundle:
    """The same value with the verbs as methods."""
    return Bundle(**{field.name: getattr(value, field.name) for field in fields(value)})
