"""Several processes that do one verb's work: started by an engine, listened to, and stopped.

The engine (torchrun here, Ray on a cluster) runs in a process of its own, which starts the workers. Whatever they have
to say comes back as lines of JSON: progress, or a refusal. So the caller's process stays as it is, and Ctrl-C in it
leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch.distributed as dist

from vouch import store
from vouch.api.predicting import Bundle, load
from vouch.api.training import silent
from vouch.contracts.options import FitOptions
from vouch.contracts.roles import Progress
from vouch.errors import TrainingError, UsageError, from_facts

MOST_WORKERS = 4096
_SECONDS_TO_STOP = 40.0
_ERROR = re.compile(r"^(?:\[rank\d+\]: *)?([A-Za-z_.]*(?:Error|Exception|Interrupt)\b.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a user has asked of workers.

    Args:
        workers: on this machine; on a cluster all of them, or as many as suit it.
        cluster: address of a Ray cluster; none for this machine.
    """

    workers: int | None
    cluster: str | None


def asked(options: FitOptions) -> Asked | None:
    """The workers that are to be started; none where this process does the work, or is a worker itself.

    Raises:
        UsageError: that many workers cannot be, or torchrun has started the whole command several times.
    """
    workers, cluster = options.get("workers"), options.get("cluster")
    if (workers is None and cluster is None) or (dist.is_available() and dist.is_initialized()):
        return None
    if workers is not None and not 1 <= workers <= MOST_WORKERS:
        raise UsageError(
            "there cannot be that many workers", expected=f"1 to {MOST_WORKERS}", received=str(workers),
            next_step="Give one for each graphics card, or for every few cores.",
        )  # fmt: skip
    if "TORCHELASTIC_RUN_ID" in os.environ:
        raise UsageError(
            "torchrun has started this command several times", next_step="Start it once: it calls torchrun itself."
        )
    alone = workers == 1 and cluster is None and not _meeting()
    return None if alone else Asked(workers, cluster)


def _meeting() -> bool:
    """Whether torchrun's own environment names other machines."""
    return any(f"PET_{name}" in os.environ for name in ("NNODES", "RDZV_ENDPOINT", "MASTER_ADDR"))


def fitted(data: object, target: str | None, options: FitOptions, asked: Asked) -> Bundle:
    """What ``fit`` returns, by workers who read the data for themselves.

    Args:
        data: a path, a glob or a folder.
        target: the column to predict.
        options: of ``fit``, checked.
        asked: which workers.

    Raises:
        VouchError: what a worker has refused; they never joined; or they failed more often than they are restarted.
    """
    with tempfile.TemporaryDirectory(prefix="vouch-") as folder:
        place = Path(options.get("out") or f"{folder}/model.vouch").absolute()
        store.Partial.beside(place).mark(stale=not options.get("resume"))
        request = {"data": _on_disk(data), "target": target, "options": _plain(options, place)}
        file = Path(folder, "request.json")
        file.write_text(json.dumps(request), encoding="utf-8")
        if asked.cluster is None:
            command = ["vouch.training.torchrun", str(asked.workers), "vouch.api.working", str(file)]
        else:
            command = ["vouch.api.clustering", "fit", asked.cluster, str(asked.workers or 0), str(file)]
        listen(command, asked.workers or 1, options.get("progress", silent))
        bundle = load(place)
    return bundle.known(None if options.get("out") is None else place, None)


def _on_disk(data: object) -> str:
    """Where data is, for those who have to read it themselves.

    Raises:
        UsageError: it is in memory.
    """
    if not isinstance(data, str | Path):
        raise UsageError(
            "workers read the data themselves, so it must be on disk", expected="a path", received=type(data).__name__,
            next_step="Write it to a file, such as .parquet, and give its name.",
        )  # fmt: skip
    return os.path.abspath(data)


def _plain(options: FitOptions, place: Path) -> dict[str, Any]:
    """Options of ``fit`` as JSON has them; paths are those that every worker can use."""
    kept = {key: value for key, value in options.items() if key not in ("progress", "cluster") and value is not None}
    for key in ("test", "start"):
        if kept.get(key) is not None:
            kept[key] = _on_disk(kept[key])
    if kept.get("backbone") is not None:
        # A name that is no folder is one that caches know.
        place = Path(str(kept["backbone"]))
        kept["backbone"] = os.path.abspath(place) if place.is_dir() else str(place)
    recipe = kept.get("recipe")
    if isinstance(recipe, Mapping):
        kept["recipe"] = dict(recipe)
    elif recipe is not None:
        kept["recipe"] = os.path.abspath(str(recipe))
    return {**kept, "out": str(place)}


def listen(module: Sequence[str], workers: int, progress: Progress) -> None:
    """Run an engine to its end, and pass on what its workers say.

    Args:
        module: name of the module, and its arguments.
        workers: on this machine, among whom its cores are divided.
        progress: told what they tell.

    Raises:
        VouchError: a worker has refused, or the engine has given up.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    environment = {"OMP_NUM_THREADS": str(max(1, cores // workers)), **os.environ}
    with tempfile.TemporaryFile(mode="w+", encoding="utf-8", errors="replace") as log:
        engine = subprocess.Popen(
            [sys.executable, "-m", *module], stdout=subprocess.PIPE, stderr=log, env=environment, text=True,
            start_new_session=True,
        )  # fmt: skip
        try:
            for line in engine.stdout or ():
                _pass_on(line, progress)
            code = engine.wait()
        finally:
            _stop(engine)
        if code:
            log.seek(0)
            raise _failed(log.read(), code)


def _pass_on(line: str, progress: Progress) -> None:
    """Hand one line on.

    Raises:
        VouchError: it is a refusal.
    """
    heard = heard_in(line)
    if "refused" in heard:
        raise from_facts(heard["refused"])
    if "event" in heard:
        progress(heard["event"], **heard["facts"])


def heard_in(line: str) -> dict[str, Any]:
    """What a worker's line says; nothing where some library has printed it."""
    if not line.startswith('{"'):
        return {}
    try:
        return dict(json.loads(line))
    except ValueError:
        return {}


def _stop(engine: subprocess.Popen[str]) -> None:
    """End an engine and its workers, if it has not ended yet."""
    if engine.poll() is None:
        engine.terminate()
        try:
            engine.wait(_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            engine.kill()
            engine.wait()
    if engine.stdout is not None:
        engine.stdout.close()


def _failed(log: str, code: int) -> TrainingError:
    """What is said when workers have failed more often than they are restarted."""
    found = _ERROR.findall(log)
    # The first error of a worker is the reason; what follows it is how the others and the engine took it.
    return TrainingError(
        "the workers failed, and starting them again did not help",
        received=found[0] if found else f"exit code {code}",
        next_step="Mend it and give the same command with --resume.",
    )  # fmt: skip
