"""Listen to an engine: a process of its own, which starts workers and passes on what they say.

What they say are lines of JSON: progress, or a refusal. So the caller's process stays as it is, and Ctrl-C in it leaves
nothing behind; nor does killing it, for an engine ends when the pipe to it is closed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vouch.contracts.roles import Progress
from vouch.errors import TrainingError, UsageError, from_facts

_SECONDS_TO_STOP = 40.0
_ERROR = re.compile(r"^(?:\[rank\d+\]: *)?([A-Za-z_.]*(?:Error|Exception|Interrupt)\b.*)$", re.MULTILINE)


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
            [sys.executable, "-m", *module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            env=environment, start_new_session=True,
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
    for end in (engine.stdin, engine.stdout):
        if end is not None:
            end.close()


def _failed(log: str, code: int) -> TrainingError:
    """What is said when workers have failed more often than they are restarted."""
    found = _ERROR.findall(log)
    # The first error of a worker is the reason; what follows it is how the others and the engine took it.
    return TrainingError(
        "the workers failed, and starting them again did not help",
        received=found[0] if found else f"exit code {code}",
        next_step="Mend it and give the same command with --resume.",
    )  # fmt: skip


def on_disk(data: object) -> str:
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
