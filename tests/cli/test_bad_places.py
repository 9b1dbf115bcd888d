"""Places that cannot be written, interrupted runs, full disks: nothing is lost and nothing half-written."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

import vouch
from cli.running import QUICK, fitted, left, refused, run, table
from helpers import rows

VOUCH = (sys.executable, "-m", "vouch")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "a.csv")


def fit(capsys, *options):
    return run(capsys, "fit", "a.csv", "--target", "y", "-q", *QUICK, *options)


def test_a_bundle_in_the_place_is_replaced(capsys, tmp_path):
    fitted(fit(capsys), tmp_path / "a.vouch")
    (tmp_path / "a.vouch" / "report.html").write_text("old")
    fitted(fit(capsys), tmp_path / "a.vouch")
    assert left(tmp_path) == ["a.csv", "a.vouch"]
    assert (tmp_path / "a.vouch" / "report.html").read_text() != "old"


@pytest.mark.parametrize("content", ["thesis.txt", "model.json", "folder/thesis.txt"])
def test_a_folder_that_is_no_bundle_is_left_as_it_is(capsys, tmp_path, content):
    file = tmp_path / "mine" / content
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    assert "no bundle" in refused(fit(capsys, "--out", "mine"), "V400")
    assert file.read_text() == "{}"
    assert left(tmp_path) == ["a.csv", "mine"]


def test_saving_refuses_a_folder_that_is_no_bundle_too(tmp_path):
    bundle = vouch.fit(rows(60), "y", settings={"epochs": 1, "members": 2, "width": 16})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("text")
    with pytest.raises(vouch.errors.OutputError, match="no bundle"):
        bundle.save(tmp_path / "mine")
    assert left(tmp_path) == ["a.csv", "mine"]
    assert left(tmp_path / "mine") == ["thesis.txt"]


@pytest.mark.parametrize("place", [".", "..", "/", "a.csv", "a.csv/b.vouch", "link", "/proc/x.vouch", "x" * 300, "\0"])
def test_a_place_that_cannot_be_written_is_refused_before_the_data_is_read(capsys, tmp_path, place):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    refused(run(capsys, "fit", "not-there.csv", "--target", "y", "--out", place), "V400")
    assert left(tmp_path) == ["a.csv", "link", "real"]


def test_a_checkpoint_folder_that_no_run_left_is_left_as_it_is(capsys, tmp_path):
    (tmp_path / "a.vouch.partial").mkdir()
    (tmp_path / "a.vouch.partial" / "thesis.txt").write_text("text")
    assert "checkpoints" in refused(fit(capsys), "V400")
    assert left(tmp_path / "a.vouch.partial") == ["thesis.txt"]


def test_a_folder_that_may_not_be_written_is_refused(capsys, tmp_path):
    with closed(tmp_path / "closed"):
        refused(fit(capsys, "--out", "closed/a.vouch"), "V400")
        assert left(tmp_path / "closed") == []


def test_a_loss_that_is_no_number_is_refused_and_leaves_nothing(capsys, tmp_path):
    options = ("--set", "learning_rate=1000", "--set", "optimizer=sgd", "--set", "clip=0", "--set", "epochs=9")
    table(tmp_path / "a.csv", n=400, y=[float(i) for i in range(400)])
    assert "learning_rate" in refused(fit(capsys, *options), "V500")
    assert left(tmp_path) == ["a.csv"]


def test_resuming_with_other_data_is_refused_and_the_checkpoint_stays(capsys, tmp_path):
    partial = tmp_path / "a.vouch.partial"
    interrupted(tmp_path)
    table(tmp_path / "a.csv", n=90)
    assert "not that of the run" in refused(fit(capsys, "--resume"), "V500")
    assert (partial / "checkpoint" / "state.json").is_file()
    (partial / "run.json").write_text("{")
    assert "damaged" in refused(fit(capsys, "--resume"), "V500")


def test_an_interruption_leaves_a_checkpoint_from_which_the_run_is_completed(capsys, tmp_path):
    code, said = interrupted(tmp_path)
    assert code == 130, said
    assert "--resume" in said
    assert "Traceback" not in said
    assert left(tmp_path) == ["a.csv", "a.vouch.partial"]
    ran = run(capsys, "fit", "a.csv", "--target", "y", "--resume", "--budget", "2s")
    assert ran.code == 0, ran.err
    assert left(tmp_path) == ["a.csv", "a.vouch"]


def interrupted(folder) -> tuple[int, str]:
    """Begin a run of many epochs, and interrupt it as soon as a checkpoint is there."""
    state = folder / "a.vouch.partial" / "checkpoint" / "state.json"
    settings = ("--set", "epochs=400", "--set", "patience=0", "--set", "members=2", "--set", "width=16")
    command = (*VOUCH, "fit", "a.csv", "--target", "y", *settings, "--device", "cpu")
    with subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True) as process:
        end = time.monotonic() + 60
        while not state.is_file() and time.monotonic() < end and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
        return process.returncode, said


def test_the_command_itself_gives_one_line_and_exit_code_2(tmp_path):
    ran = subprocess.run(
        (*VOUCH, "fit", "none.csv", "--target", "y", "--json"), cwd=tmp_path, env=ENVIRONMENT, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert len(ran.stderr.splitlines()) == 1
    assert ran.stderr.rstrip().endswith("[V201]")


def closed(place):
    """A folder that may not be written; root may write everywhere but on a disk that is read-only."""
    if not os.geteuid():
        return small_disk(place, "ro")
    place.mkdir(mode=0o500)
    return contextlib.nullcontext()


@contextlib.contextmanager
def small_disk(place, options):
    """A disk of its own, of so few kilobytes or read-only; only root may mount one."""
    place.mkdir()
    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("mounting a small disk needs root")
    command = ("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place))
    mounted = subprocess.run(command, check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(("umount", "-l", str(place)), check=True)


@pytest.mark.parametrize("kilobytes", [4, 32, 128])
def test_a_full_disk_is_refused_and_nothing_half_written_is_left(capsys, tmp_path, kilobytes):
    disk = tmp_path / "disk"
    with small_disk(disk, f"size={kilobytes}k"):
        line = refused(fit(capsys, "--out", disk / "a.vouch"), "V400")
        assert "room" in line
        found = left(disk)
        assert found in ([], ["a.vouch.partial"])
        if found:
            assert "--resume" in line
            assert left(disk / "a.vouch.partial") == ["checkpoint", "run.json"]


def test_predictions_on_a_full_disk_are_refused_and_nothing_half_written_is_left(capsys, tmp_path):
    fitted(fit(capsys), tmp_path / "a.vouch")
    rows(3000).write_csv(tmp_path / "many.csv")
    with small_disk(tmp_path / "disk", "size=16k"):
        for name in ("p.csv", "p.parquet", "p.jsonl"):
            line = refused(run(capsys, "predict", "a.vouch", "many.csv", "-q", "-o", tmp_path / "disk" / name), "V400")
            assert "room" in line
            assert left(tmp_path / "disk") == []
