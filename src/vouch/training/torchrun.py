"""Start workers on this machine through torchrun, alone or with other machines, and start them again when one is lost.

``python -m vouch.training.torchrun WORKERS MODULE ARGUMENT…``. Which machines take part is said in torchrun's own
environment: ``PET_NNODES``, ``PET_RDZV_ENDPOINT`` and their like, which every option of torchrun has.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from uuid import uuid4

from torch.distributed import run
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.elastic.rendezvous import RendezvousConnectionError, RendezvousTimeoutError
from torch.distributed.launcher.api import elastic_launch

from vouch.errors import TrainingError
from vouch.training.leash import end_with_caller

RESTARTS = 3
_SECONDS_TO_JOIN = 300
_ELSEWHERE = ("PET_NNODES", "PET_RDZV_ENDPOINT", "PET_MASTER_ADDR")


def main(arguments: list[str]) -> int:
    """Run workers until all are done; 1 where they failed more often than they are restarted."""
    workers, module, *rest = arguments
    end_with_caller()
    # Each round of workers meets in a store of its own; in a shared one they find the addresses of those that are gone.
    os.environ.setdefault("TORCH_DISABLE_SHARE_RDZV_TCP_STORE", "1")
    with tempfile.TemporaryDirectory(prefix="vouch-") as folder:
        # What workers write at the same time would mix in one file.
        logs = ["--redirects", "2", "--log-dir", folder]
        asked = run.parse_args([*options(int(workers)), *logs, "-m", module, *rest])
        config, command, words = run.config_from_args(asked)
        try:
            elastic_launch(config, command)(*words)
        except RendezvousTimeoutError:
            seconds = config.rdzv_configs.get("join_timeout", config.rdzv_configs.get("timeout"))
            _refuse("not all machines joined", config.rdzv_endpoint, f"{asked.nnodes} machines within {seconds} s")
        except RendezvousConnectionError:
            listener = "a machine that listens there"
            _refuse("the place where machines meet does not answer", config.rdzv_endpoint, listener)
        except ChildFailedError as error:
            _, first = error.get_first_failure()
            sys.stderr.write(f"{_written(Path(folder), first.local_rank)}\n{error}\n")
            return 1
    return 0


def _written(logs: Path, worker: int) -> str:
    """What a worker has written before it failed for the last time; nothing where it ran on another machine."""
    files = logs.glob(f"*/attempt_*/{worker}/stderr.log")
    last = max(files, key=lambda file: int(file.parts[-3].rpartition("_")[2]), default=None)
    return "" if last is None else last.read_text(encoding="utf-8", errors="replace")


def options(workers: int) -> list[str]:
    """What torchrun is asked for, where its environment does not say otherwise.

    Args:
        workers: on this machine.

    Example:
        >>> options(2)[:4]
        ['--nproc-per-node', '2', '--max-restarts', '3']
    """
    found = ["--nproc-per-node", str(workers)]
    if "PET_MAX_RESTARTS" not in os.environ:
        found += ["--max-restarts", str(RESTARTS)]
    if not any(name in os.environ for name in _ELSEWHERE):
        return [*found, "--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0", "--rdzv-id", uuid4().hex]
    if "PET_RDZV_BACKEND" not in os.environ and "PET_RDZV_ENDPOINT" in os.environ:
        found += ["--rdzv-backend", "c10d"]
    if "PET_RDZV_CONF" not in os.environ:
        found += ["--rdzv-conf", f"join_timeout={_SECONDS_TO_JOIN}"]
    return found


def _refuse(what: str, where: str, expected: str) -> None:
    error = TrainingError(
        what, where=where, expected=expected,
        next_step="Give the same command on every machine, with the same PET_RDZV_ENDPOINT.",
    )  # fmt: skip
    sys.stdout.write(json.dumps({"refused": error.facts}) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
