"""Checkpoints: the whole state of a run in one folder, written aside and renamed, so that it is never half there."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from safetensors.torch import load_file, save_file
from torch import Tensor

from vouch.errors import TrainingError


class Kept(Protocol):
    """What a checkpoint can hold."""

    def pack(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors by name, and facts for JSON."""
        ...

    def unpack(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """The inverse, on a fresh state of the same shape."""
        ...


class Checkpoints:
    """Keeps the latest state of a run in a folder, or nowhere.

    Args:
        folder: where; none keeps nothing.
        every: seconds that must pass between two saves, so that runs of many short epochs are not slowed down.
        last: whether the end of the run is kept too, since others follow in the same command.

    Example:
        >>> Checkpoints(None).folder is None
        True
    """

    def __init__(self, folder: Path | None, every: float = 2.0, last: bool = False) -> None:
        self.folder = folder
        self.every = every
        self.last = last
        self._saved = -math.inf

    def save(self, state: Kept, last: bool = False) -> None:
        """Write the state aside, then put it in the place of the one before; not too often."""
        if self.due(last):
            self.write(*state.pack())

    def due(self, last: bool = False) -> bool:
        """Whether it is time to save: often enough, or at the end where that is kept."""
        early = time.monotonic() - self._saved < self.every
        return self.folder is not None and (self.last if last else not early)

    def write(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Write a packed state aside, then put it in the place of the one before."""
        if self.folder is None:
            return
        fresh, old = (self.folder.with_name(self.folder.name + end) for end in (".new", ".old"))
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        save_file({name: value.contiguous() for name, value in tensors.items()}, fresh / "state.safetensors")
        (fresh / "state.json").write_text(json.dumps(facts))
        shutil.rmtree(old, ignore_errors=True)
        if self.folder.exists():
            self.folder.rename(old)
        fresh.rename(self.folder)
        shutil.rmtree(old, ignore_errors=True)
        self._saved = time.monotonic()

    def restore(self, state: Kept) -> None:
        """Put the kept state, if there is one, into a fresh state of the same shape.

        Raises:
            TrainingError: the checkpoint is damaged, or of another network.
        """
        found = self.read()
        if found is not None:
            with self.telling():
                state.unpack(*found)

    def read(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The kept state as it was packed; none where there is none.

        Raises:
            TrainingError: it is damaged.
        """
        folder = self._newest()
        if folder is None:
            return None
        with self.telling():
            return load_file(folder / "state.safetensors"), json.loads((folder / "state.json").read_text())

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Inside, whatever goes wrong is told as a checkpoint that is of no use."""
        try:
            yield
        except Exception as error:
            raise TrainingError(
                "the checkpoint cannot be resumed", where=str(self._newest() or ""),
                received=f"{type(error).__name__}: {error}"[:200],
                next_step="Start again without --resume.",
            ) from error  # fmt: skip

    def _newest(self) -> Path | None:
        """The checkpoint, or the one before it when a crash fell between two renames."""
        if self.folder is None:
            return None
        places = (self.folder, self.folder.with_name(self.folder.name + ".old"))
        return next((place for place in places if (place / "state.json").exists()), None)
