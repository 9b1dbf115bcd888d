"""The command that the report gives for making the network again."""

import shlex
from pathlib import Path

import polars as pl
import pytest

from cli.running import QUICK, fitted, run, table
from helpers import rows
from vouch import load
from vouch.report.words import PLACE, commands


def test_typed_back_it_gives_the_same_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    n = 80
    codes = [str(i % 7) for i in range(n)]
    data = table(tmp_path / "the data.csv", n, code=codes, spare="x", owner=[f"o{i // 2}" for i in range(n)])
    asked = ["--target", "y", "--type", "code=category", "--drop", "spare", "--group", "owner"]
    first, second = tmp_path / "first.vouch", tmp_path / "second.vouch"
    fitted(run(capsys, "fit", data, *asked, *QUICK, "--out", first), first)
    typed = shlex.split(commands(load(first))["again"].replace(PLACE, shlex.quote(str(first))))
    assert typed[:2] == ["vouch", "fit"]
    fitted(run(capsys, *typed[1:], "--out", second), second)
    assert (second / "weights.safetensors").read_bytes() == (first / "weights.safetensors").read_bytes()
    new = rows(9, seed=3).with_columns(code=pl.lit("3"), spare=pl.lit("y"), owner=pl.lit("o1"))
    assert load(second).predict_proba(new).tobytes() == load(first).predict_proba(new).tobytes()
