"""Files that verbs write beside bundles: checked before any work is done, whole or not at all, never over an input."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from vouch import store
from vouch.errors import OutputError, UsageError

_ENDINGS = (".csv", ".parquet", ".jsonl")


def check_apart(outputs: Sequence[str | Path], inputs: Sequence[str | Path]) -> None:
    """Make sure that no output is an input, lies in a bundle, or is another output, before anything is lost by it.

    Args:
        outputs: files that are to be written.
        inputs: what is read, such as data and bundles; what is no path is let pass.

    Raises:
        OutputError: one of the outputs would overwrite something that is needed.
    """
    read = {_real(one) for one in inputs}
    places = [_real(one) for one in outputs]
    for given, place in zip(outputs, places, strict=True):
        received = "the place of another output" if places.count(place) > 1 else ""
        if place in read:
            received = "an input of this command"
        elif any(store.is_bundle(folder) for folder in place.parents):
            received = "a place inside a bundle"
        if received:
            raise OutputError(
                "the file would overwrite what is needed", where=str(given), expected="a place of its own",
                received=received, next_step="Name another place.",
            )  # fmt: skip


def _real(path: str | Path) -> Path:
    return Path(os.path.realpath(path))


def write_table(frame: pl.DataFrame, path: Path) -> Path:
    """Write predictions as .csv, .parquet or .jsonl: whole, or not at all.

    Raises:
        UsageError: another ending.
        OutputError: the place cannot be written.
    """
    check_table(path)
    writers = {".csv": frame.write_csv, ".parquet": frame.write_parquet, ".jsonl": frame.write_ndjson}
    fresh = _beside(path)
    try:
        writers[path.suffix.lower()](fresh)
        fresh.replace(path)
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        fresh.unlink(missing_ok=True)
        raise _unwritable(path, error) from error
    return path


def write_text(text: str, path: Path) -> Path:
    """Write a text: whole, or not at all.

    Raises:
        OutputError: the place cannot be written.
    """
    fresh = _beside(path)
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise _unwritable(path, error) from error
    return path


def check_text(path: Path) -> None:
    """Make sure that a file can be written to a place, before time is spent on it.

    Raises:
        OutputError: the place cannot be written.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError("a folder of that name is there")
        if not path.parent.is_dir():
            raise FileNotFoundError(f"there is no folder '{path.parent}'")
        fresh = _beside(path)
        fresh.touch()
        fresh.unlink()
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from error


def check_table(path: Path) -> None:
    """Make sure that predictions can be written to a place, before time is spent on them.

    Raises:
        UsageError: its ending is none of .csv, .parquet and .jsonl.
        OutputError: the place cannot be written.
    """
    if path.suffix.lower() not in _ENDINGS:
        raise UsageError(
            "that ending is of no table that can be written", where=str(path), expected=" or ".join(_ENDINGS),
            received=path.suffix or "none", next_step="Name a file with one of these endings.",
        )  # fmt: skip
    check_text(path)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.new")


def _unwritable(path: Path, error: BaseException) -> OutputError:
    return OutputError(
        "the file cannot be written", where=str(path), received=str(error)[:200],
        next_step="Name another place, or make room.",
    )  # fmt: skip
