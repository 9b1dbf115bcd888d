"""Checkpoints: the whole state of a run in one folder, written aside and renamed, so that it is never half there."""

from __future__ import annotations

import json
import math
import shutil
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from vouch.errors import TrainingError
from vouch.training.state import Epoch, State

_FILES = ("network", "average", "best")


class Checkpoints:
    """Keeps the latest state of a run in a folder, or nowhere.

    Args:
        folder: where; none keeps nothing.
        every: seconds that must pass between two saves, so that runs of many short epochs are not slowed down.

    Example:
        >>> Checkpoints(None).folder is None
        True
    """

    def __init__(self, folder: Path | None, every: float = 2.0) -> None:
        self.folder = folder
        self.every = every
        self._saved = -math.inf

    def save(self, state: State) -> None:
        """Write the state aside, then put it in the place of the one before."""
        if self.folder is None or time.monotonic() - self._saved < self.every:
            return
        fresh, old = self.folder.with_name("checkpoint.new"), self.folder.with_name("checkpoint.old")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        weights = (state.network.state_dict(), state.average, state.best)
        for name, tensors in zip(_FILES, weights, strict=True):
            save_file({key: value.contiguous() for key, value in tensors.items()}, fresh / f"{name}.safetensors")
        save_file(_moments(state), fresh / "optimizer.safetensors")
        facts = {
            "best_score": state.best_score,
            "history": [[e.epoch, e.loss, e.score, e.seconds] for e in state.history],
        }
        (fresh / "state.json").write_text(json.dumps(facts))
        shutil.rmtree(old, ignore_errors=True)
        if self.folder.exists():
            self.folder.rename(old)
        fresh.rename(self.folder)
        shutil.rmtree(old, ignore_errors=True)
        self._saved = time.monotonic()

    def restore(self, state: State) -> None:
        """Put the kept state, if there is one, into a fresh state of the same shape.

        Raises:
            TrainingError: the checkpoint is damaged, or of another network.
        """
        folder = self._newest()
        if folder is None:
            return
        try:
            facts = json.loads((folder / "state.json").read_text())
            state.network.load_state_dict(load_file(folder / "network.safetensors"))
            state.average = _like(state.average, load_file(folder / "average.safetensors"))
            state.best = _like(state.best, load_file(folder / "best.safetensors"))
            _set_moments(state, load_file(folder / "optimizer.safetensors"))
            state.best_score = float(facts["best_score"])
            state.history = [
                Epoch(int(e), float(loss), float(score), float(s)) for e, loss, score, s in facts["history"]
            ]
        except Exception as error:
            raise TrainingError(
                "the checkpoint cannot be resumed", where=str(folder),
                received=f"{type(error).__name__}: {error}"[:200],
                next_step="Start again without --resume.",
            ) from error  # fmt: skip

    def _newest(self) -> Path | None:
        """The checkpoint, or the one before it when a crash fell between two renames."""
        if self.folder is None:
            return None
        places = (self.folder, self.folder.with_name("checkpoint.old"))
        return next((place for place in places if (place / "state.json").exists()), None)


def _like(expected: dict[str, Tensor], found: dict[str, Tensor]) -> dict[str, Tensor]:
    for name, value in expected.items():
        if found[name].shape != value.shape:
            raise ValueError(f"'{name}' has shape {tuple(found[name].shape)}, not {tuple(value.shape)}")
    return {name: found[name].to(value.device) for name, value in expected.items()}


def _moments(state: State) -> dict[str, Tensor]:
    """The optimiser's tensors under flat names: number of the parameter, then name of the moment."""
    kept = state.optimizer.state_dict()["state"]
    found = {f"{i}.{name}": value for i, slots in kept.items() for name, value in slots.items()}
    return {name: value.contiguous() for name, value in found.items() if isinstance(value, Tensor)}


def _set_moments(state: State, flat: dict[str, Tensor]) -> None:
    whole = state.optimizer.state_dict()
    weights = [p for group in state.optimizer.param_groups for p in group["params"]]
    slots: dict[int, dict[str, Tensor]] = {}
    for key, value in flat.items():
        number, name = key.split(".", 1)
        weight = weights[int(number)]
        # Moments take the memory layout of their weight, on which the last bits of a step depend.
        moment = torch.empty_like(weight).copy_(value) if value.shape == weight.shape else value
        slots.setdefault(int(number), {})[name] = moment
    whole["state"] = slots
    state.optimizer.load_state_dict(whole)
