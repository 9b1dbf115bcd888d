"""A fit on data that is larger than memory: the same bundle, bounded memory, and nothing left behind."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

import vouch
from api.disk import SETTINGS, all_on_disk, check_same, messy, same_weights
from vouch.api import simple
from vouch.cli import main
from vouch.data import encode, split
from vouch.data.shelf import columns
from vouch.errors import OutputError
from vouch.training import feed


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    return all_on_disk(monkeypatch)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_bundle_is_the_same_to_the_last_bit(ending: str, tmp_path: Path, large: pytest.MonkeyPatch) -> None:
    file = tmp_path / f"a.{ending}"
    frame = messy()
    frame.write_csv(file) if ending == "csv" else frame.write_parquet(file)
    found = vouch.fit(file, "y", settings=SETTINGS)
    large.undo()
    check_same(found, vouch.fit(file, "y", settings=SETTINGS))


def test_the_size_of_the_parts_changes_nothing(tmp_path: Path, large: pytest.MonkeyPatch) -> None:
    # Small windows, so that rows are shuffled in blocks.
    large.setattr(feed, "BLOCK_BYTES", 200)
    large.setattr(feed, "WINDOW_BLOCKS", 4)
    messy().write_csv(tmp_path / "a.csv")
    first = vouch.fit(tmp_path / "a.csv", "y", settings=SETTINGS)
    for module, name, value in ((columns, "PIECE_BYTES", 3_000), (encode, "CHUNK", 33), (feed, "_AHEAD_BYTES", 4_000)):
        large.setattr(module, name, value)
    check_same(vouch.fit(tmp_path / "a.csv", "y", settings=SETTINGS), first)
    large.undo()
    resident = vouch.fit(tmp_path / "a.csv", "y", settings=SETTINGS)
    assert resident.run.fingerprint == first.run.fingerprint
    assert not same_weights(resident, first)


def test_pictures_are_the_same_to_the_last_bit(tmp_path: Path, large: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    for number in range(60):
        folder = tmp_path / "pets" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 100 + 100 * (number % 2), (12, 12, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    (tmp_path / "pets" / "a" / "broken.png").write_bytes(b"no picture")
    settings = {"epochs": 2, "image_width": 8}
    found = vouch.fit(tmp_path / "pets", settings=settings)
    large.undo()
    expected = vouch.fit(tmp_path / "pets", settings=settings)
    check_same(found, expected)
    assert any("1 rows whose picture" in note.text for note in found.run.notes)


def test_pictures_that_are_large_only_when_decoded_are_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "RESIDENT_BYTES", 10_000)
    rng = np.random.default_rng(0)
    for number in range(40):
        folder = tmp_path / "pets" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (16, 16, 3)).astype(np.uint8)).save(folder / f"{number}.png")
    bundle = vouch.fit(tmp_path / "pets", settings={"epochs": 1, "image_width": 8})
    assert any(
        "40 rows are larger than memory may hold once they are decoded" in note.text for note in bundle.run.notes
    )


def test_predictions_of_large_data_are_those_of_small_data(large: pytest.MonkeyPatch) -> None:
    bundle = vouch.fit(messy(), "y", settings=SETTINGS)
    fresh = messy(seed=4).drop("y")
    found = vouch.predict(bundle, fresh)
    large.undo()
    assert vouch.predict(bundle, fresh).equals(found)


def test_an_interrupted_fit_goes_on_to_the_same_bits(tmp_path: Path, large: pytest.MonkeyPatch) -> None:
    large.setattr(feed, "BLOCK_BYTES", 200)
    large.setattr(feed, "WINDOW_BLOCKS", 4)
    large.setattr("vouch.training.checkpoint.Checkpoints.__init__.__defaults__", (0.0, False))
    messy().write_csv(tmp_path / "a.csv")
    whole = vouch.fit(tmp_path / "a.csv", "y", settings=SETTINGS)
    large.setenv("TMPDIR", str(tmp_path / "room"))
    (tmp_path / "room").mkdir()

    def interrupt(event: str, /, **facts: float | int | str | None) -> None:
        if event == "epoch" and facts["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        vouch.fit(tmp_path / "a.csv", "y", settings=SETTINGS, out=tmp_path / "a.vouch", progress=interrupt)
    assert not list((tmp_path / "room").iterdir())
    resumed = vouch.fit(tmp_path / "a.csv", "y", settings=SETTINGS, out=tmp_path / "a.vouch", resume=True)
    check_same(resumed, whole)


def test_a_full_disk_ends_the_fit_with_one_line_and_leaves_nothing(
    tmp_path: Path, large: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    messy().write_csv(tmp_path / "in" / "a.csv")
    large.setenv("TMPDIR", str(tmp_path / "room"))
    (tmp_path / "room").mkdir()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limit[1]))
    try:
        code = main(["fit", str(tmp_path / "in" / "a.csv"), "--target", "y", "--out", str(tmp_path / "a.vouch"), "-q"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    said = capsys.readouterr().err
    assert code == 2
    assert "V400" in said
    assert "TMPDIR" in said
    assert len(said.strip().splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "room"]
    assert not list((tmp_path / "room").iterdir())


def test_encoded_rows_that_find_no_room_are_said(tmp_path: Path, large: pytest.MonkeyPatch) -> None:
    large.setattr(columns, "RESIDENT_BYTES", 2**30)
    large.setenv("TMPDIR", str(tmp_path / "absent"))
    with pytest.raises(OutputError, match="TMPDIR"):
        vouch.fit(messy(), "y", settings=SETTINGS, out=tmp_path / "a.vouch")
    assert not list(tmp_path.iterdir())


def test_what_was_bounded_is_told(tmp_path: Path, large: pytest.MonkeyPatch) -> None:
    large.setattr(split, "MOST_SEALED_MEDIA", 30)
    large.setattr(simple, "_MUCH_MEDIA", 0)
    large.setattr(simple, "_MOST_ROWS_MEDIA", 100)
    messy().write_csv(tmp_path / "a.csv")
    bundle = vouch.fit(tmp_path / "a.csv", "y", settings=SETTINGS)
    notes = " ".join(note.text for note in bundle.run.notes)
    assert "300 rows are larger than memory may hold: read in shards" in notes
    assert "kept on disk meanwhile, and shuffled in blocks" in notes
    assert "30 rows are sealed instead of 60" in notes
    assert len(bundle.split.test) == 30
    assert bundle.evidence.notes[0] == "Simple methods were given 100 of 270 training rows, drawn at random."
    assert set(bundle.evidence.baselines) == {"majority", "logistic_regression", "boosted_trees"}


def test_simple_methods_are_given_every_class(large: pytest.MonkeyPatch) -> None:
    large.setattr(simple, "_MUCH_MEDIA", 0)
    large.setattr(simple, "_MOST_ROWS_MEDIA", 40)
    frame = messy().with_columns(y=pl.Series(["a", "b"] * 149 + ["c", "c"]))
    bundle = vouch.fit(frame, "y", settings=SETTINGS, seed=3)
    assert not [note for note in bundle.evidence.notes if "could not" in note]
    assert "boosted_trees" in bundle.evidence.baselines


def test_memory_is_bounded(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"x{k}": rng.normal(size=1_200_000) for k in range(20)})
    frame.with_columns(y=pl.col("x0") > 0).write_parquet(tmp_path / "a.parquet", row_group_size=20_000)
    held, bounded = (peak_of(tmp_path / "a.parquet", limit) for limit in (2**40, 2**22))
    assert held > 2 * frame.estimated_size()
    assert bounded < held / 2


PEAK = """
import sys
import torch
import vouch.api.preparing as station
from vouch.contracts.recipe import Recipe
from vouch.contracts.split import Split
from vouch.data import clean, encode
from vouch.data.shelf import columns
import numpy as np

def peak():
    lines = open("/proc/self/status").read().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024

columns.RESIDENT_BYTES = limit = int(sys.argv[2])
columns.PIECE_BYTES = encode.CHUNK_BYTES = 2**21
before = peak()
dataset, schema = station.gather(sys.argv[1], "y", {})
canonical = station.clean(dataset, schema)
rows = np.arange(canonical.frame.height)
station.fingerprint_of(canonical)
encoders = encode.fit_encoders(canonical, schema, Split(rows[:5000], rows[:0], rows[:0], "", ""), Recipe(), None)
encode.encode(canonical.frame, encoders, limit)
print(peak() - before)
"""


def peak_of(file: Path, limit: int) -> int:
    """Bytes at most, over the libraries, while a file is read, cleaned and encoded."""
    run = [sys.executable, "-c", PEAK, str(file), str(limit)]
    return int(subprocess.run(run, capture_output=True, text=True, check=True, timeout=300).stdout)
