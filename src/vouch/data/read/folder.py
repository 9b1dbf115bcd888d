"""Folders: one folder of files for each class, perhaps below folders for training and test rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from vouch.contracts.dataset import Dataset, Note
from vouch.data.read.archive import TABLES
from vouch.data.read.encoding import SAMPLE, decode, encoding_of
from vouch.data.read.idx import idx_folder
from vouch.data.read.media import main_medium, medium_of
from vouch.data.read.metadata import metadata_in, read_metadata
from vouch.data.read.paths import Listing, listing, walk
from vouch.data.read.wording import some
from vouch.errors import DataError, FormatError, MediaError

_PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing"), "test"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "valid"),
}
_LARGEST_TEXT = 64 << 20


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of a folder with what their place says about them.

    Args:
        paths: relative to the root, sorted.
        labels: the class folder of each; empty when there are no class folders.
        hidden: how many hidden files were passed over.
    """

    paths: tuple[str, ...]
    labels: tuple[str, ...]
    hidden: int


def read_folder(root: Path) -> Dataset:
    """Read a folder of pictures, documents or recordings.

    One folder for each class gives the target ``label``; folders called train, test or valid around them give the
    column ``split``; a ``metadata.csv`` or ``metadata.jsonl`` gives columns of its own; files that lie flat have no
    target. Media are paths relative to the folder; documents are their text.

    Raises:
        MediaError: there is nothing to read in it, or something leads out of it.
        FormatError: it holds tables, of which one must be named.
    """
    found = listing(root, root)
    pictures = idx_folder(root, found.files)
    if pictures is not None:
        return pictures
    parts = {name: _PARTS[name.lower()] for name in found.folders if name.lower() in _PARTS}
    if parts and len(parts) == len(found.folders) and metadata_in(root) is None:
        return _of_parts(parts, root)
    dataset = _read_part(root, root)
    if dataset.target != "label" or dataset.frame["label"].n_unique() > 1:
        return dataset
    note = Note("read", "all files lie in one folder, whose name is no class: there is no target")
    return replace(dataset, frame=dataset.frame.drop("label"), target=None).with_notes(note)


def _read_part(folder: Path, root: Path) -> Dataset:
    """One folder without regard to parts."""
    metadata = metadata_in(folder)
    if metadata is not None:
        return read_metadata(metadata, root)
    found = listing(folder, root)
    files = _in_class_folders(folder, root, found)
    medium = main_medium(files.paths)
    if medium is None and not files.labels:
        files = _Files(tuple((folder.relative_to(root) / name).as_posix() for name in found.files), (), found.hidden)
        medium = _flat_medium(folder, found)
    if medium is None:
        raise _nothing(folder, f"{some(len(files.paths), 'file')} of other kinds" if files.paths else "no files")
    return _dataset(files, medium, root)


def _in_class_folders(folder: Path, root: Path, found: Listing) -> _Files:
    paths: list[str] = []
    labels: list[str] = []
    hidden = found.hidden
    for name in found.folders:
        for entry in walk(folder / name, root):
            if isinstance(entry, int):
                hidden += entry
            else:
                paths.append(entry)
                labels.append(name)
    return _Files(tuple(paths), tuple(labels), hidden)


def _flat_medium(folder: Path, found: Listing) -> str | None:
    """The medium of files that lie in no class folder.

    Raises:
        FormatError: they are tables.
    """
    medium = main_medium(found.files)
    tables = [name for name in found.files if name.lower().endswith((*TABLES[0], *TABLES[1], ".csv.gz", ".tsv.gz"))]
    if tables and medium in (None, "text"):
        suffix = "".join(Path(tables[0]).suffixes[-2:]) if tables[0].endswith(".gz") else Path(tables[0]).suffix
        one = f"Give the file itself: {folder / tables[0]}."
        many = f"Give a file, or all of them as '{folder}/*{suffix}'."
        raise FormatError(
            f"the folder holds {some(len(tables), 'table')} and no class folders",
            where=str(folder),
            expected="folders of pictures or documents",
            next_step=one if len(tables) == 1 else many,
        )
    return medium


