"""One file to one data set: what it holds is found from its first bytes and held against its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from vouch.contracts.dataset import Dataset
from vouch.data.read.archive import COMPRESSED, decompressed, extracted, member, opened_zip, table_in
from vouch.data.read.arrays import read_npy, read_npz
from vouch.data.read.content import Content, content_at, kind_of
from vouch.data.read.delimited import read_delimited
from vouch.data.read.folder import read_folder
from vouch.data.read.idx import read_idx
from vouch.data.read.media import PICTURES
from vouch.data.read.sheet import read_sheet
from vouch.data.read.table import read_arrow, read_json_lines, read_parquet
from vouch.errors import FormatError, UsageError

_SUFFIXES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys((".csv", ".tsv", ".tab", ".psv", ".ssv"), "text"),
        **dict.fromkeys((".jsonl", ".ndjson", ".json"), "JSON lines"),
        **dict.fromkeys((".parquet", ".pq"), "parquet"),
        **dict.fromkeys((".arrow", ".feather", ".ipc"), "arrow"),
        **dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), "excel"),
        **dict.fromkeys((".html", ".htm", ".xml"), "web page"),
        **dict.fromkeys(PICTURES, "picture"),
        ".npz": "npz",
        ".npy": "numpy",
        ".zip": "zip",
        ".gz": "gzip",
        ".bz2": "bzip2",
        ".xz": "xz",
        ".zst": "zstandard",
    }
)
_NEXT_STEP = "Rename the file by what it holds, or give another one."


def read_file(path: Path, columns: Sequence[str] | None = None) -> Dataset:
    """Read one file; media paths in its cells are relative to its folder.

    Args:
        path: the file.
        columns: names for the columns of a file that has no header.

    Raises:
        DataNotFoundError: nothing is there.
        DataError: it is empty, damaged, or not what its name says.
        UsageError: names were given for columns that have names.
    """
    dataset = read_content(content_at(path), columns)
    return dataset if dataset.root is not None else replace(dataset, root=path.parent, source=str(path))


def read_content(content: Content, columns: Sequence[str] | None = None, depth: int = 0) -> Dataset:
    """Read what a file holds, unpacking it as often as its wrappers say, three times at most.

    Raises:
        FormatError: it is not what its name says, or nothing that can be read.
    """
    kind = _kind(content)
    if kind in COMPRESSED and depth < 3:
        return read_content(decompressed(content, kind), columns, depth + 1)
    if kind == "zip" and depth < 3:
        return _read_zip(content, columns, depth)
    if kind == "text":
        frame, notes = read_delimited(content, columns)
        return Dataset(frame, content.name, notes=tuple(notes))
    if kind == "excel":
        return read_sheet(content, columns)
    if kind not in _READERS:
        raise _unreadable(content, kind)
    if columns is not None:
        raise UsageError(
            "column names are given for data that names its own columns",
            where=content.name,
            next_step="Leave them out, or rename the columns in the file.",
        )
    return _READERS[kind](content)


def _kind(content: Content) -> str:
    """What a file holds.

    Raises:
        FormatError: its name says something else.
    """
    promised = _SUFFIXES.get(Path(content.name).suffix.lower())
    head = content.head(2048)
    json = promised == "JSON lines" or (promised is None and head.lstrip().startswith((b'{"', b'[{"')))
    found = kind_of(head) or ("JSON lines" if json else "text")
    if found == "zip":
        found = _kind_of_zip(content)
    if promised is not None and promised != found and (found, promised) != ("text", "picture"):
        raise FormatError(
            "the file is not what its name says",
            where=content.name,
            expected=_said(promised),
            received=_said(found),
            next_step=_NEXT_STEP,
        )
    return found


def _kind_of_zip(content: Content) -> str:
    """Spreadsheets and archives of arrays are zip archives too."""
    with opened_zip(content) as archive:
        names = archive.namelist()
    if "[Content_Types].xml" in names or "content.xml" in names:
        return "excel"
    return "npz" if names and all(name.endswith(".npy") for name in names) else "zip"


def _read_zip(content: Content, columns: Sequence[str] | None, depth: int) -> Dataset:
    """The one table in an archive, else the folder of pictures or documents that it packs."""
    with opened_zip(content) as archive:
        names = [info.filename for info in archive.infolist()]
        if not any(name.lower().endswith(PICTURES) for name in names):
            table = table_in(names, content.name)
            if table is not None:
                return read_content(member(archive, table, content), columns, depth + 1)
        return replace(read_folder(extracted(archive, content)), source=content.name)


def _unreadable(content: Content, kind: str) -> FormatError:
    advice = {
        "picture": "Give a folder with one folder of pictures for each class.",
        "web page": "Save the table as CSV.",
        "audio": "Give a folder with one folder of recordings for each class.",
    }
    return FormatError(
        f"{_said(kind)} is not read as a data set",
        where=content.name,
        expected="a table (CSV, Parquet, JSON lines, Excel …) or a folder",
        next_step=advice.get(kind, "Save the data as CSV or Parquet."),
    )


def _said(kind: str) -> str:
    return {"text": "plain text", "excel": "a spreadsheet", "npz": "an archive of arrays"}.get(kind, f"{kind} data")


_READERS: Mapping[str, Callable[[Content], Dataset]] = MappingProxyType(
    {
        "parquet": read_parquet,
        "arrow": read_arrow,
        "JSON lines": read_json_lines,
        "npz": read_npz,
        "numpy": read_npy,
        "idx": read_idx,
    }
)
