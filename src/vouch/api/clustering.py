"""The engine on a Ray cluster: workers that fit together, rows that are predicted apart, commands that run elsewhere.

``python -m vouch.api.clustering VERB ADDRESS ARGUMENT…``, on a machine of the cluster. Ray Train starts workers and
starts them again when one is lost; files go by storage that all machines see.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import logging
import math
import os
import re
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from threading import Timer
from typing import Any

import polars as pl

from vouch.api.clustered import answers, member, ran, teller
from vouch.contracts.dataset import Note, NoteKind
from vouch.data.read import read
from vouch.errors import TrainingError, UsageError, VouchError, from_facts
from vouch.training.leash import end_with_caller

RESTARTS = 3
SECONDS_TO_ANSWER = 5.0
SECONDS_TO_CONNECT = 60.0
SECONDS_TO_JOIN = 300.0
_LISTEN_EVERY = 0.2
# Threads that spin for long while they wait starve other workers on the same cores.
_POLITE = {"GOMP_SPINCOUNT": "3000"}
_FEWEST_ROWS = 2_000
_TASKS_FOR_EACH_CORE = 4


def fit(address: str, workers: str, file: str) -> None:
    """Fit by workers on the cluster, as a request says.

    Args:
        address: of the cluster.
        workers: how many; "0" takes one for each graphics card, or else one for each machine.
        file: the request.

    Raises:
        VouchError: a worker has refused, or there is no room for so many.
    """
    import ray
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    request = json.loads(Path(file).read_text(encoding="utf-8"))
    with _connected(address):
        count, each, cards = _room(int(workers), request["options"].get("device", "auto"))
        told = teller()
        out = Path(request["options"]["out"])
        # Ray writes its own notes of the run where all machines see them.
        notes = out.with_name(f".{out.name}.ray")
        trainer = TorchTrainer(
            member,
            train_loop_config={"request": request, "told": told, "threads": each},
            torch_config=TorchConfig(backend="cpu:gloo,cuda:nccl" if cards else "gloo"),
            scaling_config=ScalingConfig(
                num_workers=count, use_gpu=cards, resources_per_worker={"CPU": each}, placement_strategy="SPREAD"
            ),
            run_config=RunConfig(
                name="fit",
                storage_path=str(notes),
                failure_config=FailureConfig(max_failures=RESTARTS),
                worker_runtime_env={"env_vars": {"OMP_NUM_THREADS": str(each), **_POLITE}},
            ),
        )
        try:
            with ThreadPoolExecutor(1) as pool:
                relay(pool.submit(trainer.fit), lambda: ray.get(told.take.remote()))
        finally:
            shutil.rmtree(notes, ignore_errors=True)


def predict(address: str, model: str, data: str, device: str, out: str) -> None:
    """Predict the rows of a file in parts, on all cores of the cluster.

    Args:
        address: of the cluster.
        model: a bundle's folder on this machine.
        data: where the rows are.
        device: where to compute.
        out: folder for the answers: ``answers.parquet`` and ``notes.json``.

    Raises:
        VouchError: the data or the bundle are not usable.
    """
    import ray

    files = {file.name: file.read_bytes() for file in Path(model).iterdir() if file.is_file()}
    dataset = read(data)
    with _connected(address):
        cores = int(ray.cluster_resources().get("CPU", 1))
        rows = dataset.frame.height
        size = max(_FEWEST_ROWS, -(-rows // (_TASKS_FOR_EACH_CORE * cores)))
        task = ray.remote(num_cpus=1, scheduling_strategy="SPREAD", max_retries=RESTARTS)(answers)
        held = ray.put(files)
        parts = [replace(dataset, frame=dataset.frame[at : at + size], notes=()) for at in range(0, max(rows, 1), size)]
        found = _in_order(task, [(held, part, device) for part in parts], 2 * cores)
    refusals = [one for one in found if isinstance(one, dict)]
    if refusals:
        raise from_facts(refusals[0])
    pl.concat([frame for frame, _ in found]).write_parquet(Path(out, "answers.parquet"))
    notes = summed([*dataset.notes, *(note for _, notes in found for note in notes)])
    Path(out, "notes.json").write_text(json.dumps([asdict(note) for note in notes]), encoding="utf-8")


def summed(notes: Sequence[Note]) -> list[Note]:
    """Notes on parts of the rows as one of all, where they say the same but for the count.

    Example:
        >>> summed([Note("filled", "1,200 cells of a", 1200, "a"), Note("filled", "30 cells of a", 30, "a")])[0].text
        '1,230 cells of a'
    """
    found: dict[tuple[NoteKind, str | None, tuple[str, ...]], int] = {}
    for note in notes:
        around = re.split(rf"\b(?:{note.count:,}|{note.count})\b", note.text, maxsplit=1)
        alike = note.kind, note.column, tuple(around)
        found[alike] = found.get(alike, 0) + note.count
    return [Note(kind, f"{count:,}".join(around), count, column) for (kind, column, around), count in found.items()]


def run(address: str, *command: str) -> None:
    """Run a command of this Python on some machine of the cluster.

    Args:
        address: of the cluster.
        command: its words; the last one is a file of this machine, which the other one gets a copy of.
    """
    import ray

    *words, file = command
    text = Path(file).read_text(encoding="utf-8")
    with _connected(address):
        task = ray.remote(num_cpus=1, scheduling_strategy="SPREAD", max_retries=0)(ran)
        code, said = ray.get(task.remote(words, text, os.environ.get("OMP_NUM_THREADS", "1")))
    sys.stderr.write(said)
    if code:
        raise SystemExit(code)


VERBS: dict[str, Callable[..., None]] = {one.__name__: one for one in (fit, predict, run)}


def main(arguments: Sequence[str]) -> None:
    """Do one verb; what is refused is said as a line of JSON, and as one that people read."""
    verb, *rest = arguments
    end_with_caller()
    try:
        VERBS[verb](*rest)
    except VouchError as error:
        _refuse(error)


def _refuse(error: VouchError) -> None:
    """Say it, and end at once: Ray's threads may wait for workers, but nothing here is worth waiting for."""
    print(error, file=sys.stderr, flush=True)
    _say(json.dumps({"refused": error.facts}))
    os._exit(2)


