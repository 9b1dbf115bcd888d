"""The bytes of one file, on disk or unpacked in memory, and what they are by their first bytes."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from vouch.errors import DataError, DataNotFoundError, EmptyDataError, FormatError, nearest

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstandard"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "excel"),
    (b"\x93NUMPY", "numpy"),
    (b"\x89PNG", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"GIF8", "picture"),
    (b"II*\x00", "picture"),
    (b"MM\x00*", "picture"),
    (b"%PDF", "PDF"),
    (b"\x89HDF", "HDF5"),
    (b"SQLite format 3", "SQLite"),
    (b"\x7fELF", "program"),
    (b"OggS", "audio"),
    (b"fLaC", "audio"),
    (b"ID3", "audio"),
)
_WEB_PAGE = (b"<!doctype html", b"<html", b"<table", b"<?xml", b"<head", b"<body")
_IDX_TYPES = (0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E)


@dataclass(frozen=True, slots=True)
class Content:
    """One file's bytes.

    Args:
        name: what the file is called, for messages and for the kind its name promises.
        path: where it lies, when it lies on disk.
        data: its bytes, when they were unpacked or decoded in memory.
    """

    name: str
    path: Path | None = None
    data: bytes | None = None

    @property
    def size(self) -> int:
        """Number of bytes."""
        return len(self.data) if self.data is not None else os.stat(self._path).st_size

    @property
    def _path(self) -> Path:
        assert self.path is not None
        return self.path

    @property
    def source(self) -> Path | bytes:
        """What polars and pyarrow read from: the path itself where there is one, so that they map it."""
        return self.data if self.data is not None else self._path

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """A stream of all bytes."""
        if self.data is not None:
            yield io.BytesIO(self.data)
            return
        with open(self._path, "rb") as file:
            yield file

    def blocks(self, size: int, start: int = 0) -> Iterator[bytes]:
        """All bytes from a position on, in blocks; no more than one of them is in memory."""
        with self.open() as file:
            file.seek(start)
            while block := file.read(size):
                yield block

    def head(self, size: int) -> bytes:
        """The first bytes, at most that many."""
        return self.part(0, size)

    def part(self, start: int, size: int) -> bytes:
        """Some bytes from a position on."""
        if self.data is not None:
            return self.data[start : start + size]
        with open(self._path, "rb") as file:
            file.seek(start)
            return file.read(size)

    def all(self) -> bytes:
        """Every byte, in memory."""
        return self.data if self.data is not None else self._path.read_bytes()


def content_at(path: Path) -> Content:
    """The content of a file on disk.

    Raises:
        DataNotFoundError: nothing is there.
        FormatError: it is no regular file.
        DataError: it may not be read.
        EmptyDataError: it holds no byte.
    """
    check_exists(path)
    if not path.is_file():
        raise FormatError("that is neither a file nor a folder", where=str(path), next_step="Give a regular file.")
    try:
        with open(path, "rb") as file:
            first = file.read(1)
    except OSError as error:
        raise DataError("the file cannot be opened", where=str(path), received=_reason(error)) from error
    if not first:
        raise EmptyDataError("the file is empty", where=str(path), next_step="Give a file with rows.")
    return Content(str(path), path=path)


def check_exists(path: Path) -> None:
    """Refuse a path at which there is nothing, naming the nearest neighbour.

    Raises:
        DataNotFoundError: nothing is there, or it cannot be looked at.
    """
    try:
        os.stat(path)
    except (OSError, ValueError) as error:
        raise DataNotFoundError(
            "nothing can be read at that path", where=str(path), received=_reason(error), next_step=_suggestion(path)
        ) from error


def kind_of(head: bytes) -> str | None:
    """What the first bytes say a file is; None for text and for what is not known.

    Example:
        >>> kind_of(b"PAR1\\x15"), kind_of(b"a,b\\n1,2\\n")
        ('parquet', None)
    """
    known = next((kind for magic, kind in _MAGIC if head.startswith(magic)), None)
    if known is not None:
        return known
    if head[:4] == b"RIFF" and head[8:12] in (b"WEBP", b"WAVE", b"AVI "):
        return {b"WEBP": "picture", b"WAVE": "audio"}.get(head[8:12], "video")
    if len(head) >= 4 and head[:2] == b"\0\0" and head[2] in _IDX_TYPES and 1 <= head[3] <= 4:
        return "idx"
    start = head[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return "web page" if start.startswith(_WEB_PAGE) else None


def _reason(error: OSError | ValueError) -> str:
    """Half a sentence from an error of the operating system."""
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)


def _suggestion(path: Path) -> str:
    """A neighbour with a similar name, else the plain advice."""
    try:
        names = sorted(entry.name for entry in os.scandir(path.parent))[:10_000]
    except (OSError, ValueError):
        return "Check the path."
    told = nearest(path.name, names) if names else ""
    return told if told.startswith("Did you mean") else "Check the path."
