"""From raw cells to canonical ones, under a schema; every row dropped and every cell lost is counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from vouch.contracts.dataset import Dataset, Note
from vouch.contracts.roles import Modality
from vouch.contracts.schema import Column, Schema
from vouch.data.schema import modality, without_marks
from vouch.data.shelf import Shelf, filtered, is_large, let_go
from vouch.data.spelling import spellings
from vouch.errors import ColumnError, MediaError, TargetError

_PICTURES = 2048


def clean(dataset: Dataset, schema: Schema, *, labelled: bool = True) -> Dataset:
    """Canonical columns under a schema: features, target, group and time; ignored columns fall away.

    One column is worked on at a time; those that are done move to disk when they become too large for memory.

    Args:
        dataset: as it was read; columns may be missing, extra or in another order when it is not the training data.
        schema: what each column is.
        labelled: whether the target must be there; rows without it are then dropped.

    Returns:
        The canonical data, with a note for all that was dropped, filled or normalised.

    Raises:
        ColumnError: no feature of the schema is in the data.
        TargetError: the target is absent although it is needed, or has no value.
        MediaError: more than a tenth of the pictures cannot be read.
    """
    frame, notes = dataset.frame, list(dataset.notes)
    wanted = [column for column in schema.columns if column.role != "ignored"]
    wanted = [column for column in wanted if column.role == "feature" or labelled]
    _check_columns(dataset, schema, labelled)
    keep = pl.repeat(True, frame.height, dtype=pl.Boolean, eager=True)
    shelf = Shelf(frame.height)
    for column in wanted:
        series, bad = _canonical(dataset, column, notes)
        if column.role == "target" and schema.task in ("binary", "multiclass"):
            series = _one_spelling(series, column, notes)
        keep = keep & ~bad
        shelf.put(column.name, [series])
        let_go()
    if dataset.part and labelled:
        shelf.put(_part_name(schema), [frame[dataset.part]])
    out = shelf.frame() if wanted else frame.clear()
    if labelled:
        keep = keep & _has_target(out[schema.target.name], dataset, notes)
    lines = pl.arange(0, out.height, eager=True)
    if labelled and not keep.all():
        out, lines = filtered(out, keep), lines.filter(keep)
    if is_large(out) and not is_large(frame):
        text = f"{out.height:,} rows are larger than memory may hold once they are decoded: kept on disk meanwhile"
        notes.append(Note("read", text, out.height))
    part = _part_name(schema) if dataset.part and labelled else None
    return replace(dataset, frame=out, notes=tuple(notes), part=part, target=_target_name(schema), lines=lines)


def unreadable_rows(raw: Dataset, canonical: Dataset, schema: Schema) -> pl.Series:
    """Which rows hold a picture that could not be read, so that no honest prediction can be made for them."""
    bad = pl.repeat(False, raw.frame.height, dtype=pl.Boolean, eager=True)
    for column in schema.features:
        if modality(column.kind).drops_unreadable and column.name in raw.frame.columns:
            bad = bad | (raw.frame[column.name].is_not_null() & canonical.frame[column.name].is_null())
    return bad


def _canonical(dataset: Dataset, column: Column, notes: list[Note]) -> tuple[pl.Series, pl.Series]:
    """One column made canonical, and the rows to be dropped for its sake."""
    height, reader = dataset.frame.height, modality(column.kind)
    nothing_bad = pl.repeat(False, height, dtype=pl.Boolean, eager=True)
    if column.name not in dataset.frame.columns:
        raw = pl.Series(column.name, [None] * height, dtype=pl.String)
        notes.append(
            Note("filled", f"column '{column.name}' is absent: every value taken as missing", height, column.name)
        )
    else:
        raw = dataset.frame[column.name]
        raw = raw.cast(pl.String) if raw.dtype in (pl.Categorical, pl.Enum) else raw
    raw = without_marks(raw, column.missing) if raw.dtype == pl.String else raw
    series = _received(reader, raw, column, dataset.root)
    lost = series.null_count() - raw.null_count()
    if lost <= 0:
        return series, nothing_bad
    if not reader.drops_unreadable:
        notes.append(
            Note(
                "filled", f"{lost} cells of '{column.name}' cannot be read as {column.kind}: missing", lost, column.name
            )
        )
        return series, nothing_bad
    if lost > max(height // 10, 1) or lost == height:
        raise MediaError(
            f"{lost} of {height} pictures cannot be read", where=f"{dataset.source}, column '{column.name}'",
            expected="at most a tenth", next_step="Look at the files, or at the folder that the paths start from.",
        )  # fmt: skip
    notes.append(Note("dropped", f"{lost} rows whose picture in '{column.name}' cannot be read", lost, column.name))
    return series, series.is_null() & raw.is_not_null()


def _received(reader: Modality, raw: pl.Series, column: Column, root: Path | None) -> pl.Series:
    """Canonical cells; pictures, which are large once they are read, a few at a time."""
    if not reader.capabilities.spatial:
        return reader.receive(raw, column, root)
    shelf = Shelf(len(raw))
    parts = (raw.slice(start, _PICTURES) for start in range(0, max(len(raw), 1), _PICTURES))
    shelf.put(column.name, (reader.receive(part, column, root) for part in parts))
    return shelf.frame().to_series()


def _one_spelling(labels: pl.Series, column: Column, notes: list[Note]) -> pl.Series:
    """Labels brought to their most frequent spelling."""
    change = spellings(labels)
    if not change:
        return labels
    rows = int(labels.is_in(list(change)).sum())
    told = ", ".join(f"'{old}' as '{new}'" for old, new in list(change.items())[:5])
    notes.append(Note("normalised", f"{rows} labels read as another spelling of a class: {told}", rows, column.name))
    return labels.replace(change)


def _has_target(target: pl.Series, dataset: Dataset, notes: list[Note]) -> pl.Series:
    known = target.is_not_null()
    lost = len(target) - int(known.sum())
    if lost == len(target):
        raise TargetError(
            "no value of the target can be read", where=f"{dataset.source}, column '{target.name}'",
            next_step="Name another --target, or another --task.",
        )  # fmt: skip
    if lost:
        notes.append(Note("dropped", f"{lost} rows without a value of the target '{target.name}'", lost, target.name))
    return known


def _check_columns(dataset: Dataset, schema: Schema, labelled: bool) -> None:
    present = set(dataset.frame.columns)
    if not any(column.name in present for column in schema.features):
        names = ", ".join(column.name for column in schema.features[:8])
        raise ColumnError(
            "none of the model's columns is in the data", where=dataset.source, expected=names,
            received=", ".join(dataset.frame.columns[:8]), next_step="Give data with the columns of the training data.",
        )  # fmt: skip
    if labelled and schema.target.name not in present:
        raise TargetError(
            f"there is no target '{schema.target.name}'", where=dataset.source,
            received="columns " + ", ".join(dataset.frame.columns[:8]),
            next_step="Test data needs the target as well; to predict without it use 'vouch predict'.",
        )  # fmt: skip


def _target_name(schema: Schema) -> str | None:
    """The target's name; none where nothing is to be predicted."""
    return next((column.name for column in schema.columns if column.role == "target"), None)


def _part_name(schema: Schema) -> str:
    """A name for the column of parts that no other column has."""
    name = "part"
    taken = {column.name for column in schema.columns if column.role != "ignored"}
    while name in taken:
        name += "_"
    return name
