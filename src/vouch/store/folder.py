"""The folder of a bundle as files: written aside and renamed, every file with its digest, read without trust."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
from safetensors import SafetensorError

from vouch.errors import BundleDamagedError, BundleNotFoundError, BundleTooNewError, OutputError
from vouch.store.partial import Partial
from vouch.store.place import check_replaceable, replace_folder, unwritable

FORMAT = 1
WEIGHTS, ENCODERS = "weights.safetensors", "encoders.safetensors"
_LARGEST_JSON = 256 * 2**20
# What a description that fits no network makes the parts throw when they are put together.
_UNREADABLE = (
    LookupError, TypeError, ValueError, ArithmeticError, AttributeError, AssertionError, StopIteration, OSError,
    RuntimeError, MemoryError, UserWarning, SafetensorError, pl.exceptions.PolarsError, pl.exceptions.PanicException,
)  # fmt: skip


def write_folder(path: Path, write: Callable[[Path], None]) -> Path:
    """Write to a temporary sibling and rename it into place.

    Args:
        path: the folder ``NAME.vouch``; a bundle that is there is replaced.
        write: puts all files into an empty folder.

    Returns:
        The folder, as an absolute path.

    Raises:
        OutputError: the place cannot be written, or the disk is full; nothing is left behind.
    """
    path = Path(os.path.abspath(path))
    check_replaceable(path)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        write(fresh)
        replace_folder(fresh, path)
    except OutputError:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    except (OSError, SafetensorError, pl.exceptions.PolarsError) as error:
        shutil.rmtree(fresh, ignore_errors=True)
        raise unwritable(path, error, resumable=Partial.beside(path).checkpointed) from error
    return path


def seal(folder: Path, model: dict[str, Any], files: Sequence[str]) -> None:
    """Write the description with the digests of all files beside it, and flush everything to the disk."""
    digests = {name: digest(folder / name) for name in files} | {"model": digest_of(model)}
    facts = {"format": FORMAT, "model": model, "digests": digests}
    (folder / "model.json").write_text(json.dumps(facts, indent=1, allow_nan=False), encoding="utf-8")
    shared = (folder / "model.json").stat().st_mode
    for file in folder.iterdir():
        # The safetensors library writes files for the owner only, whatever the umask says.
        file.chmod(shared)
        with file.open("rb") as handle:
            os.fsync(handle.fileno())


def read_facts(path: Path) -> dict[str, Any]:
    """The description of a folder, with the digests that its files should have; not checked against them yet.

    Raises:
        BundleNotFoundError: no bundle is there.
        BundleDamagedError: the description cannot be read, or was altered.
        BundleTooNewError: it was written by a later version.
    """
    file = path / "model.json"
    if not file.is_file():
        raise BundleNotFoundError(
            "there is no bundle", where=str(path), expected="a folder with model.json in it",
            next_step="Give the folder that 'vouch fit' named.",
        )  # fmt: skip
    damaged = BundleDamagedError(
        "the bundle is damaged", where=str(file), next_step="Take a fresh copy of it, or fit again."
    )
    if file.stat().st_size > _LARGEST_JSON:
        raise damaged
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
        version, digests = int(facts["format"]), dict(facts["digests"])
        altered = digests.get("model") != digest_of(facts["model"])
        described = isinstance(facts["model"], dict)
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise damaged from error
    if version > FORMAT:
        raise BundleTooNewError(
            "the bundle was written by a later version of Vouch", where=str(path),
            expected=f"format {FORMAT} or earlier", received=f"format {version}",
            next_step="Upgrade: pip install --upgrade deepvouch.",
        )  # fmt: skip
    if version < 1 or not described:
        raise damaged
    if altered:
        raise _altered(path, "model.json")
    return facts


def check_files(path: Path, facts: dict[str, Any], files: Sequence[str]) -> None:
    """Hold files to the digests that they should have.

    Raises:
        BundleDamagedError: one is missing, truncated or altered.
    """
    for name in files:
        if not (path / name).is_file() or digest(path / name) != facts["digests"].get(name):
            raise _altered(path, name)


@contextmanager
def put_together(path: Path) -> Iterator[None]:
    """While a bundle is put together: whatever a description that fits no network makes the parts throw is told.

    Raises:
        BundleDamagedError: it cannot be put together.
    """
    try:
        yield
    except _UNREADABLE as error:
        raise BundleDamagedError(
            "the bundle cannot be put together", where=str(path), received=f"{type(error).__name__}: {error}"[:200],
            next_step="Take a fresh copy of it, or fit again.",
        ) from error  # fmt: skip


def digest(file: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def digest_of(model: object) -> str:
    """A digest of the description itself, which does not depend on how its file is laid out."""
    return hashlib.sha256(json.dumps(model, sort_keys=True).encode()).hexdigest()


def _altered(path: Path, name: str) -> BundleDamagedError:
    return BundleDamagedError(
        f"'{name}' is missing or was altered", where=str(path),
        next_step="Take a fresh copy of the bundle, or fit again.",
    )  # fmt: skip
