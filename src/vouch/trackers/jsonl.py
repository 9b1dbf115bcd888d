"""A file with one JSON object in each line, for any tool at all."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from vouch.contracts.finding import Estimate
from vouch.contracts.tracking import Opening
from vouch.errors import OutputError

_EVENTS = ("begin", "resume", "epoch", "end")
_NO_LOG = "a file that is no log; it was left as it is"


class JsonLines:
    """Appends to a file: the recipe, each epoch, and the figures at the end; every line names its run.

    Where a run is resumed, an epoch may stand there twice; the later line counts.

    Args:
        place: the file; one that is there must be of earlier runs.

    Example:
        >>> JsonLines("runs.jsonl").file.name
        'runs.jsonl'
    """

    scheme: ClassVar[str] = "jsonl"
    extra: ClassVar[str] = ""

    def __init__(self, place: str) -> None:
        self.file = Path(place)
        self._run = ""

    def check(self) -> None:
        """The folder is there and can be written, and a file that is there is a log."""
        try:
            fresh = not self.file.exists()
            with self.file.open("ab"):
                pass
            if fresh:
                self.file.unlink()
                return
            lines = _lines(self.file)
        except (OSError, ValueError) as error:
            raise self._unwritable(str(error)) from error
        if not all(line.get("event") in _EVENTS for line in lines) or not (lines or self.file.stat().st_size == 0):
            raise self._unwritable(_NO_LOG)

    def begin(self, opening: Opening) -> None:
        """Write down the recipe, or that the last run of the same bundle goes on."""
        try:
            last = self._last(opening.run) if opening.resumed and self.file.exists() else ""
            _mend(self.file)
            self._run = last or uuid.uuid4().hex[:12]
            event = "resume" if last else "begin"
            bundle = {"bundle": opening.run} if opening.run else {}
            self._write(event, name=opening.name, **bundle, **opening.facts, recipe=dict(opening.recipe))
        except (OSError, ValueError) as error:
            raise self._unwritable(str(error)) from error

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        """One line."""
        self._write("epoch", epoch=number, **values)

    def end(self, metrics: Mapping[str, Sequence[Estimate]]) -> None:
        """One line with all figures and their intervals."""
        found = {
            part: {
                one.name: {**{end: _number(getattr(one, end)) for end in ("value", "low", "high")}, "n": one.n}
                for one in some
            }
            for part, some in metrics.items()
        }
        self._write("end", metrics=found)

    def close(self, done: bool) -> None:
        """Every line is in the file already."""

    def _last(self, bundle: str) -> str:
        """The latest run of a bundle in the file."""
        return next((str(one["run"]) for one in reversed([*_lines(self.file)]) if one.get("bundle") == bundle), "")

    def _write(self, event: str, **facts: Any) -> None:
        with self.file.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps({"run": self._run, "event": event, **facts}, allow_nan=False) + "\n")

    def _unwritable(self, why: str) -> OutputError:
        return OutputError(
            "the log cannot be written", where=f"jsonl:{self.file}", received=why[:160],
            expected="a new file in a folder that is there, or the log of earlier runs", next_step="Name another file.",
        )  # fmt: skip


def _number(value: float) -> float | None:
    """A number as JSON knows it."""
    return value if math.isfinite(value) else None


def _mend(file: Path) -> None:
    """Take away the end of a line that was cut off where a run was killed."""
    if file.exists() and (text := file.read_bytes()) and not text.endswith(b"\n"):
        file.write_bytes(text[: text.rfind(b"\n") + 1])


def _lines(file: Path) -> list[dict[str, Any]]:
    """The lines of a log, but for a last one that was cut off where a run was killed.

    Raises:
        ValueError: a line is no object.
    """
    try:
        *whole, _ = file.read_text(encoding="utf-8").split("\n")
        return [dict(json.loads(line)) for line in whole]
    except (ValueError, TypeError) as error:
        raise ValueError(_NO_LOG) from error
