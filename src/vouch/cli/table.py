"""Verbs whose answer is a table: in a file, as JSON, or printed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vouch.cli.common import emit

if TYPE_CHECKING:
    import polars as pl

    from vouch.contracts.dataset import Note


@dataclass(frozen=True, slots=True)
class Table:
    """Where a table goes.

    Args:
        name: what its rows are called in JSON.
        out: file to write: .csv, .parquet or .jsonl.
        as_json: one JSON object is printed, with the rows in it unless they go to a file.
        quiet: notes are not printed.
    """

    name: str
    out: str | None
    as_json: bool
    quiet: bool

    def check(self, given: Sequence[str]) -> None:
        """Refuse a file that cannot be written, or that is one of those that were given, before time is spent."""
        from vouch import api

        if self.out:
            api.check_table(Path(self.out))
            api.check_apart([self.out], given)

    def leave(self, frame: pl.DataFrame, notes: Sequence[Note]) -> None:
        """Write or print it; what had to be done to the data on the way goes to standard error."""
        from vouch import api

        if notes and not self.quiet:
            print(*(f"{note.kind}: {note.text}" for note in notes), sep="\n", file=sys.stderr)
        if self.out:
            api.write_table(frame, Path(self.out))
        if self.as_json:
            shown = {} if self.out else {self.name: frame.to_dicts()}
            emit({"rows": frame.height, "out": self.out, "notes": [note.text for note in notes], **shown})
        elif not self.out:
            print(frame.write_csv(), end="")
