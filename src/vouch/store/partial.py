"""The folder beside a bundle in the making, from which a killed run goes on."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vouch.contracts.recipe import Recipe
from vouch.errors import OutputError, TrainingError


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

    @property
    def checkpoint(self) -> Path:
        """Where the latest checkpoint is, or will be."""
        return self.folder / "checkpoint"

    def recipe(self, fingerprint: str) -> dict[str, Any]:
        """The settings of the run that was begun here.

        Raises:
            TrainingError: no run was begun, or it was begun on other data.
        """
        file = self.folder / "run.json"
        if not file.is_file():
            raise TrainingError(
                "there is nothing to resume", where=str(self.folder), next_step="Start again without --resume."
            )
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

    def begin(self, recipe: Recipe, fingerprint: str) -> None:
        """Start afresh: whatever an earlier run left here is removed.

        Raises:
            OutputError: the place cannot be written.
        """
        try:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            text = json.dumps({"recipe": asdict(recipe), "fingerprint": fingerprint}, indent=1)
            (self.folder / "run.json").write_text(text, encoding="utf-8")
        except OSError as error:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise OutputError(
                "the place for the bundle cannot be written", where=str(self.folder.parent), received=str(error)[:200],
                next_step="Name another place with --out.",
            ) from error  # fmt: skip

    def end(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
