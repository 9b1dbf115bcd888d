"""A fit is logged where it is asked to be; a place that breaks down is told of, and training goes on."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

import vouch
from cli.running import QUICK, fitted, left, refused, run, table
from helpers import FAST, rows
from vouch.api.tracking import flat
from vouch.contracts.optimizers import SGD
from vouch.contracts.recipe import Recipe
from vouch.trackers import JsonLines

SETTINGS = {**FAST, "patience": 0}


def lines_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_fit_logs_its_recipe_each_epoch_and_the_figures_of_the_bundle(tmp_path: Path) -> None:
    log = tmp_path / "runs.jsonl"
    settings = {**SETTINGS, "schedule": "one_cycle", "optimizer": "sgd(momentum=0.8)"}
    bundle = vouch.fit(rows(200), "y", settings=settings, log=f"jsonl:{log}", out=tmp_path / "a.vouch")
    begin, *epochs, end = lines_of(log)
    assert begin["recipe"]["optimizer.momentum"] == 0.8
    assert (begin["task"], begin["target"], begin["train"]) == ("binary", "y", len(bundle.split.train))
    assert begin["bundle"] == str(tmp_path / "a.vouch")
    assert [one["epoch"] for one in epochs] == [1, 2, 3]
    assert [one["loss"] for one in epochs] == [epoch[1] for epoch in bundle.run.history]
    assert [one["score"] for one in epochs] == [epoch[2] for epoch in bundle.run.history]
    assert all(one["rows_per_second"] > 0 for one in epochs)
    rates = [one["learning_rate"] for one in epochs]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] < bundle.recipe.learning_rate
    accuracy = next(one for one in bundle.evidence.metrics if one.name == "accuracy")
    told = end["metrics"]["sealed"]["accuracy"]
    assert told == {"value": accuracy.value, "low": accuracy.low, "high": accuracy.high, "n": accuracy.n}
    assert "out_of_fold" not in end["metrics"]


def test_folds_log_their_figures_and_networks_that_train_in_turn_are_told_apart(tmp_path: Path) -> None:
    log = tmp_path / "runs.jsonl"
    vouch.fit(rows(200), "y", settings=SETTINGS, folds=2, log=[f"jsonl:{log}"])
    assert "accuracy" in lines_of(log)[-1]["metrics"]["out_of_fold"]
    assert [one["epoch"] for one in lines_of(log)[1:-1]] == [1, 2, 3]
    in_turn = tmp_path / "turn.jsonl"
    settings = {**SETTINGS, "accumulation": 2, "epochs": 2}
    vouch.fit(rows(200), "y", settings=settings, ensemble=2, log=f"jsonl:{in_turn}")
    told = [sorted(key for key in one if "loss" in key) for one in lines_of(in_turn)[1:-1]]
    assert told == [["network_1/loss"]] * 2 + [["network_2/loss"]] * 2


def test_a_fit_that_goes_on_appends(tmp_path: Path) -> None:
    def stop(event: str, /, **facts: Any) -> None:
        if event == "epoch" and facts["epoch"] == 2:
            raise KeyboardInterrupt

    log, out = tmp_path / "runs.jsonl", tmp_path / "a.vouch"
    options: dict[str, Any] = {"settings": SETTINGS, "out": out, "log": f"jsonl:{log}"}
    with pytest.raises(KeyboardInterrupt):
        vouch.fit(rows(200), "y", **options, progress=stop)
    vouch.fit(rows(200), "y", **options, resume=True)
    lines = lines_of(log)
    assert len({line["run"] for line in lines}) == 1
    assert [line["event"] for line in lines].count("resume") == 1
    assert {line["epoch"] for line in lines if line["event"] == "epoch"} == {1, 2, 3}
    assert lines[-1]["event"] == "end"


@pytest.mark.parametrize("method", ["epoch", "end", "close"])
def test_what_breaks_down_while_training_is_told_once_and_training_goes_on(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    def fail(*_: Any) -> None:
        nonlocal asked
        asked += 1
        raise OSError("no space left on device")

    monkeypatch.setattr(JsonLines, method, fail)
    told: list[str] = []

    def tell(event: str, /, **facts: Any) -> None:
        if event == "note":
            told.append(facts["text"])

    bundle = vouch.fit(rows(200), "y", settings=SETTINGS, log=f"jsonl:{tmp_path / 'a.jsonl'}", progress=tell)
    assert asked == 1
    assert told == ["nothing more is logged to jsonl: OSError: no space left on device"]
    assert len(bundle.run.history) == 3
    assert [note.text for note in bundle.run.notes if "logged" in note.text] == (told if method != "close" else [])


def test_one_place_that_breaks_down_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = JsonLines.epoch

    def fail(self: JsonLines, number: int, values: Any) -> None:
        if self.file.name == "a.jsonl" and number == 2:
            raise OSError("gone")
        plain(self, number, values)

    monkeypatch.setattr(JsonLines, "epoch", fail)
    vouch.fit(rows(200), "y", settings=SETTINGS, log=[f"jsonl:{tmp_path / name}.jsonl" for name in "ab"])
    assert [line["event"] for line in lines_of(tmp_path / "a.jsonl")] == ["begin", "epoch"]
    assert [line["event"] for line in lines_of(tmp_path / "b.jsonl")] == ["begin", "epoch", "epoch", "epoch", "end"]


def test_without_a_place_nothing_is_logged_and_nothing_is_imported(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    vouch.fit(rows(100), "y", settings=SETTINGS)
    assert left(tmp_path) == []


def test_the_command_logs_to_several_places(capsys, tmp_path, monkeypatch) -> None:
    pytest.importorskip("tensorboard", reason="the extra 'track' is not installed")
    monkeypatch.chdir(tmp_path)
    path = table(tmp_path / "a.csv")
    options = ("--log", "jsonl:runs.jsonl", "--log", "tensorboard:curves")
    fitted(run(capsys, "fit", path, "--target", "y", *QUICK, *options, "-q"), tmp_path / "a.vouch")
    assert [line["event"] for line in lines_of(tmp_path / "runs.jsonl")] == ["begin", "epoch", "end"]
    assert list((tmp_path / "curves").glob("events.*"))


class Silent(BaseHTTPRequestHandler):
    """Takes a request and never answers it."""

    def do_GET(self) -> None:
        """Wait until the test is over."""
        self.server.over.wait(60)  # type: ignore[attr-defined]

    do_POST = do_GET

    def log_message(self, *_: Any) -> None:  # type: ignore[override]
        """Say nothing."""


@pytest.fixture
def silent_server() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Silent)
    server.over = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.over.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


BAD = {
    "tensorbord:runs": ("V100", "Did you mean 'tensorboard'"),
    "jsonl:": ("V100", "no place to log to"),
    "runs": ("V100", "no way to log called 'runs'"),
    "mlflow:bogus://somewhere": ("V100", "no place of MLflow"),
    "jsonl:a.csv": ("V400", "no log"),
    "jsonl:none/runs.jsonl": ("V400", "the log cannot be written"),
    "tensorboard:a.csv/runs": ("V400", "cannot be written"),
    "mlflow:a.csv/runs": ("V400", "does not answer"),
}


@pytest.mark.parametrize("text", BAD)
def test_a_place_that_cannot_be_used_is_refused_before_training(text, capsys, tmp_path, monkeypatch) -> None:
    if text.startswith(("tensorboard", "mlflow")):
        pytest.importorskip(text.partition(":")[0], reason="the extra 'track' is not installed")
    monkeypatch.chdir(tmp_path)
    path = table(tmp_path / "a.csv")
    before = path.read_bytes()
    code, said = BAD[text]
    assert said in refused(run(capsys, "fit", path, "--target", "y", "--log", text), code)
    assert left(tmp_path) == ["a.csv"]
    assert path.read_bytes() == before


def test_a_tracking_server_that_is_not_there_is_refused_soon(capsys, tmp_path, monkeypatch, closed_port) -> None:
    pytest.importorskip("mlflow", reason="the extra 'track' is not installed")
    monkeypatch.chdir(tmp_path)
    path = table(tmp_path / "a.csv")
    for scheme in ("http", "postgresql"):
        place = f"mlflow:{scheme}://127.0.0.1:{closed_port}/x"
        assert "does not answer" in refused(run(capsys, "fit", path, "--target", "y", "--log", place), "V400")
    assert left(tmp_path) == ["a.csv"]


@pytest.mark.timeout(120)
def test_a_tracking_server_that_never_answers_is_refused_soon(capsys, tmp_path, monkeypatch, silent_server) -> None:
    pytest.importorskip("mlflow", reason="the extra 'track' is not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vouch.trackers.mlflow._PATIENCE", {
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "1", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    })  # fmt: skip
    path = table(tmp_path / "a.csv")
    assert "does not answer" in refused(
        run(capsys, "fit", path, "--target", "y", "--log", f"mlflow:{silent_server}"), "V400"
    )
    assert left(tmp_path) == ["a.csv"]


def test_a_recipe_is_flat() -> None:
    found = flat(Recipe(optimizer=SGD(momentum=0.5), network=("mlp", "none"), augment=()))
    assert found["optimizer"] == "sgd"
    assert found["optimizer.momentum"] == 0.5
    assert found["network"] == "mlp,none"
    assert found["augment"] == ""
    assert all(isinstance(value, str | int | float | bool) for value in found.values())


def test_of_several_workers_one_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "a.csv", 120)
    vouch.fit("a.csv", "y", settings=SETTINGS, workers=2, out="a.vouch", log="jsonl:runs.jsonl")
    lines = lines_of(tmp_path / "runs.jsonl")
    assert [line["event"] for line in lines] == ["begin", "epoch", "epoch", "epoch", "end"]
    assert lines[0]["bundle"] == str(tmp_path / "a.vouch")
