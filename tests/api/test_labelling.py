"""``vouch label``: the best rows first, for every task; what is labelled or unreadable is left out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import vouch
from cli.running import refused, run
from helpers import FAST, rows


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_rows_are_ranked_for_every_task(task: str) -> None:
    bundle = vouch.fit(rows(120, task=task), "y", settings=FAST)
    pool = rows(60, 1).drop("y")
    found = vouch.label(bundle, pool, rows=10)
    assert found.columns == ["rank", "row", "score", "prediction"]
    assert found["rank"].to_list() == list(range(1, 11))
    assert found["row"].n_unique() == 10
    assert found["score"].min() >= 0  # type: ignore[operator]
    predicted = bundle.predict(pool)
    assert found["prediction"].to_list() == pytest.approx(predicted[found["row"]].tolist()) or task != "regression"
    assert found.equals(vouch.label(bundle, pool, rows=10))


def test_several_labels_can_be_ranked() -> None:
    frame = pl.DataFrame({"a": np.linspace(0, 1, 90), "y": ["red|round", "red", "small"] * 30})
    bundle = vouch.fit(frame, "y", task="multilabel", settings=FAST)
    assert vouch.label(bundle, {"a": [0.1, 0.5, 0.9]}).height == 3


def test_rows_with_a_label_are_left_out() -> None:
    bundle = vouch.fit(rows(120), "y", settings=FAST)
    pool = rows(40, 1).with_columns(y=pl.when(pl.int_range(40) < 15).then("y"))
    found = vouch.label(bundle, pool)
    assert sorted(found["row"].to_list()) == list(range(15, 40))


def test_labels_of_rows_that_all_have_one_are_not_looked_at() -> None:
    bundle = vouch.fit(rows(120), "y", settings=FAST)
    pool = rows(40, 1)
    assert vouch.label(bundle, pool).equals(vouch.label(bundle, pool.drop("y")))


def test_rows_of_a_rare_kind_are_among_those_that_are_asked_for() -> None:
    """One row in twelve follows another rule: at random 20 of 240 rows would be of that kind, in four draws."""
    found = 0
    for draw in range(4):
        pool = two_rules(600, draw, 1 / 12)
        first = vouch.fit(pool[:60], "y", settings=LONGER)
        ranked = vouch.label(first, pool[60:].drop("y"), rows=60)["row"].to_numpy()
        found += int((pool["a"].to_numpy()[60:][ranked] > 0).sum())
    assert found > 35


LONGER = {"epochs": 40, "members": 4, "width": 32, "batch_size": 16, "patience": 0}


def two_rules(count: int, seed: int, share: float) -> pl.DataFrame:
    """Rows whose label follows from the sign of "b", the other way round where "a" is large."""
    rng = np.random.default_rng(seed)
    other = rng.random(count) < share
    a, b = rng.normal(np.where(other, 3.0, -3.0)), rng.normal(size=count)
    return pl.DataFrame({"a": a, "b": b, "y": np.where((b > 0) ^ other, "yes", "no")})


def test_the_command_writes_and_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    vouch.fit(rows(120), "y", settings=FAST, out="m.vouch")
    rows(50, 1).drop("y").write_csv("pool.csv")
    printed = run(capsys, "label", "m.vouch", "pool.csv", "--rows", 5)
    assert printed.code == 0
    assert printed.out.splitlines()[0] == "rank,row,score,prediction"
    assert len(printed.out.splitlines()) == 6
    told = json.loads(run(capsys, "label", "m.vouch", "pool.csv", "--rows", 5, "--json").out)
    assert [one["rank"] for one in told["ranked"]] == [1, 2, 3, 4, 5]
    for ending, read in {"csv": pl.read_csv, "jsonl": pl.read_ndjson, "parquet": pl.read_parquet}.items():
        assert run(capsys, "label", "m.vouch", "pool.csv", "--rows", 5, "-o", f"out.{ending}").code == 0
        assert read(f"out.{ending}")["row"].to_list() == [one["row"] for one in told["ranked"]]


def test_bad_input_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    vouch.fit(rows(80), "y", settings=FAST, out="m.vouch")
    rows(30).write_csv("pool.csv")
    pl.DataFrame({"other": [1, 2]}).write_csv("other.csv")
    for arguments, code, said in [
        (["other.csv"], "V204", "none of the model's columns"),
        (["nothing.csv"], "V201", "nothing.csv"),
        (["pool.csv", "--rows", "0"], "V100", "nothing to rank"),
        (["pool.csv", "-o", "out.txt"], "V100", "ending"),
        (["pool.csv", "-o", "pool.csv"], "V400", "overwrite"),
    ]:
        assert said in refused(run(capsys, "label", "m.vouch", *arguments), code)
