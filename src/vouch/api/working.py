"""A worker: one of several processes that fit together. ``python -m vouch.api.working REQUEST`` under torchrun."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from vouch import store
from vouch.api.fitting import fit
from vouch.api.training import silent
from vouch.errors import UsageError, VouchError
from vouch.store.place import unwritable
from vouch.training.team import Relieved, Team

_PATIENCE = timedelta(days=7)
_SECONDS_TO_SEE = 10.0


def main() -> None:
    """Join the others, and do what the request says."""
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    here = int(os.environ["LOCAL_RANK"])
    try:
        device = device_for(request["options"].get("device", "auto"), here, int(os.environ["LOCAL_WORLD_SIZE"]))
        dist.init_process_group(backend_for(device))
        work(request, device, say)
    except VouchError as error:
        # An error would be taken for a worker that was lost, and all would be started again.
        say_line(json.dumps({"refused": error.facts}))
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def work(request: dict[str, Any], device: str, tell: Callable[[str, dict[str, Any]], None]) -> None:
    """Fit, as one of the team that this process is in.

    Args:
        request: data, target and options of ``fit``.
        device: where to compute.
        tell: takes each event with its facts.

    Raises:
        VouchError: the data, the options or the place to write to are not usable.
    """
    team = Team.here()
    options: dict[str, Any] = dict(request["options"])
    end: Any = dist.new_group(backend="gloo", timeout=_PATIENCE)
    _check_storage(team, Path(options["out"]))
    begun = store.Partial.beside(Path(options["out"]))
    again = bool(team.told(begun.begun and not begun.stale))

    def progress(event: str, /, **facts: float | int | str | None) -> None:
        tell(event, facts)

    if team.first and again and not options.get("resume"):
        progress("restarted", workers=team.size)
    options |= {"progress": progress if team.first else silent, "device": device, "resume": again}
    # Only the first measures and writes; on other machines the command ends when the bundle is there.
    with suppress(Relieved):
        fit(request["data"], request["target"], **options)
    dist.barrier(end)


def _check_storage(team: Team, out: Path) -> None:
    """Make sure that all workers see the folder in which the first one writes.

    Raises:
        UsageError: one does not.
        OutputError: the first cannot write there.
    """
    around = next(folder for folder in out.parents if folder.exists())
    mark = around / f".{out.name}.{int(team.told(time.time_ns() % 10**12))}.here"
    try:
        if team.first:
            mark.touch()
    except OSError as error:
        raise unwritable(out, error) from error
    # Told only after it was made; a network's storage may show it a little later.
    team.told(0)
    until = time.monotonic() + _SECONDS_TO_SEE
    while not (seen := mark.exists()) and time.monotonic() < until:
        time.sleep(0.1)
    missing = int(team.most(float(not seen)))
    if team.first:
        mark.unlink()
    if missing:
        raise UsageError(
            "not every machine sees the place for the bundle", where=str(around),
            next_step="Name with --out a place on storage that all machines share.",
        )  # fmt: skip


def device_for(asked: str, here: int, workers: int) -> str:
    """The device of one of several workers on a machine: a graphics card of its own, or the processor.

    Args:
        asked: "auto", "cpu" or "cuda".
        here: number of this worker on its machine, from 0.
        workers: on the machine.

    Raises:
        UsageError: there are fewer cards than workers, or workers cannot share such a device.

    Example:
        >>> device_for("cpu", here=1, workers=2)
        'cpu'
    """
    cards = torch.cuda.device_count()
    if asked == "cpu" or (asked == "auto" and not cards):
        return "cpu"
    if asked not in ("auto", "cuda"):
        raise UsageError(f"workers do not share a device '{asked}'", expected="auto, cpu or cuda")
    if workers > cards:
        raise UsageError(
            "there are more workers than graphics cards", expected=f"at most {cards} on a machine",
            received=str(workers), next_step="Give fewer --workers, or --device cpu.",
        )  # fmt: skip
    torch.cuda.set_device(here)
    return "cuda"


def backend_for(device: str) -> str:
    """What workers talk through: NCCL between cards, gloo for all else."""
    return "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo"


def say(event: str, facts: dict[str, Any]) -> None:
    """Pass an event on to the process that started the engine."""
    say_line(json.dumps({"event": event, "facts": facts}))


def say_line(line: str) -> None:
    """Write a line in one piece."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
