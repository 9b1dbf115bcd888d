"""Files below a folder, in a fixed order, without ever being led out of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from vouch.errors import DataError, MediaError

_ASIDE = ("thumbs.db", "desktop.ini", "ehthumbs.db")
_DEEPEST = 32


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies directly in a folder.

    Args:
        folders: names of its folders, sorted.
        files: names of its files, sorted.
        hidden: how many hidden files and folders were passed over.
    """

    folders: tuple[str, ...]
    files: tuple[str, ...]
    hidden: int


def listing(folder: Path, root: Path) -> Listing:
    """List a folder; links that lead out of the root, and links to folders, are refused.

    Raises:
        MediaError: such a link is there, or a name is no text.
        DataError: the folder may not be read.
    """
    folders: list[str] = []
    files: list[str] = []
    hidden = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name.lower() in _ASIDE:
                    hidden += 1
                    continue
                _check_entry(entry, root)
                (folders if entry.is_dir() else files).append(entry.name)
    except OSError as error:
        raise DataError("the folder cannot be read", where=str(folder), received=str(error.strerror)) from error
    return Listing(tuple(sorted(folders)), tuple(sorted(files)), hidden)


def walk(folder: Path, root: Path, depth: int = 0) -> Iterator[str | int]:
    """All files below a folder as paths relative to the root, sorted within each folder; hidden ones as counts.

    Raises:
        MediaError: a link leads elsewhere, or the folders are nested too deeply.
    """
    if depth > _DEEPEST:
        raise MediaError("the folders are nested too deeply", where=str(folder), expected=f"at most {_DEEPEST} levels")
    found = listing(folder, root)
    prefix = folder.relative_to(root)
    if found.hidden:
        yield found.hidden
    for name in found.files:
        yield (prefix / name).as_posix()
    for name in found.folders:
        yield from walk(folder / name, root, depth + 1)


class Inside:
    """Resolves relative media paths against a folder and refuses those that lead out of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.real = os.path.realpath(root)
        self._checked: set[str] = set()

    def path(self, name: str, where: str = "") -> Path:
        """The file that a relative path names; it need not exist.

        Args:
            name: the path as written in the data.
            where: where it is written, for messages.

        Raises:
            MediaError: the path is absolute, climbs out with "..", or reaches out through a symbolic link.
        """
        pure = PurePosixPath(name.replace("\\", "/"))
        parts = pure.parts
        if not parts or pure.is_absolute() or ".." in parts or "\0" in name or parts[0][1:2] == ":":
            raise _leads_out(name, where)
        path = self.root / pure
        parent = os.path.dirname(path)
        if parent not in self._checked:
            self._check(parent, name, where)
            self._checked.add(parent)
        if os.path.islink(path):
            self._check(str(path), name, where)
        return path

    def _check(self, path: str, name: str, where: str) -> None:
        real = os.path.realpath(path)
        if real != self.real and not real.startswith(self.real.rstrip(os.sep) + os.sep):
            raise _leads_out(name, where)


def _check_entry(entry: os.DirEntry[str], root: Path) -> None:
    try:
        entry.name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise MediaError("a file name is no UTF-8 text", where=str(root), received=repr(entry.name)) from error
    if not entry.is_symlink():
        return
    real, top = os.path.realpath(entry.path), os.path.realpath(root)
    if entry.is_dir() or not real.startswith(top.rstrip(os.sep) + os.sep) or not os.path.exists(real):
        raise MediaError(
            "a symbolic link leads elsewhere",
            where=entry.path,
            expected="plain files and folders",
            next_step="Copy the files into the folder.",
        )


def _leads_out(name: str, where: str) -> MediaError:
    return MediaError(
        "a path leads out of the data folder",
        where=where,
        expected="a path below the folder",
        received=repr(name[:80]),
        next_step="Write paths relative to the folder of the table.",
    )