def _dataset(files: _Files, medium: str, root: Path) -> Dataset:
    """Rows for the files of the chosen medium; the others are counted."""
    chosen = [at for at, path in enumerate(files.paths) if medium_of(path) == medium]
    paths = [files.paths[at] for at in chosen]
    notes = [Note("read", f"{some(len(paths), 'file')}, one row each, in the column '{medium}'", len(paths))]
    other = len(files.paths) - len(paths)
    if other:
        suffixes = Counter(Path(path).suffix or "none" for path in files.paths if medium_of(path) != medium)
        notes.append(
            Note("skipped", f"{some(other, 'file')} of other kinds ({', '.join(sorted(suffixes)[:6])})", other)
        )
    if files.hidden:
        notes.append(Note("skipped", some(files.hidden, "hidden file"), files.hidden))
    cells = [_document(root / path) for path in paths] if medium == "text" else paths
    columns = [pl.Series(medium, cells, dtype=pl.String)]
    if not files.labels:
        notes.append(Note("read", "no class folders: there is no target"))
        return Dataset(pl.DataFrame(columns), str(root), root=root, notes=tuple(notes))
    labels = pl.Series("label", [files.labels[at] for at in chosen], dtype=pl.String)
    notes.append(Note("read", f"{some(labels.n_unique(), 'class folder')} gave the column 'label'"))
    empty = len(set(files.labels)) - labels.n_unique()
    if empty:
        notes.append(Note("skipped", f"{some(empty, 'folder')} without anything of that kind", empty))
    return Dataset(pl.DataFrame([*columns, labels]), str(root), root=root, notes=tuple(notes), target="label")


def _document(path: Path) -> str | None:
    """The text of a document; None when it is empty."""
    try:
        if path.stat().st_size > _LARGEST_TEXT:
            most = f"at most {_LARGEST_TEXT >> 20} MiB"
            raise FormatError("the document is too large", where=str(path), expected=most)
        data = path.read_bytes()
    except OSError as error:
        raise DataError("the document cannot be read", where=str(path), received=str(error.strerror)) from error
    text = decode(data, encoding_of(data[:SAMPLE]), str(path)).replace("\0", " ").strip()
    return text or None


def _of_parts(folders: dict[str, str], root: Path) -> Dataset:
    """The parts below one another, each row with its part in the column ``split``.

    Raises:
        MediaError: two folders are the same part, or the parts hold different media or columns.
    """
    named = sorted(folders.items(), key=lambda item: ("train", "valid", "test").index(item[1]))
    if len(set(folders.values())) < len(named):
        said = ", ".join(name for name, _ in named)
        raise MediaError("two folders are the same part", where=str(root), received=said, next_step="Rename one.")
    parts = {part: _read_part(root / name, root) for name, part in named}
    first = next(iter(parts.values()))
    if any(dataset.frame.schema != first.frame.schema for dataset in parts.values()):
        said = "; ".join(f"{part}: {', '.join(dataset.frame.columns)}" for part, dataset in parts.items())
        raise MediaError("the parts differ in their columns", where=str(root), expected="one make", received=said)
    frames = [dataset.frame.with_columns(pl.lit(part).alias("split")) for part, dataset in parts.items()]
    notes = [replace(note, text=f"{part}: {note.text}") for part, dataset in parts.items() for note in dataset.notes]
    return replace(first, frame=pl.concat(frames), source=str(root), notes=tuple(notes), part="split")


def _nothing(folder: Path, received: str) -> MediaError:
    return MediaError(
        "the folder holds nothing that can be read",
        where=str(folder),
        expected="one folder of pictures, documents or recordings for each class, or a metadata.csv",
        received=received,
        next_step="Give such a folder, or a table.",
    )