def check_address(address: str) -> None:
    """Refuse an address where nothing listens, before Ray waits for it.

    Raises:
        UsageError: it is no address, or nobody answers.
    """
    host, _, port = address.rpartition(":")
    if "//" in address or not host or not port.isdigit():
        raise UsageError(
            "the cluster's address cannot be read", expected="HOST:PORT of its head", received=address,
            next_step="Give what 'ray start --head' has printed, on a machine of the cluster.",
        )  # fmt: skip
    try:
        socket.create_connection((host, int(port)), SECONDS_TO_ANSWER).close()
    except (OSError, OverflowError) as error:
        raise UsageError(
            "no cluster answers", where=address, received=str(error)[:120],
            next_step="Start it with 'ray start --head', or look at the address with 'ray status'.",
        ) from error  # fmt: skip


def check_extra() -> None:
    """Refuse to go on without Ray.

    Raises:
        UsageError: it is not installed.
    """
    if importlib.util.find_spec("ray") is None:
        raise UsageError(
            "a cluster needs the extra 'cluster'", next_step="pip install 'deepvouch[cluster]' on every machine."
        )


@contextmanager
def _connected(address: str) -> Iterator[None]:
    """Inside, this process drives the cluster; what listens there and is no Ray is given up after a while."""
    import ray

    def give_up() -> None:
        error = UsageError(
            "what answers there is no Ray cluster", where=address,
            next_step="Give what 'ray start --head' has printed, on a machine of the cluster.",
        )  # fmt: skip
        _refuse(error)

    waiting = Timer(SECONDS_TO_CONNECT, give_up)
    waiting.daemon = True
    waiting.start()
    try:
        ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, include_dashboard=False)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        raise UsageError(
            "no cluster answers", where=address, received=str(error).splitlines()[0][:160],
            next_step="Give what 'ray start --head' has printed, on a machine of the cluster.",
        ) from error  # fmt: skip
    finally:
        waiting.cancel()
    try:
        yield
    finally:
        ray.shutdown()


def _room(asked: int, device: str) -> tuple[int, int, bool]:
    """How many workers there are, the cores of each, and whether each has a graphics card.

    Raises:
        UsageError: the cluster is too small for them.
    """
    import ray

    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    cards = sum(int(one.get("GPU", 0)) for one in machines) if device != "cpu" else 0
    cores = [int(one.get("CPU", 0)) for one in machines]
    count = asked or cards or len(machines)
    most = cards or sum(cores)
    if count > most:
        raise UsageError(
            "the cluster is too small for so many workers", expected=f"at most {most}", received=str(count),
            next_step="Give fewer --workers, or add machines with 'ray start --address'.",
        )  # fmt: skip
    each = max(1, min(cores) // -(-count // len(machines)))
    return count, each if each * count <= sum(cores) else 1, bool(cards)


def relay(running: Future[Any], take: Callable[[], list[str]], seconds: float = SECONDS_TO_JOIN) -> None:
    """Pass on what workers say until all have ended.

    Args:
        running: what they do.
        take: gives what they have said since it was last asked.
        seconds: in which the first word has to come.

    Raises:
        VouchError: one has refused, or none has said anything in time.
    """
    over, until = False, time.monotonic() + seconds
    while not over:
        over = running.done()
        lines = take()
        until = math.inf if lines else until
        if time.monotonic() > until and not over:
            raise TrainingError(
                "the workers have not joined", expected=f"room for them within {seconds:g} s",
                next_step="Wait until the cluster has room ('ray status'), or give fewer --workers.",
            )  # fmt: skip
        for line in lines:
            if line.startswith('{"refused"'):
                raise from_facts(json.loads(line)["refused"])
            _say(line)
        if not over:
            time.sleep(_LISTEN_EVERY)
    running.result()


def _in_order(task: Any, arguments: Sequence[tuple[Any, ...]], at_once: int) -> list[Any]:
    """The results of tasks in the order of their arguments, of which so many are under way at once."""
    import ray

    found: list[Any] = [None] * len(arguments)
    waiting = dict(enumerate(arguments))
    under_way: dict[Any, int] = {}
    while waiting or under_way:
        while waiting and len(under_way) < at_once:
            number = next(iter(waiting))
            under_way[task.remote(*waiting.pop(number))] = number
        done, _ = ray.wait(list(under_way))
        for one in done:
            found[under_way.pop(one)] = ray.get(one)
    return found


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    # Under its own name, so that workers find what they are to do in their own installation.
    importlib.import_module("vouch.api.clustering").main(sys.argv[1:])
