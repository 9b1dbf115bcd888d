"""The folder beside a bundle in the making, from which a killed run goes on."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from vouch.contracts.recipe import Recipe
from vouch.errors import OutputError, TrainingError
from vouch.store.place import unwritable

_OURS = re.compile(r"run\.json|stale|checkpoint\d*(\.new|\.old)?")


@dataclass(frozen=True, slots=True)
class Partial:
    """``NAME.vouch.partial``: the recipe and the data of a run, and its latest checkpoint.

    Args:
        folder: where it is.
    """

    folder: Path

    @classmethod
    def beside(cls, out: Path) -> Partial:
        """The folder that belongs to a bundle."""
        return cls(out.with_name(out.name + ".partial"))

    def checkpoint_of(self, number: int) -> Path:
        """Where the latest checkpoint of a network is, or will be; they are counted from 0."""
        return self.folder / f"checkpoint{number or ''}"

    @property
    def checkpointed(self) -> bool:
        """Whether there is a checkpoint."""
        return bool(self._checkpoints)

    @property
    def _checkpoints(self) -> list[Path]:
        return [place for place in self.folder.glob("checkpoint*") if not place.suffix]

    def recipe(self, fingerprint: str) -> dict[str, Any]:
        """The settings of the run that was begun here.

        Raises:
            TrainingError: no run was begun, or it was begun on other data.
        """
        file = self.folder / "run.json"
        if not file.is_file():
            raise self.nothing()
        try:
            facts = json.loads(file.read_text(encoding="utf-8"))
            recipe, found = dict(facts["recipe"]), str(facts["fingerprint"])
        except (ValueError, KeyError, TypeError) as error:
            raise TrainingError(
                "the checkpoint is damaged", where=str(file), next_step="Start again without --resume."
            ) from error
        if found != fingerprint:
            raise TrainingError(
                "the data is not that of the run to be resumed", where=str(self.folder),
                expected=f"fingerprint {found[:12]}", received=fingerprint[:12],
                next_step="Give the same data and options, or start again without --resume.",
            )  # fmt: skip
        return recipe

    @property
    def begun(self) -> bool:
        """Whether a run was begun here that can be gone on with."""
        return (self.folder / "run.json").is_file()

    @property
    def stale(self) -> bool:
        """Whether what was begun here is to be replaced as soon as another run begins."""
        return (self.folder / "stale").exists()

    def mark(self, stale: bool) -> None:
        """Say whether what was begun here, if anything was, is to be replaced or gone on with.

        Raises:
            OutputError: the place cannot be written.
        """
        try:
            if stale and self.begun:
                (self.folder / "stale").touch()
            else:
                (self.folder / "stale").unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def nothing(self) -> TrainingError:
        """What is said when there is no run to go on with."""
        return TrainingError(
            "there is nothing to resume", where=str(self.folder), expected="what an interrupted run leaves",
            next_step="Start without --resume.",
        )  # fmt: skip

    def check(self) -> None:
        """Refuse a folder of that name which no run has left.

        Raises:
            OutputError: something else is there.
        """
        if not self.folder.exists() and not self.folder.is_symlink():
            return
        ours = self.folder.is_dir() and not self.folder.is_symlink()
        if not ours or not all(_OURS.fullmatch(entry.name) for entry in self.folder.iterdir()):
            raise OutputError(
                "something else is in the place for the checkpoints", where=str(self.folder),
                expected="what an earlier run left, or nothing", next_step="Name another place with --out.",
            )  # fmt: skip

    def begin(self, recipe: Recipe, fingerprint: str) -> None:
        """Start afresh: whatever an earlier run left here is removed.

        Raises:
            OutputError: the place cannot be written, or something else is there.
        """
        try:
            self.check()
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            text = json.dumps({"recipe": recipe.plain(), "fingerprint": fingerprint}, indent=1)
            (self.folder / "run.json").write_text(text, encoding="utf-8")
        except OSError as error:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise unwritable(self.folder, error) from error

    @contextmanager
    def kept(self) -> Iterator[None]:
        """While training: an interruption leaves what can be resumed, a failure leaves no half-written checkpoint.

        Raises:
            OutputError: a checkpoint could not be written.
        """
        resumed = self.checkpointed
        try:
            yield
        except TrainingError:
            if not resumed:
                self.end()
            raise
        except (OSError, SafetensorError) as error:
            for half in self.folder.glob("checkpoint*.new"):
                shutil.rmtree(half, ignore_errors=True)
            if not self.checkpointed:
                self.end()
            raise unwritable(self.folder, error) from error

    def end(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
