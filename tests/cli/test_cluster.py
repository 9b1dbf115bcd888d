"""``--cluster``: two Ray nodes on loopback addresses fit, predict and search by the commands of the page on it."""

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
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import polars as pl
import pytest

import vouch
from cli.running import figures, losses, refused, run
from docs.pages import blocks
from helpers import rows
from vouch.api.clustering import check_extra, relay, summed
from vouch.contracts.dataset import Note
from vouch.errors import TrainingError, UsageError

pytest.importorskip("ray", reason="Ray is not installed: pip install 'deepvouch[cluster]'")

SETTINGS = {"epochs": 4, "members": 4, "width": 32, "batch_size": 30, "patience": 0}
SECONDS = 120.0
SHOWN = {
    "start": r"ray start (.*)", "fit": r"vouch (fit .*)", "predict": r"vouch (predict .*)", "tune": r"vouch (tune .*)",
    "stop": r"(ray stop)",
}  # fmt: skip


def shown(verb: str, **places: object) -> list[list[str]]:
    """The words of the commands of the page, with other places in them."""
    lines = [line for block in blocks("docs/how-to/cluster.md", "sh") for line in block.text.splitlines()]
    found = [match[1] for line in lines if (match := re.fullmatch(SHOWN[verb], line))]
    assert all(any(re.fullmatch(one, line) for one in SHOWN.values()) for line in lines)
    for written, meant in places.items():
        found = [line.replace(written, str(meant)) for line in found]
    return [shlex.split(line) for line in found]


PAGES = "127.0.0.1:6379"
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1"}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of two nodes, which end with the tests."""
    port, folder = free_port(), tmp_path_factory.mktemp("r")
    alike = ("--object-store-memory=80000000", "--disable-usage-stats", "--block")
    head = ("--include-dashboard=false", f"--temp-dir={folder}")
    with contextlib.ExitStack() as nodes:
        for node in shown("start", **{"6379": port}):
            more = (*head, *alike) if "--head" in node else alike
            nodes.enter_context(running([sys.executable, "-m", "ray.scripts.scripts", "start", *node, *more]))
        yield f"127.0.0.1:{port}"


@contextlib.contextmanager
def running(command: list[str]) -> Iterator[None]:
    """A node, from when it says that it has started until it has ended with all that it started."""
    node = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **QUIET},
        start_new_session=True,
    )  # fmt: skip
    try:
        said = ""
        for line in node.stdout or ():
            said += line
            if "Ray runtime started" in line:
                break
        else:
            pytest.fail(f"the command on the page starts no Ray node: {said[-400:]}")
        yield
    finally:
        # Asked politely, a node takes half a minute to end.
        os.killpg(node.pid, signal.SIGKILL)
        node.wait(SECONDS)
        if node.stdout is not None:
            node.stdout.close()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("data") / "rows.csv"
    rows(400).write_csv(place)
    return place


@pytest.fixture(scope="module")
def alone(data: Path) -> vouch.Bundle:
    return vouch.fit(data, "y", settings={**SETTINGS, "epochs": 60})


def settings(**changes: object) -> list[str]:
    return [f"--set={key}={value}" for key, value in {**SETTINGS, **changes}.items()]


