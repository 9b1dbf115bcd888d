"""Any source of rows to one data set: the entrance to reading."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from vouch.contracts.dataset import Dataset
from vouch.data.read.content import check_exists
from vouch.data.read.files import read_file
from vouch.data.read.folder import read_folder
from vouch.data.read.frame import read_object
from vouch.data.read.several import matches, read_several
from vouch.errors import DataNotFoundError, UsageError


def read(source: object, *, columns: Sequence[str] | None = None) -> Dataset:
    """Read whatever holds rows into one frame of raw columns.

    Nothing is interpreted beyond plain numbers: other cells stay texts, and pictures stay paths relative to the root
    of the data set. What was guessed, skipped or left out on the way is said in its notes, with counts.

    Args:
        source: a path, a glob, a list of paths, a folder, a polars or pandas frame, a ``datasets.Dataset``, a mapping
            of arrays, or an array (B, D).
        columns: names for the columns of a file or an array that has none.

    Returns:
        the raw data (B rows), with the target and the split where the source itself marks them.

    Raises:
        DataError: the data cannot be used as it is.
        UsageError: the source is of no known kind, or the names do not fit it.

    Example:
        >>> read({"age": [31, 45], "city": ["Bonn", "Lyon"]}).frame.shape
        (2, 2)
    """
    if isinstance(columns, str):
        columns = [name.strip() for name in columns.split(",")]
    if isinstance(source, str | Path):
        return _read_path(source, columns)
    if isinstance(source, list | tuple) and all(isinstance(item, str | Path) for item in source):
        paths = [Path(item).expanduser() for item in source]
        return read_several(paths, f"{len(paths)} files", partial(_read_one, columns=columns))
    return read_object(source, columns)


def _read_path(source: str | Path, columns: Sequence[str] | None) -> Dataset:
    """A file, a folder or a glob."""
    text = str(source)
    if "://" in text:
        raise DataNotFoundError("addresses are not read", where=text, next_step="Fetch the file and give its path.")
    path = Path(source).expanduser()
    if "\0" not in text and glob.has_magic(text) and not path.exists():
        return read_several(matches(str(path)), text, partial(_read_one, columns=columns))
    return _read_one(path, columns)


def _read_one(path: Path, columns: Sequence[str] | None) -> Dataset:
    check_exists(path)
    if not path.is_dir():
        return read_file(path, columns)
    if columns is not None:
        raise UsageError("column names are given for a folder", where=str(path), next_step="Leave them out.")
    return read_folder(path)
