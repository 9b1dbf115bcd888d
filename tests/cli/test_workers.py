"""``--workers``: several processes fit what one would, a lost one is replaced, what cannot be is said in one line."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import vouch
from cli.running import figures, is_running, losses, refused, run, table
from docs.pages import blocks
from helpers import rows
from vouch.api.working import device_for
from vouch.errors import UsageError

SETTINGS = {"epochs": 4, "members": 4, "width": 32, "batch_size": 30, "patience": 0}
LIMIT = 180.0
SLACK = 1.0


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("data") / "rows.csv"
    rows(400).write_csv(place)
    return place


@pytest.fixture(scope="module")
def alone(data: Path) -> vouch.Bundle:
    return vouch.fit(data, "y", settings=SETTINGS)


@dataclass
class Running:
    """A command that runs beside the test."""

    process: subprocess.Popen[str]
    lines: list[tuple[float, str]] = field(default_factory=list)

    def wait_for(self, pattern: str) -> None:
        """Read what it says until a line is like this."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append((time.monotonic(), line))
            if re.search(pattern, line):
                return
        raise AssertionError(f"no line is like {pattern}: {self.said}")

    def end(self) -> int:
        """Read on to its end."""
        assert self.process.stderr is not None
        with self.process.stderr:
            self.lines += [(time.monotonic(), line) for line in self.process.stderr]
        return self.process.wait(LIMIT)

    @property
    def said(self) -> str:
        return "".join(line for _, line in self.lines)


def begun(*words: object, **environment: str) -> Running:
    """Start a fit."""
    command = [sys.executable, "-m", "vouch", "fit", *map(str, words)]
    where = {**os.environ, **environment}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=where)
    return Running(process)


def settings(**changes: object) -> list[str]:
    return [f"--set={key}={value}" for key, value in {**SETTINGS, **changes}.items()]


def workers_of(process: subprocess.Popen[str]) -> dict[int, int]:
    """Process numbers of the workers under a command, by rank."""
    parents, found = {}, {}
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # of a process that has just ended
            parents[int(place.name)] = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            words = (place / "cmdline").read_bytes().split(b"\0")
            if b"vouch.api.working" in words and b"vouch.training.torchrun" not in words:
                told = re.search(rb"\0RANK=(\d+)", (place / "environ").read_bytes())
                found[int(place.name)] = int(told[1]) if told else -1

    def under(number: int) -> bool:
        return number == process.pid or (number in parents and under(parents[number]))

    return {rank: number for number, rank in found.items() if under(number)}


def epochs_in(checkpoint: Path) -> int:
    """How many epochs a checkpoint holds; it may be replaced at this instant."""
    with contextlib.suppress(OSError):
        return len(json.loads((checkpoint / "state.json").read_text())["history"])
    return 0


def test_two_workers_fit_what_one_process_does(data, alone, tmp_path, capsys) -> None:
    place = tmp_path / "two.vouch"
    ran = run(capsys, "fit", data, "--target", "y", "--out", place, "--workers", 2, "--json", *settings())
    assert ran.code == 0, ran.err
    told, bundle = json.loads(ran.out), vouch.load(place)
    assert told["rows"]["train"] == len(alone.split.train)
    assert (bundle.split.test == alone.split.test).all()
    assert losses(bundle) == pytest.approx(losses(alone), abs=1e-4)
    assert figures(bundle) == pytest.approx(figures(alone), abs=1e-3)
    said = [line.split()[0] for line in ran.err.splitlines()]
    assert said == ["read:", "prepared:", "memory:", *["epoch"] * 4, "done:"]
    assert os.listdir(tmp_path) == ["two.vouch"]
    assert ("--workers", "2") in bundle.run.asked


