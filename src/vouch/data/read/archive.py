"""Compressed files and archives, unpacked with limits: a small file must not fill the memory or the disk."""

from __future__ import annotations

import atexit
import bz2
import gzip
import io
import lzma
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import IO, Any

import pyarrow as pa

from vouch.data.read.content import Content
from vouch.data.read.guard import parsing
from vouch.errors import FormatError, MediaError

LARGEST = 4 << 30
RATIO = 200
_ALWAYS_FINE = 64 << 20
_MOST_FILES = 2_000_000
_CHUNK = 1 << 20
TABLES = (
    (".csv", ".tsv", ".tab", ".psv", ".ssv"),
    (".parquet", ".jsonl", ".ndjson", ".arrow", ".feather", ".npz", ".xlsx", ".xls", ".ods"),
    (".txt", ".data", ".dat", ".json"),
)
_ASIDE = ("readme", "license", "licence", "about", "metadata", "changelog", "_", ".")


def _open_zstandard(raw: IO[bytes]) -> IO[bytes]:
    return pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")  # type: ignore[return-value]


_OPENERS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open, "zstandard": _open_zstandard}
)
COMPRESSED = tuple(_OPENERS)


def decompressed(content: Content, kind: str) -> Content:
    """The file inside a compressed file, called as it was before compression.

    Raises:
        FormatError: it is damaged, or swells beyond the limits.
    """
    name = content.name
    with content.open() as raw, parsing(name, f"{kind} data"), _OPENERS[kind](raw) as file:
        data = _read_limited(file, content.size, name)
    inner = name.rsplit(".", 1)[0] if name.lower().endswith((".gz", ".bz2", ".xz", ".zst", ".gzip", ".zstd")) else name
    return Content(inner, path=content.path, data=data)


def opened_zip(content: Content) -> zipfile.ZipFile:
    """A zip archive whose table of contents was checked against the limits.

    Raises:
        FormatError: it is damaged, encrypted, or would swell beyond the limits.
    """
    raw = io.BytesIO(content.data) if content.data is not None else content.source
    with parsing(content.name, "a zip archive"):
        archive = zipfile.ZipFile(raw)  # type: ignore[arg-type]
    members = archive.infolist()
    total = sum(member.file_size for member in members)
    if any(member.flag_bits & 1 for member in members):
        archive.close()
        raise FormatError("the archive is encrypted", where=content.name, next_step="Unpack it, give what is inside.")
    if total > _limit(content.size) or len(members) > _MOST_FILES:
        archive.close()
        raise _swells(content.name)
    return archive


def table_in(names: list[str], where: str) -> str | None:
    """The one table among the files of an archive; None when there is none.

    Raises:
        FormatError: there are several, none of which is plainly meant.

    Example:
        >>> table_in(["a/", "a/metadata.json", "a/a.csv"], "a.zip")
        'a/a.csv'
    """
    files = [name for name in names if not name.endswith("/") and not PurePosixPath(name).name.startswith(".")]
    for suffixes in TABLES:
        found = [name for name in files if name.lower().endswith(suffixes)]
        plain = [name for name in found if not PurePosixPath(name).name.lower().startswith(_ASIDE)]
        chosen = plain or (found if suffixes is not TABLES[-1] else [])
        if len(chosen) == 1:
            return chosen[0]
        if chosen:
            raise FormatError(
                f"the archive holds {len(chosen)} tables",
                where=where,
                expected="one",
                next_step="Unpack it and give the file you mean, or a glob such as 'folder/*.csv'.",
            )
    return None


def member(archive: zipfile.ZipFile, name: str, content: Content) -> Content:
    """One file of an archive, in memory."""
    with parsing(content.name, "a zip archive"), archive.open(name) as file:
        data = _read_limited(file, content.size, content.name)
    return Content(f"{content.name}/{name}", path=content.path, data=data)


def extracted(archive: zipfile.ZipFile, content: Content) -> Path:
    """All files of an archive, in a temporary folder that lives as long as the process.

    Raises:
        MediaError: a file would land outside the folder, or is a symbolic link.
    """
    root = Path(tempfile.mkdtemp(prefix="vouch-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    left = _limit(content.size)
    for info in archive.infolist():
        parts = _safe_parts(info, content.name)
        if info.is_dir() or parts[0] == "__MACOSX":
            continue
        target = root.joinpath(*parts)
        with parsing(content.name, "a zip archive"):
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(info) as source, open(target, "xb") as sink:
                left = _copy_limited(source, sink, left, content.name)
    return _without_wrapper(root)


def _safe_parts(info: zipfile.ZipInfo, where: str) -> tuple[str, ...]:
    parts = PurePosixPath(info.filename.replace("\\", "/")).parts
    leads_out = not parts or parts[0] == "/" or ".." in parts or ":" in parts[0] or "\0" in info.filename
    if leads_out or stat.S_ISLNK(info.external_attr >> 16):
        raise MediaError(
            "a file in the archive leads elsewhere",
            where=where,
            received=repr(info.filename[:80]),
            next_step="Give an archive of plain files.",
        )
    return parts


def _without_wrapper(root: Path) -> Path:
    """The folder inside, when an archive holds a single one."""
    inside = [entry for entry in root.iterdir() if not entry.name.startswith(".")]
    if len(inside) == 1 and inside[0].is_dir() and any(entry.is_dir() for entry in inside[0].iterdir()):
        return inside[0]
    return root


def _copy_limited(source: IO[bytes], sink: IO[bytes], left: int, where: str) -> int:
    """Copy what is there and return how many bytes may still come."""
    while chunk := source.read(_CHUNK):
        left -= len(chunk)
        if left < 0:
            raise _swells(where)
        sink.write(chunk)
    return left


def _read_limited(file: IO[bytes], packed: int, where: str) -> bytes:
    whole = io.BytesIO()
    _copy_limited(file, whole, _limit(packed), where)
    return whole.getvalue()


def _limit(packed: int) -> int:
    """How many bytes may come out of so many: text packs 50 to 1 at most, bombs 1000 to 1."""
    return min(LARGEST, max(_ALWAYS_FINE, RATIO * packed))


def _swells(where: str) -> FormatError:
    return FormatError(
        "the file swells too much when unpacked",
        where=where,
        expected=f"at most {LARGEST >> 30} GiB and {RATIO} times its size",
        next_step="Unpack it yourself if you trust it, and give what is inside.",
    )
