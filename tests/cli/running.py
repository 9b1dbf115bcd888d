"""Run the command in this process, and look at what it prints and leaves."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

import vouch
from helpers import rows
from vouch.cli import main

QUICK = ("--set", "epochs=1", "--set", "members=2", "--set", "width=16", "--device", "cpu")


@dataclass(frozen=True)
class Ran:
    """What one run of the command gave back."""

    code: int
    out: str
    err: str


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> Ran:
    """Run the command with these arguments."""
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return Ran(code, printed.out, printed.err)


def refused(ran: Ran, code: str) -> str:
    """The one line of a refusal, looked at: exit 2, nothing on standard output, the code at its end."""
    assert ran.code == 2, ran.err
    assert ran.out == ""
    lines = ran.err.splitlines()
    assert len(lines) == 1, ran.err
    assert re.fullmatch(rf"vouch: .+\. \[{code}\]|vouch: .+\? \[{code}\]", lines[0]), lines[0]
    assert len(lines[0]) < 1200
    return lines[0]


def fitted(ran: Ran, place: Path) -> Ran:
    """A fit that was done, looked at: exit 0 and a bundle."""
    assert ran.code == 0, ran.err
    assert (place / "model.json").is_file()
    return ran


def losses(bundle: vouch.Bundle) -> list[float]:
    """The training loss of each epoch."""
    return [epoch[1] for epoch in bundle.run.history]


def figures(bundle: vouch.Bundle) -> dict[str, float]:
    """The figures on sealed rows by name."""
    return {one.name: one.value for one in bundle.evidence.metrics}


def is_running(number: int) -> bool:
    """Whether a process of this number has not ended."""
    with contextlib.suppress(OSError):
        return Path("/proc", str(number), "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def left(folder: Path) -> list[str]:
    """All that is in a folder, hidden files too."""
    return sorted(os.listdir(folder))


def table(path: Path, n: int = 60, **columns: object) -> Path:
    """A CSV of sound rows, with columns replaced or added (a list of cells, or one cell for all)."""
    frame = rows(n)
    for name, cells in columns.items():
        values = cells if isinstance(cells, list) else [cells] * n
        frame = frame.with_columns(pl.Series(name, values, strict=False))
    frame.write_csv(path)
    return path
