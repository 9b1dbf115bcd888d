"""Several files of one make, joined below one another."""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import polars as pl

from vouch.contracts.dataset import Dataset, Note
from vouch.data.read.shards import in_shards
from vouch.data.read.wording import some
from vouch.data.shelf import Shelf, changed, is_large, size_of, stacked, too_large
from vouch.errors import ColumnError, DataNotFoundError, UsageError, nearest

_MOST_NOTES = 12


def matches(pattern: str) -> list[Path]:
    """The files that a glob names, sorted.

    Raises:
        DataNotFoundError: there is none.
    """
    found = [Path(name) for name in sorted(glob.glob(pattern, recursive=True))]
    if not found:
        raise DataNotFoundError("no file matches the pattern", where=pattern, next_step="Check the pattern.")
    return found


def read_several(paths: Sequence[Path], source: str, read_one: Callable[[Path], Dataset]) -> Dataset:
    """Read files with the same columns as one data set.

    Args:
        paths: at least one file.
        source: what the user gave, for messages.
        read_one: how each is read.

    Raises:
        UsageError: the list is empty.
        ColumnError: a file has other columns than the first.
    """
    if not paths:
        raise UsageError("the list of files is empty", next_step="Give at least one file.")
    datasets = _read_each(paths, read_one)
    if len(datasets) == 1:
        return datasets[0]
    first = datasets[0]
    for path, dataset in zip(paths[1:], datasets[1:], strict=True):
        _check_columns(first.frame, dataset.frame, str(path), str(paths[0]))
    frame, told = _joined([dataset.frame.select(first.frame.columns) for dataset in datasets])
    roots = {dataset.root for dataset in datasets}
    parts = {dataset.part for dataset in datasets}
    sharded = [in_shards(frame.height)] if is_large(frame) else []
    notes = [*sharded, *_notes(datasets), *told]
    return replace(
        first,
        frame=frame,
        source=source,
        root=roots.pop() if len(roots) == 1 else None,
        part=parts.pop() if len(parts) == 1 else None,
        notes=(Note("read", f"{len(paths)} files joined below one another", len(paths)), *notes),
    )


def _read_each(paths: Sequence[Path], read_one: Callable[[Path], Dataset]) -> list[Dataset]:
    """All files, one after the other; when those that were read become too large for memory, they move to disk."""
    done: list[Dataset] = []
    held: list[Dataset] = []
    for path in paths:
        held.append(read_one(path))
        if too_large(sum(size_of(dataset.frame) for dataset in held)):
            done, held = [*done, *_on_disk(held)], []
    return [*done, *held]


def _on_disk(datasets: list[Dataset]) -> list[Dataset]:
    """The same data sets; the rows of neighbours with the same columns all stand in the first of them."""
    out: list[Dataset] = []
    for _, same in groupby(datasets, key=lambda dataset: dataset.frame.schema):
        run = list(same)
        shelf = Shelf(sum(dataset.frame.height for dataset in run), limit=0)
        for dataset in run:
            shelf.put_rows(dataset.frame)
        out += [replace(run[0], frame=shelf.frame())]
        out += [replace(dataset, frame=dataset.frame.clear()) for dataset in run[1:]]
    return out


def _check_columns(first: pl.DataFrame, other: pl.DataFrame, where: str, reference: str) -> None:
    missing = [name for name in first.columns if name not in other.columns]
    extra = [name for name in other.columns if name not in first.columns]
    if not missing and not extra:
        return
    name = (missing or extra)[0]
    said = f"no column {name!r}" if missing else f"a column {name!r} more"
    raise ColumnError(
        "the file has other columns than the first one",
        where=where,
        expected=f"the columns of {reference}",
        received=said,
        next_step=nearest(name, extra) if missing else "Give files of one make.",
    )


def _joined(frames: list[pl.DataFrame]) -> tuple[pl.DataFrame, list[Note]]:
    """Frames below one another; a column that is text in one of them becomes text in all."""
    notes: list[Note] = []
    casts: dict[str, pl.DataType] = {}
    for name in frames[0].columns:
        types = {str(frame.schema[name]): frame.schema[name] for frame in frames}
        numeric = all(dtype.is_numeric() for dtype in types.values())
        if len(types) > 1 and not numeric:
            casts[name] = pl.String()
            notes.append(Note("read", f"'{name}' is text in some files and is read as text in all", column=name))
    alike = [_cast(frame, casts) for frame in frames]
    return stacked(alike), notes


def _cast(frame: pl.DataFrame, casts: dict[str, pl.DataType]) -> pl.DataFrame:
    columns = [changed(frame[name], lambda cells, to=to: cells.cast(to)) for name, to in casts.items()]
    return frame.with_columns(columns)


def _notes(datasets: list[Dataset]) -> list[Note]:
    """The notes of all files: the same one said once, with its counts added up, and not too many of them."""
    counted: dict[tuple[str, str], Note] = {}
    for dataset in datasets:
        for note in dataset.notes:
            key = (note.kind, note.text)
            counted[key] = replace(note, count=note.count + counted[key].count) if key in counted else note
    notes = list(counted.values())
    if len(notes) <= _MOST_NOTES:
        return notes
    left = len(notes) - _MOST_NOTES
    return [*notes[:_MOST_NOTES], Note("read", f"{some(left, 'more remark')} on single files not shown", left)]
