"""Room on disk for what is too large for memory: files without a name, mapped, whose pages are given back after use."""

from __future__ import annotations

import ctypes
import mmap
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from weakref import WeakKeyDictionary, finalize

from vouch.errors import OutputError

_PAGE = mmap.ALLOCATIONGRANULARITY
_LASTING = Path("/var/tmp")
# Every live mapping, with the addresses that it spans.
_MAPPED: WeakKeyDictionary[mmap.mmap, range] = WeakKeyDictionary()


class Room:
    """A file without a name that grows by regions and is mapped once it is whole.

    The system removes such a file with its last user, however that one ends: nothing is ever left behind.

    Raises:
        OutputError: no file can be made, or the disk is full.

    Example:
        >>> room = Room()
        >>> at = room.append(b"kept on disk")
        >>> room.mapped()[at : at + 4]
        b'kept'
    """

    def __init__(self) -> None:
        self._file = _unnamed()
        finalize(self, self._file.close)
        self._end = 0

    def claim(self, size: int) -> int:
        """Where a region of so many bytes begins; until it is written it takes no space."""
        start = self._end
        self._end += -(-max(size, 1) // _PAGE) * _PAGE
        return start

    def write(self, start: int, data: Any) -> None:
        """Put bytes, or what has a buffer of them, somewhere into a region."""
        view = memoryview(data)
        rest = view.cast("B") if view.nbytes else view
        with _writing():
            self._file.seek(start)
            while rest.nbytes:
                rest = rest[self._file.write(rest) :]

    def append(self, data: Any) -> int:
        """Put bytes into a region of their own and say where it begins."""
        start = self.claim(memoryview(data).nbytes)
        self.write(start, data)
        return start

    def mapped(self) -> mmap.mmap:
        """The whole file as memory; what is not there is read from disk when it is touched."""
        with _writing():
            self._file.truncate(max(self._end, _PAGE))
            found = mmap.mmap(self._file.fileno(), max(self._end, _PAGE))
            self._file.close()
        start = ctypes.addressof(ctypes.c_char.from_buffer(found))
        _MAPPED[found] = range(start, start + len(found))
        return found


def let_go() -> None:
    """Give back the memory of all mapped pages; those that are needed again are read again."""
    for found in list(_MAPPED):
        if hasattr(mmap, "MADV_DONTNEED"):
            found.madvise(mmap.MADV_DONTNEED)


def is_mapped(address: int) -> bool:
    """Whether an address in memory lies in a mapped file."""
    return any(address in span for span in _MAPPED.values())


def place() -> str:
    """The folder for temporary files that may be large.

    It is the one that the environment names (TMPDIR), else /var/tmp, since /tmp is in memory on many systems.
    """
    named = next((os.environ[name] for name in ("TMPDIR", "TEMP", "TMP") if os.environ.get(name)), None)
    lasting = _LASTING.is_dir() and os.access(_LASTING, os.W_OK)
    return named or (str(_LASTING) if lasting else tempfile.gettempdir())


def _unnamed() -> IO[bytes]:
    with _writing():
        return tempfile.TemporaryFile(buffering=0, prefix="vouch-", dir=place())


@contextmanager
def _writing() -> Iterator[None]:
    """Turn what goes wrong with the temporary file into one clear error."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            "there is no room for the temporary files of data that is larger than memory", where=_where(),
            received=(error.strerror or str(error))[:200],
            next_step="Make room there, or set TMPDIR to a folder on a larger disk.",
        ) from error  # fmt: skip


def _where() -> str:
    try:
        return place()
    except OSError:
        return "the folder for temporary files"
