"""The command as a process among others."""

import os
from pathlib import Path

import polars as pl
import pytest

from cli.running import QUICK, run
from helpers import rows
from vouch.cli import main


@pytest.mark.parametrize(
    ("given", "count"), [({}, "3000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "PASSIVE"}, None)]
)
def test_waiting_threads_soon_sleep_unless_the_environment_says_how(
    given: dict[str, str], count: str | None, monkeypatch: pytest.MonkeyPatch
):
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert main(["--version"]) == 0
    assert os.environ.get("GOMP_SPINCOUNT") == count


@pytest.mark.parametrize("verb", ["fit", "recipe"])
def test_names_from_a_file_cannot_drive_the_terminal(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    name = "size\x1b[2J\nvouch: all is well\u202e"
    rows(60).with_columns(pl.Series(name, [str(i % 5) for i in range(60)])).write_csv(tmp_path / "a.csv")
    out = ["--out", tmp_path / "a.vouch"] if verb == "fit" else []
    ran = run(capsys, verb, tmp_path / "a.csv", "--target", "y", *QUICK, *out)
    assert ran.code == 0, ran.err
    printed = (ran.out + ran.err).splitlines()
    assert all(line.isprintable() for line in printed)
    assert not [line for line in printed if line.startswith("vouch: all is well")]
