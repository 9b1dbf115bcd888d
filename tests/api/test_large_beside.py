"""Data that is larger than memory beside folds, ensembles, starts, rows without a label, searches and workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import vouch
from api.disk import SETTINGS, all_on_disk, check_same, messy, same_weights
from helpers import FAST, rows
from vouch.data import split
from vouch.training import feed
from vouch.training.checkpoint import Checkpoints


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    return all_on_disk(monkeypatch)


# Batches in parts keep networks from training as one, whose sums are in another order.
@pytest.mark.parametrize("options", [{"folds": 3}, {"ensemble": 2}, {"folds": 2, "time": "day"}])
def test_several_networks_are_the_same_to_the_last_bit(options: dict[str, Any], large: pytest.MonkeyPatch) -> None:
    settings = {**SETTINGS, "accumulation": 2}
    found = vouch.fit(messy(), "y", settings=settings, **options)
    large.undo()
    check_same(found, vouch.fit(messy(), "y", settings=settings, **options))


def test_several_networks_train_one_after_the_other(large: pytest.MonkeyPatch) -> None:
    told = []

    def progress(event: str, /, **facts: float | int | str | None) -> None:
        if event == "epoch":
            told.append(facts.get("network"))

    found = vouch.fit(messy(), "y", settings=SETTINGS, folds=2, progress=progress)
    assert told == [1, 1, 1, 2, 2, 2]
    large.undo()
    as_one = vouch.fit(messy(), "y", settings=SETTINGS, folds=2)
    np.testing.assert_allclose(found.predict_proba(messy(3)), as_one.predict_proba(messy(3)), atol=1e-3)


def test_figures_out_of_fold_are_of_as_many_rows_as_suffice(large: pytest.MonkeyPatch) -> None:
    large.setattr(split, "MOST_SEALED", 50)
    found = vouch.fit(rows(300), "y", settings=SETTINGS, folds=2)
    assert max(metric.n for metric in found.evidence.out_of_fold) == 50
    assert found.evidence.notes[-1] == "Figures out of fold are of 50 of 250 rows, drawn at random."
    assert found.out_of_fold is not None
    assert found.out_of_fold.height == 250


def test_encoded_rows_on_disk_are_not_counted_as_memory(large: pytest.MonkeyPatch) -> None:
    found = vouch.fit(messy(), "y", settings=SETTINGS)
    large.undo()
    resident = vouch.fit(messy(), "y", settings=SETTINGS)
    saved = resident.run.memory["estimated_bytes"] - found.run.memory["estimated_bytes"]
    assert saved > 300 * 50


def test_a_fit_that_ends_within_an_epoch_goes_on_to_the_same_bits(tmp_path: Path, large: pytest.MonkeyPatch) -> None:
    large.setattr(feed, "BLOCK_BYTES", 2_000)
    large.setattr(feed, "WINDOW_BLOCKS", 4)
    large.setattr("vouch.training.checkpoint.Checkpoints.__init__.__defaults__", (0.0, False))
    settings, out = {**SETTINGS, "batch_size": 32, "dropout": 0.2}, tmp_path / "a.vouch"
    whole = vouch.fit(messy(), "y", settings=settings)
    write, written = Checkpoints.write, []

    def stop(self: Checkpoints, tensors: Any, facts: Any) -> None:
        write(self, tensors, facts)
        written.append(facts["step"])
        if len(written) == 12:
            raise KeyboardInterrupt

    large.setattr(Checkpoints, "write", stop)
    with pytest.raises(KeyboardInterrupt):
        vouch.fit(messy(), "y", settings=settings, out=out)
    large.setattr(Checkpoints, "write", write)
    assert written[-1] not in (0, max(written))
    check_same(vouch.fit(messy(), "y", settings=settings, out=out, resume=True), whole)


def test_rows_without_a_label_follow_those_with_one(large: pytest.MonkeyPatch) -> None:
    settings, pool = {**FAST, "epochs": 15}, rows(300, seed=5).drop("y")
    found = vouch.fit(rows(200), "y", settings=settings, unlabelled=pool)
    large.undo()
    expected = vouch.fit(rows(200), "y", settings=settings, unlabelled=pool)
    assert any("the network labelled" in note.text and "sure, as" in note.text for note in found.run.notes)
    check_same(found, expected)


def test_what_is_learned_without_labels_is_the_same(tmp_path: Path, large: pytest.MonkeyPatch) -> None:
    data = messy().drop("y").with_columns(part=pl.Series(["test", "train", "train"] * 100))
    data.write_csv(tmp_path / "a.csv")
    found = vouch.pretrain(tmp_path / "a.csv", settings=SETTINGS)
    large.undo()
    expected = vouch.pretrain(tmp_path / "a.csv", settings=SETTINGS)
    assert found.backbone.digest == expected.backbone.digest
    assert any("kept on disk meanwhile, and shuffled in blocks" in note.text for note in found.run.notes)


def test_a_start_is_proved_the_same(tmp_path: Path, large: pytest.MonkeyPatch) -> None:
    known = tmp_path / "known.vouch"
    vouch.fit(rows(200), "y", settings=SETTINGS, out=known)
    found = vouch.fit(rows(300, seed=2), "y", settings=SETTINGS, start=known)
    large.undo()
    expected = vouch.fit(rows(300, seed=2), "y", settings=SETTINGS, start=known)
    check_same(found, expected)
    assert found.audit is not None
    assert expected.audit is not None
    assert found.audit.proofs[0].differences == expected.audit.proofs[0].differences


def test_a_search_finds_the_same(large: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {"trials": 3, "settings": {"epochs": 2, "members": 2, "accumulation": 2}, "device": "cpu"}
    found = vouch.tune(rows(200), "y", **asked)
    large.undo()
    expected = vouch.tune(rows(200), "y", **asked)
    assert same_weights(found, expected)
    assert found.search is not None
    assert expected.search is not None
    assert [one.score for one in found.search.attempts] == [one.score for one in expected.search.attempts]


def test_rows_worth_labelling_are_the_same(large: pytest.MonkeyPatch) -> None:
    bundle, pool = vouch.fit(rows(200), "y", settings=SETTINGS), rows(300, seed=5).drop("y")
    found = vouch.label(bundle, pool, rows=20)
    large.undo()
    assert vouch.label(bundle, pool, rows=20).equals(found)


# What Python does first in every process: all data is larger than memory there.
FIRST = """
import pytest
from api.disk import all_on_disk
all_on_disk(pytest.MonkeyPatch())
"""


def test_workers_read_from_disk_what_one_process_would(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "sitecustomize.py").write_text(FIRST)
    rows(300).write_csv(tmp_path / "a.csv")
    settings = [word for key, value in {**SETTINGS, "batch_size": 32}.items() for word in ("--set", f"{key}={value}")]
    command = [sys.executable, "-m", "vouch", "fit", str(tmp_path / "a.csv"), "--target", "y", "--json"]
    paths = [str(tmp_path / "first"), str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "--workers", "2", "--out", str(tmp_path / "a.vouch"), *settings],
        env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert any("shuffled in blocks" in note for note in json.loads(done.stdout)["notes"])
    alone = vouch.fit(tmp_path / "a.csv", "y", settings={**SETTINGS, "batch_size": 32})
    team = vouch.load(tmp_path / "a.vouch")
    assert [epoch[1] for epoch in team.run.history] == pytest.approx(
        [epoch[1] for epoch in alone.run.history], abs=1e-4
    )
