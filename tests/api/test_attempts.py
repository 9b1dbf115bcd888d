"""When memory runs out, the run starts again with batches in smaller parts, and the bundle keeps that recipe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import vouch
from cli.running import fitted, refused, run, table
from helpers import FAST, rows
from vouch.api import training
from vouch.errors import OutOfMemoryError
from vouch.objectives import make_objective
from vouch.training.memory import Memory

SETTINGS = {**FAST, "batch_size": 32, "patience": 0, "dropout": 0.0}
Told = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def told() -> Told:
    """What progress was told."""
    return []


def teller(told: Told) -> Callable[..., None]:
    return lambda event, /, **facts: told.append((event, facts))


@pytest.fixture
def stingy(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Objectives have no memory for more rows than so many, once training has begun."""
    plain = make_objective

    def allow(most: int) -> None:
        def make(*arguments: Any) -> Any:
            inner = plain(*arguments)

            def objective(network: Any, inputs: Any, wanted: Any, counts: Any = None) -> Any:
                if len(wanted) > most:
                    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
                return inner(network, inputs, wanted, counts)

            return objective

        monkeypatch.setattr(training, "make_objective", make)

    return allow


# The estimate passes up to 12 rows.
def test_batches_pass_in_parts_that_fit_and_the_user_is_told(
    stingy: Callable[[int], None], told: Told, tmp_path: Path
) -> None:
    stingy(12)
    bundle = vouch.fit(rows(200), "y", settings=SETTINGS, out=tmp_path / "a.vouch", progress=teller(told))
    assert bundle.recipe.accumulation == 4
    notes = [facts["text"] for event, facts in told if event == "note"]
    assert [text.rpartition("in ")[2] for text in notes] == ["2 parts", "4 parts"]
    assert "20.00 GiB" in notes[0]
    assert [event for event, _ in told].count("memory") == 3
    assert vouch.load(tmp_path / "a.vouch").recipe.accumulation == 4
    assert not (tmp_path / "a.vouch.partial").exists()


def test_a_recipe_that_backed_off_gives_the_same_bits_again(stingy: Callable[[int], None], tmp_path: Path) -> None:
    stingy(12)
    first = vouch.fit(rows(200), "y", settings=SETTINGS, out=tmp_path / "a.vouch")
    second = vouch.fit(rows(200), "y", recipe=tmp_path / "a.vouch")
    for one, other in zip(first.network.state_dict().values(), second.network.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    assert np.array_equal(first.predict_proba(rows(50, 1)), second.predict_proba(rows(50, 1)))


@pytest.mark.parametrize("options", [{"ensemble": 2}, {"folds": 2}], ids=lambda one: next(iter(one)))
def test_networks_that_train_as_one_back_off_to_one_after_the_other(
    options: dict[str, Any], stingy: Callable[[int], None]
) -> None:
    stingy(16)
    assert vouch.fit(rows(200), "y", settings=SETTINGS, **options).recipe.accumulation == 2


def test_a_row_that_does_not_fit_is_an_error_with_a_next_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(training, "measured", lambda *_: None)
    monkeypatch.setattr(training, "fitting", lambda *_: (1, None))
    monkeypatch.setattr("vouch.api.attempts.memory_of", lambda *_: Memory(1, 1, 1, 1))

    def make(*_: Any) -> Any:
        def objective(*_: Any) -> Any:
            raise torch.OutOfMemoryError("CUDA out of memory")

        return objective

    monkeypatch.setattr(training, "make_objective", make)
    path = table(tmp_path / "a.csv")
    said = refused(run(capsys, "fit", path, "--target", "y", "--set", "batch_size=4", "-q"), "V501")
    assert "smaller" in said
    assert not (tmp_path / "a.vouch").exists()
    assert not (tmp_path / "a.vouch.partial").exists()


def test_memory_that_runs_out_in_a_later_epoch_is_not_tried_again(told: Told) -> None:
    def stop(event: str, /, **facts: Any) -> None:
        told.append((event, facts))
        if event == "epoch" and facts["epoch"] == 2:
            raise MemoryError

    with pytest.raises(OutOfMemoryError):
        vouch.fit(rows(200), "y", settings=SETTINGS, progress=stop)
    assert [facts["epoch"] for event, facts in told if event == "epoch"] == [1, 2]


def test_little_free_memory_is_seen_before_the_first_step(monkeypatch: pytest.MonkeyPatch, told: Told) -> None:
    settings = {**SETTINGS, "batch_size": 128, "width": 256}
    whole = vouch.fit(rows(400), "y", settings=settings).run.memory["estimated_bytes"]
    monkeypatch.setattr(training, "free_bytes", lambda _: round(0.7 * whole))
    bundle = vouch.fit(rows(400), "y", settings=settings, progress=teller(told))
    assert bundle.recipe.accumulation > 1
    assert any("little memory is free" in str(facts.get("text")) for _, facts in told)
    monkeypatch.setattr(training, "free_bytes", lambda _: 1000)
    with pytest.raises(OutOfMemoryError, match="does not fit into the memory"):
        vouch.fit(rows(400), "y", settings=settings)


def test_the_command_tells_what_is_needed_and_what_was_used(capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = table(tmp_path / "a.csv")
    ran = fitted(run(capsys, "fit", path, "--target", "y", "--set", "epochs=2", "--json"), tmp_path / "a.vouch")
    memory = json.loads(ran.out)["memory"]
    assert memory["estimated_bytes"] > 10_000
    assert memory["measured_peak_bytes"] is None or memory["measured_peak_bytes"] > 10_000
    assert "memory: about" in ran.err
    assert vouch.load(tmp_path / "a.vouch").run.memory == {k: v for k, v in memory.items() if v is not None}


LIMITED = """
import resource
import numpy as np
import torch
import vouch
from vouch.api import fitting

torch.set_num_threads(1)
settings = {"network": "mlp", "width": 1024, "depth": 3, "batch_size": 8192, "epochs": 1, "number_embedding": 4}
rng = np.random.default_rng(0)
frame = {"a": rng.normal(size=12000), "b": rng.normal(size=12000)}
frame["y"] = frame["a"] + frame["b"]
few = {name: values[:300] for name, values in frame.items()}
vouch.fit(few, "y", settings={**settings, "batch_size": 64})
settle, finish = fitting.settled, fitting.with_trained

def limited(*arguments):
    found = settle(*arguments)
    in_use = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (in_use + 200_000_000, resource.RLIM_INFINITY))
    return found

def free_again(*arguments):
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return finish(*arguments)

fitting.settled, fitting.with_trained = limited, free_again
told = []
bundle = vouch.fit(frame, "y", settings=settings, progress=lambda event, /, **facts: told.append((event, facts)))
print(bundle.recipe.accumulation, [facts["text"] for event, facts in told if event == "note"])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits what a process may allocate")
def test_a_processor_without_memory_backs_off_too() -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    command = [sys.executable, "-c", LIMITED]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=200)
    assert ran.returncode == 0, ran.stderr[-2000:]
    parts, _, notes = ran.stdout.strip().partition(" ")
    assert int(parts) > 1
    assert "allocate memory" in notes
