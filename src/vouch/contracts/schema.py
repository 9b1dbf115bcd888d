"""What each column is, and which one is to be predicted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["feature", "target", "group", "time", "ignored"]
Option = str | int | float | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recognition:
    """How one modality would read a raw column.

    Args:
        kind: the kind of column, such as "number".
        confidence: 0 (not mine) to 1 (certainly mine); the most confident modality gets the column.
        why: half a sentence for the reader, such as "42 distinct values".
        options: what the modality needs in order to read such a column again.
    """

    kind: str
    confidence: float
    why: str
    options: Mapping[str, Option] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what kind it is, what it is for, and how its raw cells are read.

    Args:
        name: as in the data.
        kind: the kind that recognised it, or "identifier", "constant".
        role: feature, target, group (rows that belong together), time (order), or ignored.
        why: why it was taken for this kind and role.
        missing: the cell texts that mean "no value", beside the empty cell.
        options: what the modality needs in order to read such a column again.

    Example:
        >>> Column("age", "number", "feature", "numeric cells").missing
        ()
    """

    name: str
    kind: str
    role: Role
    why: str
    missing: tuple[str, ...] = ()
    options: Mapping[str, Option] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Schema:
    """All columns in their order, and the task that follows from the target.

    Args:
        columns: every column of the data, the ignored ones too.
        task: binary, multiclass, multilabel or regression.
        task_why: why this task.
        sensitive: the columns by which harm is to be measured.

    Example:
        >>> Schema((Column("y", "number", "target", "given"),), "regression", "given").target.name
        'y'
    """

    columns: tuple[Column, ...]
    task: str
    task_why: str
    sensitive: tuple[str, ...] = ()

    @property
    def target(self) -> Column:
        """The column to be predicted."""
        return next(column for column in self.columns if column.role == "target")

    @property
    def features(self) -> tuple[Column, ...]:
        """The columns that the network sees."""
        return tuple(column for column in self.columns if column.role == "feature")

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: there is none.
        """
        found = next((column for column in self.columns if column.name == name), None)
        if found is None:
            raise KeyError(name)
        return found
