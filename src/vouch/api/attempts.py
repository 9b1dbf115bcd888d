"""Runs of the same networks, each with batches in smaller parts than the one before, until memory suffices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch

from vouch import store
from vouch.api.preparing import Ready
from vouch.api.training import jobs_of
from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Progress
from vouch.errors import OutOfMemoryError
from vouch.training.exhaustion import first_steps
from vouch.training.loop import Job
from vouch.training.memory import halved, memory_of
from vouch.training.meter import Meter, free_bytes
from vouch.training.team import Team
from vouch.training.together import can_batch


class Attempts:
    """Gives the jobs of a run again and again, until one attempt has not run out of memory.

    Args:
        ready: data, networks and recipe.
        partial: where checkpoints are kept; a new attempt begins it afresh, with its own recipe.
        progress: told of each new attempt.
    """

    def __init__(self, ready: Ready, partial: store.Partial | None, progress: Progress) -> None:
        self.ready, self.partial, self.progress = ready, partial, progress
        self._over, self._why = False, ""

    def __iter__(self) -> Iterator[list[Job]]:
        while not self._over:
            self._told = False
            jobs = jobs_of(self.ready, self.partial, self._tell)
            if can_batch(jobs):
                Team.here().relieve()
            self.memory = self.ready.memory
            if self.memory is None and jobs[0].team.size == 1:
                self.memory = memory_of(jobs, len(self.ready.split.valid))
            if self.memory is not None:
                self.progress("memory", estimated=self.memory.total, free=free_bytes(jobs[0].device))
            yield jobs

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Inside, memory may run out before the first epoch is over: the recipe then halves the parts of a batch.

        Raises:
            OutOfMemoryError: it ran out later, with single rows, or in one process of a team.
        """
        try:
            with first_steps([]):
                yield
            self._over = True
        except OutOfMemoryError as error:
            recipe = halved(self.ready.recipe)
            alone = Team.here().size == 1
            if self._told or not error.again or recipe == self.ready.recipe or not alone:
                raise
            self.ready, self._why = replace(self.ready, recipe=recipe, memory=None), error.received
        # Only here has the error let go of what the failed step held.
        if not self._over:
            self._begin_again(self.ready.recipe)

    def _begin_again(self, recipe: Recipe) -> None:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if self.partial is not None:
            self.partial.begin(recipe, self.ready.fingerprint)
        text = f"the memory ran out ({self._why}); each batch now passes in {recipe.accumulation} parts"
        self.progress("note", text=text)

    def used(self, meter: Meter) -> dict[str, int]:
        """What was estimated, and what the most was, in bytes, as the bundle keeps it."""
        if self.memory is None:
            return {}
        found = {"estimated_bytes": self.memory.total}
        if meter.growth is None:
            return found
        return {**found, "measured_peak_bytes": self.memory.resident + meter.growth}

    def _tell(self, event: str, /, **facts: float | int | str | None) -> None:
        self._told = self._told or event == "epoch"
        self.progress(event, **facts)
