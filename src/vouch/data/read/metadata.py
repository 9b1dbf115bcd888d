"""A folder described by ``metadata.csv`` or ``metadata.jsonl`` with a ``file_name`` column.

Source: the "imagefolder" convention of the Hugging Face datasets library.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import polars as pl

from vouch.contracts.dataset import Dataset, Note
from vouch.data.read.content import content_at
from vouch.data.read.delimited import read_delimited
from vouch.data.read.media import main_medium, medium_of
from vouch.data.read.paths import Inside
from vouch.data.read.table import read_json_lines
from vouch.data.read.wording import some
from vouch.errors import ColumnError, MediaError, nearest

NAMES = ("metadata.csv", "metadata.jsonl")
_KEY = "file_name"


def metadata_in(folder: Path) -> Path | None:
    """The metadata file of a folder, if it has one."""
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


def read_metadata(path: Path, root: Path) -> Dataset:
    """Read a metadata file: its columns, with the files it names as a column of media paths.

    Args:
        path: the metadata file; the paths in it are relative to its folder.
        root: the data folder, to which the paths of the result are relative.

    Raises:
        ColumnError: it has no column ``file_name``.
        MediaError: a path leads out of the folder, or no file is where they say.
    """
    dataset = _table(path)
    frame = dataset.frame
    if _KEY not in frame.columns:
        raise ColumnError(f"no column '{_KEY}'", where=str(path), next_step=nearest(_KEY, frame.columns))
    names = frame[_KEY].cast(pl.String)
    if names.null_count():
        row = int(names.is_null().arg_max() or 0) + 1
        raise MediaError(f"{names.null_count()} rows name no file", where=f"{path}, row {row}", expected=f"a {_KEY}")
    paths = _relative(names.to_list(), path, root)
    absent = sum(not os.path.exists(root / name) for name in paths)
    if absent == len(paths):
        raise MediaError(
            "none of the files is there", where=str(path), received=repr(paths[0][:80]), next_step="Check the folder."
        )
    notes = [Note("read", f"{path.name} names {some(len(paths), 'file')}")]
    if absent:
        notes.append(Note("skipped", f"{some(absent, 'file')} named in {path.name} cannot be found", absent))
    column = _column_name(paths, frame.columns)
    media = pl.Series(column, paths, dtype=pl.String)
    others = [series for series in frame if series.name != _KEY]
    return replace(dataset, frame=pl.DataFrame([media, *others]), root=root, notes=(*dataset.notes, *notes))


def _table(path: Path) -> Dataset:
    content = content_at(path)
    if path.suffix == ".jsonl":
        return read_json_lines(content)
    frame, notes = read_delimited(content)
    return Dataset(frame, str(path), notes=tuple(notes))


def _relative(names: list[str], path: Path, root: Path) -> list[str]:
    """The paths relative to the root, each checked to stay within it."""
    inside = Inside(path.parent)
    found = [inside.path(name, f"{path}, row {row}") for row, name in enumerate(names, 1)]
    return [file.relative_to(root).as_posix() for file in found]


def _column_name(paths: list[str], taken: list[str]) -> str:
    """What the media column is called: after its medium when all files are of one, else as it was."""
    medium = main_medium(paths)
    alike = medium is not None and all(medium_of(name) == medium for name in paths)
    return medium if medium is not None and alike and medium not in taken else _KEY
