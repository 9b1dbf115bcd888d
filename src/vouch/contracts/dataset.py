"""A data set as it was read: a frame of raw columns, and everything that was done to it on the way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vouch.errors import one_line

if TYPE_CHECKING:
    import polars as pl

NoteKind = Literal["dropped", "filled", "guessed", "normalised", "skipped", "read"]


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that was done to the data, counted: nothing is changed in silence.

    Args:
        kind: dropped rows, filled cells, a guessed type, normalised values, skipped files, or how it was read.
        text: one sentence for the reader, kept on one line and printable whatever names it quotes.
        count: how many rows, cells or files it touched; 0 where counting makes no sense.
        column: the column it touched, if one.
    """

    kind: NoteKind
    text: str
    count: int = 0
    column: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", one_line(self.text))


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows and columns, where they came from, and what was done to them.

    Args:
        frame: the columns (B rows); raw cells after reading, canonical ones after cleaning.
        source: what the user gave, for messages.
        root: the folder against which relative media paths are resolved; none when there is no folder.
        notes: what was done so far, in order.
        target: the column that the source itself marks as the target (the class folders of pictures), if any.
        part: the column in which the source itself says "train", "valid" or "test" for each row, if it does.
        lines: for cleaned data, which row of the data as it was read each row comes from (B,), from 0.
    """

    frame: pl.DataFrame
    source: str
    root: Path | None = None
    notes: tuple[Note, ...] = field(default=())
    target: str | None = None
    part: str | None = None
    lines: pl.Series | None = None

    def with_notes(self, *notes: Note) -> Dataset:
        """The same data with more notes."""
        return replace(self, notes=(*self.notes, *notes))
