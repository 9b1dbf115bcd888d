"""Tells a run to every place where it is to be logged; a place that breaks down is told of, and training goes on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from vouch.api.predicting import Bundle, as_bundle
from vouch.api.preparing import Ready
from vouch.api.training import silent
from vouch.contracts.dataset import Note
from vouch.contracts.options import FitOptions
from vouch.contracts.recipe import CHOICES, Recipe
from vouch.contracts.tracking import Opening, Setting, Tracker
from vouch.errors import OutputError, VouchError
from vouch.trackers import places_of, tracker_of
from vouch.training.team import Team

_CURVES = ("loss", "score", "learning_rate", "rows_per_second")


class Tracking:
    """Listens to the progress of a fit, and passes it on to those who listen already.

    Args:
        options: of the fit; ``log`` names the places.

    Raises:
        UsageError: a place has no such form, or what it needs is not installed.
        OutputError: a place cannot be written, or does not answer.
    """

    def __init__(self, options: FitOptions) -> None:
        out = options.get("out")
        # Of several processes, the first one logs.
        self._trackers = [tracker_of(text) for text in places_of(options.get("log"))] if Team.here().first else []
        for one in self._trackers:
            one.check()
        self._progress = options.get("progress", silent)
        self._run = str(Path(str(out)).absolute()) if out is not None else ""
        self._resumed = bool(options.get("resume"))
        self._notes: list[Note] = []

    def __call__(self, event: str, /, **facts: float | int | str | None) -> None:
        """Pass an event on, and log it where it is the end of an epoch."""
        self._progress(event, **facts)
        if event == "epoch":
            head = f"network_{facts['network']}/" if "network" in facts else ""
            values = {f"{head}{name}": float(facts[name] or 0) for name in _CURVES}
            number = int(facts["epoch"] or 0)
            self._tell(lambda one: one.epoch(number, {k: x for k, x in values.items() if math.isfinite(x)}))

    @contextmanager
    def begun(self, ready: Ready) -> Iterator[None]:
        """Inside, the run goes on; each place is told whether it came to its end.

        Raises:
            OutputError: a place cannot be written, or does not answer.
        """
        opening = self._opening(ready)
        for one in self._trackers:
            try:
                one.begin(opening)
            except VouchError:
                raise
            except Exception as error:
                raise OutputError(
                    "the place to log to cannot be used", where=f"--log {one.scheme}", received=_said(error),
                    next_step="Name another place, or leave --log out.",
                ) from error  # fmt: skip
        done = False
        try:
            yield
            done = True
        finally:
            self._tell(lambda one: one.close(done))

    def ended(self, bundle: Bundle) -> Bundle:
        """Log the figures of a bundle; what could not be logged is in its notes."""
        parts = {"sealed": bundle.evidence.metrics, "out_of_fold": bundle.evidence.out_of_fold}
        found = {part: [one for one in some if math.isfinite(one.value)] for part, some in parts.items() if some}
        self._tell(lambda one: one.end(found))
        return as_bundle(replace(bundle, run=replace(bundle.run, notes=(*bundle.run.notes, *self._notes))))

    def _tell(self, what: Callable[[Tracker], None]) -> None:
        """Tell every place; the first thing that goes wrong with one is the last that it is told."""
        for one in list(self._trackers):
            try:
                what(one)
            except Exception as error:
                self._trackers.remove(one)
                text = f"nothing more is logged to {one.scheme}: {_said(error)}"
                self._notes.append(Note("skipped", text))
                self._progress("note", text=text)

    def _opening(self, ready: Ready) -> Opening:
        split, schema = ready.split, ready.schema
        facts: dict[str, Setting] = {
            "task": schema.task, "target": schema.target.name, "data": ready.dataset.source, "train": len(split.train),
            "valid": len(split.valid), "test": len(split.test),
        }  # fmt: skip
        name = Path(self._run or ready.dataset.source).stem or "run"
        return Opening(name, self._run, flat(ready.recipe), facts, self._resumed)


def flat(recipe: Recipe) -> dict[str, Setting]:
    """Every setting under a name of its own: lists as text, an optimiser's settings after its name and a full stop.

    Example:
        >>> flat(Recipe())["optimizer"], flat(Recipe())["optimizer.beta1"], flat(Recipe())["augment"]
        ('adamw', 0.9, 'auto')
    """
    found: dict[str, Setting] = {}
    for key in recipe.plain():
        value: Any = getattr(recipe, key)
        if key in CHOICES:
            found |= {key if name == "name" else f"{key}.{name}": one for name, one in asdict(value).items()}
        else:
            found[key] = ",".join(value) if isinstance(value, tuple) else value
    return found


def _said(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
