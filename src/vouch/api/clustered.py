"""What runs on the machines of a Ray cluster: a worker's fit, some rows' answers, a command; and where they speak."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from vouch.contracts.dataset import Dataset, Note
from vouch.errors import VouchError

Answers = tuple[pl.DataFrame, tuple[Note, ...]]


def member(given: Mapping[str, Any]) -> None:
    """What each worker does: fit as one of the team that Ray has made of them."""
    import ray
    import ray.train.torch
    import torch

    from vouch.api.working import work

    torch.set_num_threads(given["threads"])
    told = given["told"]

    def tell(event: str, facts: Mapping[str, Any]) -> None:
        told.say.remote(json.dumps({"event": event, "facts": facts}))

    # Until somebody has said something, nobody knows whether the cluster had room.
    told.say.remote(json.dumps({"joined": True}))
    try:
        work(given["request"], str(ray.train.torch.get_device()), tell)
    except VouchError as error:
        # An error would be taken for a worker that was lost, and all would be started again.
        ray.get(told.say.remote(json.dumps({"refused": error.facts})))


def teller() -> Any:
    """Where workers put what they have to say, and this process takes it from."""
    import ray

    class Told:
        def __init__(self) -> None:
            self.lines: list[str] = []

        def say(self, line: str) -> None:
            self.lines.append(line)

        def take(self) -> list[str]:
            taken, self.lines = self.lines, []
            return taken

    return ray.remote(num_cpus=0)(Told).remote()


def answers(files: Mapping[str, bytes], dataset: Dataset, device: str) -> Answers | dict[str, str]:
    """Answers to some rows, and the notes on them; or the facts of a refusal."""
    from vouch.api.predicting import load, predicted

    with TemporaryDirectory(prefix="vouch-") as folder:
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
        try:
            frame, notes = predicted(load(folder), dataset, device)
        except VouchError as error:
            return error.facts
    return frame, notes


def ran(command: Sequence[str], orders: str, threads: str) -> tuple[int, str]:
    """Run a command of this machine's Python, with a file of orders as its last argument."""
    with TemporaryDirectory(prefix="vouch-") as folder:
        file = Path(folder, "orders.json")
        file.touch(mode=0o600)
        file.write_text(orders, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, *command, str(file)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            env={**os.environ, "OMP_NUM_THREADS": threads},
        )  # fmt: skip
    return done.returncode, done.stderr
