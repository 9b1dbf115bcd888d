"""The place for a bundle: checked before any work is done, and never taken from something that is no bundle."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from vouch.errors import OutputError

_LARGEST_JSON = 256 * 2**20
_ELSEWHERE = "Name another place with --out."


def check_place(path: Path) -> Path:
    """Make sure that a bundle can be written, by writing beside it, and that nothing but a bundle is replaced.

    Args:
        path: the folder ``NAME.vouch`` that is to be written.

    Returns:
        The same place as an absolute path.

    Raises:
        OutputError: something that is no bundle is there, or the folder around it cannot be written.
    """
    try:
        place = Path(os.path.abspath(path))
        check_replaceable(place)
        around = next(folder for folder in place.parents if folder.exists())
        if inside := next((folder for folder in place.parents if is_bundle(folder)), None):
            raise OutputError(
                "the place for the bundle lies inside another bundle", where=str(path), received=str(inside),
                next_step=_ELSEWHERE,
            )  # fmt: skip
        probe = around / f".{place.name}.{os.getpid()}.new"
        probe.mkdir()
        probe.rmdir()
    except (OSError, ValueError) as error:
        raise unwritable(path, error) from error
    return place


def check_replaceable(path: Path) -> None:
    """Refuse a place that holds something else than a bundle or nothing.

    Args:
        path: the folder that is to be written.

    Raises:
        OutputError: a file, a link, or a folder with other things in it is there.
    """
    if path.is_symlink():
        kind = "a symbolic link"
    elif not path.exists() or is_bundle(path):
        return
    elif not path.is_dir():
        kind = "a file"
    elif not any(path.iterdir()) and path != Path.cwd():
        return
    else:
        kind = "the current folder" if path == Path.cwd() else "a folder that is no bundle"
    raise OutputError(
        "something else is in the place for the bundle", where=str(path), expected="a bundle to replace, or nothing",
        received=kind, next_step=f"{_ELSEWHERE} It was left as it is.",
    )  # fmt: skip


def is_bundle(path: Path) -> bool:
    """Whether a folder is one that ``fit`` wrote, sound or not: its description says so, and it holds no folders."""
    file = path / "model.json"
    if not file.is_file() or file.stat().st_size > _LARGEST_JSON:
        return False
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return False
    ours = isinstance(facts, dict) and {"format", "model", "digests"} <= set(facts)
    return ours and not any(entry.is_dir() for entry in path.iterdir())


def replace_folder(fresh: Path, path: Path) -> None:
    """Put a fresh folder in the place of the old bundle; a crash in between leaves one of them whole.

    Raises:
        OutputError: what is there is no bundle.
    """
    check_replaceable(path)
    if not path.exists():
        fresh.rename(path)
        return
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    path.rename(old)
    fresh.rename(path)
    shutil.rmtree(old)


def unwritable(path: Path, error: Exception, *, resumable: bool = False) -> OutputError:
    """What is said when the place cannot be written."""
    again = "Make room and repeat the command with --resume, or name" if resumable else "Make room, or name"
    return OutputError(
        "the place for the bundle cannot be written", where=str(path), received=str(error)[:200],
        next_step=f"{again} another place with --out.",
    )  # fmt: skip
