"""Several processes that train together, forked from the test; each hands back what the test asks it for."""

from __future__ import annotations

import multiprocessing
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

SECONDS = 120


def team_of(size: int, folder: Path, work: Callable[[int], Any]) -> list[Any]:
    """What each process of a team has to say, in order of rank.

    Args:
        size: how many processes.
        folder: an empty place where they meet.
        work: what each does, given its rank, once all have joined.
    """
    context = multiprocessing.get_context("fork")
    pipes = [context.Pipe(duplex=False) for _ in range(size)]
    processes = [
        context.Process(target=_member, args=(rank, size, folder, work, pipes[rank][1])) for rank in range(size)
    ]
    with warnings.catch_warnings():
        # A fork of a process with several threads is warned of; what is forked here uses torch alone.
        warnings.simplefilter("ignore", DeprecationWarning)
        for process in processes:
            process.start()
    try:
        failures = [receiver.recv() if receiver.poll(SECONDS) else "no answer" for receiver, _ in pipes]
    finally:
        for process in processes:
            process.join(10)
            if process.is_alive():
                process.kill()
    assert not any(failures), "\n".join(failures)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(size)]


def _member(rank: int, size: int, folder: Path, work: Callable[[int], Any], sender: Any) -> None:
    try:
        torch.set_num_threads(1)
        dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=size)
        torch.save(work(rank), folder / f"{rank}.pt")
        sender.send("")
        dist.barrier()
        dist.destroy_process_group()
    except BaseException:
        sender.send(traceback.format_exc())