def test_two_machines_fit_what_one_process_does_though_a_worker_is_killed(cluster, data, alone, tmp_path) -> None:
    place = tmp_path / "killed.vouch"
    (command,) = shown("fit", **{"churn.csv": data, "Churn": "y", PAGES: cluster})
    with subprocess.Popen(
        [sys.executable, "-m", "vouch", *command, "--out", str(place), *settings(epochs=60)], stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        said: list[str] = []
        assert process.stderr is not None
        # Lines may come late and many at once, so it is the checkpoint that says when to strike.
        listening = threading.Thread(target=said.extend, args=(process.stderr,))
        listening.start()
        while process.poll() is None and kept_epochs(place) < 2:
            time.sleep(0.02)
        if process.poll() is None:
            os.kill(workers()[-1], signal.SIGKILL)
        listening.join()
    assert process.returncode == 0, "".join(said)
    assert any(line.startswith("restarted: 2 workers") for line in said), "".join(said)
    again = next(at for at, line in enumerate(said) if line.startswith("restarted"))
    first = next(line for line in said[again:] if line.startswith("epoch"))
    assert int(re.findall(r"\d+", first)[0]) > 1
    bundle = vouch.load(place)
    assert (bundle.split.test == alone.split.test).all()
    assert losses(bundle) == pytest.approx(losses(alone), abs=1e-4)
    assert figures(bundle) == pytest.approx(figures(alone), abs=1e-3)
    assert os.listdir(tmp_path) == ["killed.vouch"]


def kept_epochs(place: Path) -> int:
    """How many epochs the checkpoint beside a place holds; it may be replaced at this instant."""
    with contextlib.suppress(OSError):
        file = place.with_name(f"{place.name}.partial") / "checkpoint" / "state.json"
        return len(json.loads(file.read_text())["history"])
    return 0


def workers() -> list[int]:
    """Process numbers of Ray's workers that train."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # of a process that has just ended
            if b"RayTrainWorker" in (place / "cmdline").read_bytes():
                found.append(int(place.name))
    return found


def test_rows_are_predicted_in_parts_as_they_are_at_once(cluster, alone, tmp_path, capsys) -> None:
    model, data, out = alone.save(tmp_path / "a.vouch"), tmp_path / "rows.csv", tmp_path / "out.parquet"
    places = {"churn.vouch": model, "new.csv": data, "predictions.csv": out, PAGES: cluster}
    new = pl.concat([rows(1500, seed) for seed in range(3)])
    new = new.with_columns(size=pl.when(pl.int_range(4500) % 9 > 0).then("size"))
    new.write_csv(data)
    ran = run(capsys, *shown("predict", **places)[0], "--json")
    assert ran.code == 0, ran.err
    expected, notes = vouch.api.predict_with_notes(alone, data)
    assert pl.read_parquet(out).equals(expected)
    assert json.loads(ran.out)["notes"] == [note.text for note in notes]


def test_machines_search_beside_this_one(cluster, data, tmp_path, capsys) -> None:
    optuna = pytest.importorskip("optuna", reason="Optuna is not installed: pip install 'deepvouch[tune]'")
    storage, place = f"sqlite:///{tmp_path}/search.db", tmp_path / "a.vouch"
    places = {"/data/churn.csv": data, "Churn": "y", PAGES: cluster, "sqlite:////data/search.db": storage}
    ran = run(capsys, *shown("tune", **places)[0], "--out", place, *settings(epochs=2), "--json", "-q")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert found["trials"] == 4
    assert not [note for note in found["notes"] if "broke down" in note]
    study = optuna.load_study(study_name="a", storage=storage)
    assert len({trial.user_attrs["by"] for trial in study.trials}) == 2


def test_what_a_worker_refuses_is_said_as_one_process_says_it(cluster, data, tmp_path, capsys) -> None:
    words = ("fit", data, "--target", "nothing", "--out", tmp_path / "a.vouch")
    expected = refused(run(capsys, *words), "V205")
    assert refused(run(capsys, *words, "--cluster", cluster), "V205") == expected
    assert os.listdir(tmp_path) == []


def test_more_workers_than_the_cluster_has_cores_are_refused(cluster, data, tmp_path, capsys) -> None:
    words = ("fit", data, "--target", "y", "--out", tmp_path / "a.vouch", "--cluster", cluster, "--workers", 3)
    assert "at most 2, got 3" in refused(run(capsys, *words), "V100")


@pytest.mark.parametrize("verb", ["fit", "predict", "tune"])
def test_an_address_that_does_not_answer_is_refused_at_once(data, alone, tmp_path, capsys, verb) -> None:
    started, model = time.monotonic(), alone.save(tmp_path / "m.vouch")
    words = {"predict": (model, data), "fit": (data, "--target", "y"), "tune": (data, "--target", "y")}[verb]
    line = refused(run(capsys, verb, *words, "--cluster", f"127.0.0.1:{free_port()}"), "V100")
    assert "no cluster answers" in line
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("address", ["ray://127.0.0.1:10001", "somewhere", "127.0.0.1:", ":6379"])
def test_what_is_no_address_is_refused(data, tmp_path, capsys, address) -> None:
    words = ("fit", data, "--target", "y", "--out", tmp_path / "a.vouch", "--cluster", address)
    assert "HOST:PORT" in refused(run(capsys, *words), "V100")


def test_what_listens_and_is_no_cluster_is_given_up(data) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        code = "import sys, vouch.api.clustering as c; c.SECONDS_TO_CONNECT = 3.0; c.main(sys.argv[1:])"
        request = Path(data).with_name("request.json")
        request.write_text(json.dumps({"data": str(data), "target": "y", "options": {"out": "a.vouch"}}))
        ran = subprocess.run(
            [sys.executable, "-c", code, "fit", address, "2", str(request)], capture_output=True, text=True,
            timeout=SECONDS,
        )  # fmt: skip
    assert "no Ray cluster" in json.loads(ran.stdout.splitlines()[-1])["refused"]["what"]


def test_workers_that_never_join_are_not_waited_for_endlessly() -> None:
    with pytest.raises(TrainingError, match=r"have not joined: expected room for them within 0\.1 s"):
        relay(Future(), list, seconds=0.1)


def test_without_the_extra_it_is_named(monkeypatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UsageError, match="extra 'cluster'"):
        check_extra()


def test_notes_on_parts_are_added_up() -> None:
    said = {2: "2 cells of 'a 2'", 999: "999 cells of 'a 2'"}
    found = summed([*(Note("filled", text, count, "a") for count, text in said.items()), Note("read", "as it was")])
    assert [(note.text, note.count) for note in found] == [("1,001 cells of 'a 2'", 1001), ("as it was", 0)]