def test_python_gives_the_bundle_back_and_leaves_nothing_behind(data, alone, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = []
    bundle = vouch.fit(
        data, "y", settings=SETTINGS, workers=2, progress=lambda event, /, **facts: told.append((event, facts))
    )  # fmt: skip
    assert losses(bundle) == pytest.approx(losses(alone), abs=1e-4)
    assert bundle.predict(rows(9, seed=4)).tolist() == alone.predict(rows(9, seed=4)).tolist()
    assert [facts["loss"] for event, facts in told if event == "epoch"] == losses(bundle)
    assert os.listdir(tmp_path) == []


def test_one_worker_is_the_process_itself(data, alone) -> None:
    bundle = vouch.fit(data, "y", settings=SETTINGS, workers=1)
    assert losses(bundle) == losses(alone)


@pytest.mark.parametrize("changes", [{}, {"gradient_noise": 0.01}], ids=["as one network", "in turn"])
def test_folds_are_what_they_are_in_one_process(data, changes) -> None:
    small = {**SETTINGS, **changes, "epochs": 2}
    one, two = (vouch.fit(data, "y", settings=small, folds=2, workers=count) for count in (None, 2))
    assert losses(two) == pytest.approx(losses(one), abs=1e-4)
    found = {bundle: {one.name: one.value for one in bundle.evidence.out_of_fold} for bundle in (one, two)}
    assert found[two] == pytest.approx(found[one], abs=1e-3)


def test_a_budget_is_the_same_number_of_epochs_for_all(data) -> None:
    bundle = vouch.fit(data, "y", settings={"members": 4, "width": 32, "learning_rate": "auto"}, budget=6, workers=2)
    assert len(bundle.run.history) <= bundle.recipe.epochs
    assert bundle.recipe.learning_rate > 0


@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_worker_costs_at_most_one_interval(data, tmp_path, rank) -> None:
    place = tmp_path / "killed.vouch"
    running = begun(data, "--target", "y", "--out", place, "--workers", 2, *settings(epochs=80))
    running.wait_for("epoch")
    while epochs_in(tmp_path / "killed.vouch.partial" / "checkpoint") < 2 or len(running.lines) < 20:
        running.wait_for("epoch")
    os.kill(workers_of(running.process)[rank], signal.SIGKILL)
    killed = time.monotonic()
    assert running.end() == 0, running.said
    assert "restarted: 2 workers" in running.said
    again = next(at for at, (_, line) in enumerate(running.lines) if line.startswith("restarted"))
    epochs = [(when, int(line.split()[1].split("/")[0])) for when, line in running.lines if line.startswith("epoch")]
    before = [(when, number) for when, number in epochs if when < running.lines[again][0]]
    resumed = next(number for when, number in epochs if when > running.lines[again][0])
    done = [when for when, number in before if number == resumed - 1]
    assert done, f"the run began again at epoch {resumed}, after {before[-1][1]}"
    assert killed - done[0] < 2.0 + SLACK
    bundle = vouch.load(place)
    assert [epoch[0] for epoch in bundle.run.history] == list(range(1, 81))
    assert figures(bundle)["accuracy"] > 0.8
    assert os.listdir(tmp_path) == ["killed.vouch"]


def test_ctrl_c_leaves_what_any_number_of_workers_goes_on_with(data, tmp_path, capsys) -> None:
    # Many epochs, so that there is time to stop it; small steps, in which sums of other order do not grow apart.
    place, many = tmp_path / "a.vouch", {"epochs": 150, "learning_rate": 1e-4}
    small = settings(**many)
    running = begun(data, "--target", "y", "--out", place, "--workers", 2, *small)
    while epochs_in(tmp_path / "a.vouch.partial" / "checkpoint") < 2:
        running.wait_for("epoch")
    running.process.send_signal(signal.SIGINT)
    assert running.end() == 130
    assert [line for line in running.said.splitlines() if line][-2:] == [
        "vouch: the same command with --resume goes on from the last checkpoint", "vouch: interrupted",
    ]  # fmt: skip
    assert not place.exists()
    assert not workers_of(running.process)
    ran = run(capsys, "fit", data, "--target", "y", "--out", place, "--resume", *small)
    assert ran.code == 0, ran.err
    assert "epoch   1/" not in ran.err
    whole = vouch.fit(data, "y", settings={**SETTINGS, **many})
    assert losses(vouch.load(place)) == pytest.approx(losses(whole), abs=1e-4)


def test_workers_do_not_outlive_a_command_that_is_killed(data, tmp_path) -> None:
    place = tmp_path / "a.vouch"
    running = begun(data, "--target", "y", "--out", place, "--workers", 2, *settings(epochs=3000, learning_rate=1e-4))
    running.wait_for("epoch")
    workers = workers_of(running.process)
    assert len(workers) == 2
    running.process.kill()
    running.end()
    until = time.monotonic() + LIMIT
    while any(is_running(number) for number in workers.values()) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(is_running(number) for number in workers.values())
    assert not place.exists()


def meeting() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{one.getsockname()[1]}"


def test_two_machines_that_meet_fit_together_as_the_page_shows(data, alone, tmp_path) -> None:
    place, (block,) = tmp_path / "two.vouch", blocks("docs/how-to/workers.md", "bash")
    words = shlex.split(
        block.text.replace("head:29400", meeting()).replace("churn.csv", str(data)).replace("Churn", "y")
    )
    verb = words.index("vouch")
    machines = dict(word.split("=", 1) for word in words[:verb])
    assert words[verb + 1] == "fit"
    both = [begun(*words[verb + 2 :], "--out", place, *settings(), **machines) for _ in range(2)]
    assert [one.end() for one in both] == [0, 0], [one.said for one in both]
    assert sorted("epoch" in one.said for one in both) == [False, True]
    assert losses(vouch.load(place)) == pytest.approx(losses(alone), abs=1e-4)


def test_a_machine_that_never_joins_is_waited_for_no_longer_than_said(data, tmp_path, capsys, monkeypatch) -> None:
    for key, value in {"NNODES": "2", "RDZV_ENDPOINT": meeting(), "RDZV_CONF": "join_timeout=3"}.items():
        monkeypatch.setenv(f"PET_{key}", value)
    line = refused(run(capsys, "fit", data, "--target", "y", "--out", tmp_path / "a.vouch", "--workers", 1), "V500")
    assert "not all machines joined" in line
    assert "2 machines within 3 s" in line
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("count", [0, -1, 10_000])
def test_an_impossible_number_of_workers_is_refused(data, tmp_path, capsys, count) -> None:
    line = refused(run(capsys, "fit", data, "--target", "y", "--out", tmp_path / "a", "--workers", count), "V100")
    assert str(count) in line


def test_what_a_worker_refuses_is_said_as_one_process_says_it(data, tmp_path, capsys) -> None:
    found = {}
    for count in (1, 2):
        words = ("fit", data, "--target", "nothing", "--out", tmp_path / "a.vouch", "--workers", count)
        found[count] = refused(run(capsys, *words), "V205")
    assert found[1] == found[2]
    assert os.listdir(tmp_path) == []


def test_more_workers_than_rows_in_a_batch_are_refused(data, tmp_path, capsys) -> None:
    words = ("fit", data, "--target", "y", "--out", tmp_path / "a.vouch", "--workers", 2, "-q", *settings(batch_size=1))
    assert "more workers than rows in a batch" in refused(run(capsys, *words), "V100")
    assert os.listdir(tmp_path) == []


def test_data_in_memory_is_refused_with_advice() -> None:
    with pytest.raises(UsageError, match="must be on disk"):
        vouch.fit(rows(), "y", workers=2)


def test_a_command_that_torchrun_has_started_is_refused(data, monkeypatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    with pytest.raises(UsageError, match="torchrun itself"):
        vouch.fit(data, "y", workers=2)


def test_bad_input_leaves_the_checkpoint_of_an_interrupted_run(data, tmp_path, capsys) -> None:
    place = tmp_path / "a.vouch"

    def stop(event: str, /, **_: object) -> None:
        if event == "epoch":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        vouch.fit(data, "y", out=place, settings=SETTINGS, progress=stop)
    refused(run(capsys, "fit", data, "--target", "x", "--out", place, "--workers", 2, *settings()), "V205")
    assert (tmp_path / "a.vouch.partial" / "run.json").exists()
    ran = run(capsys, "fit", data, "--target", "y", "--out", place, "--workers", 2, "--resume", *settings())
    assert ran.code == 0, ran.err


def test_a_worker_that_fails_again_and_again_is_given_up(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("PET_MAX_RESTARTS", "1")
    # A module that cannot be imported stands in for whatever is broken on a machine.
    (tmp_path / "safetensors").mkdir()
    (tmp_path / "safetensors" / "__init__.py").write_text("raise OSError('broken here')")
    place = table(tmp_path / "rows.csv")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    line = refused(run(capsys, "fit", place, "--target", "y", "--out", tmp_path / "a.vouch", "--workers", 2), "V500")
    assert "OSError: broken here" in line


def test_a_device_that_workers_cannot_share_is_refused(monkeypatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    assert device_for("cpu", 1, 2) == "cpu"
    with pytest.raises(UsageError, match="more workers than graphics cards"):
        device_for("auto", 0, 2)
    with pytest.raises(UsageError, match="do not share a device"):
        device_for("mps", 0, 2)
