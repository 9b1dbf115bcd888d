"""Fit by several processes, which an engine starts: torchrun on this machine, Ray on a cluster."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch.distributed as dist

from vouch import store
from vouch.api.clustering import check_address, check_extra
from vouch.api.listening import listen, on_disk
from vouch.api.predicting import Bundle, load
from vouch.api.training import silent
from vouch.contracts.options import FitOptions
from vouch.errors import UsageError
from vouch.trackers import places_of, where_it_is

MOST_WORKERS = 4096


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
    if cluster is not None:
        check_extra()
        check_address(cluster)
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
        request = {"data": on_disk(data), "target": target, "options": _plain(options, place)}
        file = Path(folder, "request.json")
        file.write_text(json.dumps(request), encoding="utf-8")
        if asked.cluster is None:
            command = ["vouch.training.torchrun", str(asked.workers), "vouch.api.working", str(file)]
        else:
            command = ["vouch.api.clustering", "fit", asked.cluster, str(asked.workers or 0), str(file)]
        listen(command, asked.workers or 1, options.get("progress", silent))
        bundle = load(place)
    return bundle.known(None if options.get("out") is None else place, None)


def _plain(options: FitOptions, place: Path) -> dict[str, Any]:
    """Options of ``fit`` as JSON has them; paths are those that every worker can use."""
    kept: dict[str, Any] = {
        key: value for key, value in options.items() if key not in ("progress", "cluster") and value is not None
    }
    kept["log"] = [where_it_is(text) for text in places_of(options.get("log"))]
    for key in ("test", "start"):
        if kept.get(key) is not None:
            kept[key] = on_disk(kept[key])
    if kept.get("backbone") is not None:
        # A name that is no folder is one that caches know.
        folder = Path(kept["backbone"])
        kept["backbone"] = os.path.abspath(folder) if folder.is_dir() else str(folder)
    recipe = kept.get("recipe")
    if isinstance(recipe, Mapping):
        kept["recipe"] = dict(recipe)
    elif recipe is not None:
        kept["recipe"] = os.path.abspath(str(recipe))
    return {**kept, "out": str(place)}
