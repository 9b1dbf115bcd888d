"""What each column is: the modalities are asked, and the surest one gets it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from vouch.contracts.dataset import Dataset
from vouch.contracts.roles import Encoder, Modality, RawColumn
from vouch.contracts.schema import Column, Recognition, Role, Schema
from vouch.data.read.media import medium_of
from vouch.data.shelf import let_go
from vouch.data.spelling import spellings
from vouch.errors import ColumnError, EmptyDataError, TargetError, UsageError, nearest
from vouch.modalities import ALL as MODALITIES
from vouch.tasks import ALL as TASKS

MISSING_MARKS = (
    "",
    "?",
    "NA",
    "N/A",
    "n/a",
    "#N/A",
    "NaN",
    "nan",
    "NAN",
    "null",
    "NULL",
    "None",
    "<NA>",
    "-",
    "--",
    "NaT",
)
_SAMPLE = 10_000
_KINDS: dict[str, Modality] = {modality.kind: modality for modality in MODALITIES}
_ALIASES = {
    "boolean": "category",
    "datetime": "date",
    "numeric": "number",
    "categorical": "category",
    "picture": "image",
}
_NOT_LEARNED = ("identifier", "constant", "ignored")


@dataclass(frozen=True, slots=True)
class Hints:
    """What the user says of the columns; everything else is inferred.

    Args:
        target: the column to predict.
        task: the task, when it is not to be inferred.
        group: the column that says which rows belong together.
        time: the column that orders the rows.
        types: kinds of columns, when they are not to be inferred.
        drop: columns to leave out.
    """

    target: str
    task: str | None = None
    group: str | None = None
    time: str | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    drop: Sequence[str] = ()


def infer(dataset: Dataset, hints: Hints) -> Schema:
    """Find kind and role of every column, and the task.

    Args:
        dataset: as it was read.
        hints: what the user says; it wins over what is inferred.

    Returns:
        The schema, with a reason for every choice.

    Raises:
        ColumnError: a named column is absent, or no column is left to learn from.
        TargetError: the target has no values, or one value.
        UsageError: an unknown task or kind.

    Example:
        >>> frame = pl.DataFrame({"a": [1.5, 2.5, 3.5] * 9, "y": ["p", "q", "p"] * 9})
        >>> infer(Dataset(frame, "memory"), Hints("y")).task
        'binary'
    """
    frame = dataset.frame
    if not frame.height:
        raise EmptyDataError("there is no row", where=dataset.source, next_step="Give data with at least 20 rows.")
    _check_names(dataset, hints)
    task, task_why, target = _target(dataset, hints)
    columns = tuple(
        target if name == hints.target else _column(frame[name], name, dataset, hints) for name in frame.columns
    )
    schema = Schema(columns, task, task_why)
    if not schema.features:
        raise _nothing_left(dataset, columns)
    return schema


def infer_features(dataset: Dataset, types: Mapping[str, str] | None = None, drop: Sequence[str] = ()) -> Schema:
    """Find the kind of every column where nothing is to be predicted.

    Args:
        dataset: as it was read; the column that it marks as its target is left out.
        types: kinds of columns, when they are not to be inferred.
        drop: columns to leave out.

    Returns:
        A schema whose task is "none", and in which no column is the target.

    Raises:
        ColumnError: a named column is absent, or no column is left to learn from.
        UsageError: an unknown kind.

    Example:
        >>> infer_features(Dataset(pl.DataFrame({"a": [1.5, 2.5, 3.5] * 9}), "memory")).task
        'none'
    """
    frame = dataset.frame
    if not frame.height:
        raise EmptyDataError("there is no row", where=dataset.source, next_step="Give data with at least 20 rows.")
    for name in (*(types or {}), *drop):
        if name not in frame.columns:
            raise ColumnError(
                f"there is no column '{name}'", where=dataset.source, next_step=nearest(name, frame.columns)
            )
    hints = Hints("", types=types or {}, drop=drop)
    columns = tuple(
        Column(name, "ignored", "ignored", "labels are not looked at")
        if name == dataset.target
        else _column(frame[name], name, dataset, hints)
        for name in frame.columns
    )
    schema = Schema(columns, "none", "nothing is to be predicted")
    if not schema.features:
        raise _nothing_left(dataset, columns)
    return schema


def _nothing_left(dataset: Dataset, columns: Sequence[Column]) -> ColumnError:
    reasons = "; ".join(f"{column.name}: {column.why}" for column in columns if column.role == "ignored")
    return ColumnError(
        "no column is left to learn from", where=dataset.source, received=reasons or "no other column",
        next_step="Give a column a kind with --type COL=KIND, or add columns.",
    )  # fmt: skip


def _check_names(dataset: Dataset, hints: Hints) -> None:
    """Refuse names of columns that are not there, and a target that is to be something else as well."""
    names = dataset.frame.columns
    if hints.target not in names:
        raise TargetError(
            f"there is no target '{hints.target}'", where=dataset.source, next_step=nearest(hints.target, names)
        )
    for name in (hints.group, hints.time, *hints.types, *hints.drop):
        if name is not None and name not in names:
            raise ColumnError(f"there is no column '{name}'", where=dataset.source, next_step=nearest(name, names))
    for option, named in (("--group", (hints.group,)), ("--time", (hints.time,)), ("--drop", hints.drop)):
        if hints.target in named:
            raise UsageError(
                f"the target '{hints.target}' is named by {option} too", next_step="Name another column there."
            )
    for name in {hints.group, hints.time} - {None}:
        if hints.group == hints.time or name in hints.drop:
            raise UsageError(f"column '{name}' has two purposes", next_step="Name it once: --group, --time or --drop.")


def modality(kind: str) -> Modality:
    """The modality of that kind.

    Raises:
        KeyError: there is none.
    """
    return _KINDS[kind]


def kind_of(encoder: Encoder) -> str:
    """The kind of column that an encoder reads."""
    return next(modality.kind for modality in MODALITIES if isinstance(encoder, modality.encoder))


def _column(series: pl.Series, name: str, dataset: Dataset, hints: Hints) -> Column:
    role: Role = "group" if name == hints.group else "time" if name == hints.time else "feature"
    if name in hints.drop:
        return Column(name, "ignored", "ignored", "dropped as asked")
    if name == dataset.part:
        return Column(name, "ignored", "ignored", "says which part a row belongs to")
    raw, marks = profile(series, dataset.root)
    let_go()
    if name in hints.types:
        kind, said = _named_kind(hints.types[name]), "as asked"
        if kind in _NOT_LEARNED:
            return Column(name, kind, "ignored", said, marks)
        found = _KINDS[kind].recognise(raw)
        if found is None and _KINDS[kind].drops_unreadable:
            raise ColumnError(
                f"column '{name}' does not hold what a column of the kind '{kind}' holds", where=dataset.source,
                received=repr(raw.sample.to_list()[:3])[:80], next_step="Leave its --type out, or name another kind.",
            )  # fmt: skip
        return Column(name, kind, role, said, marks, found.options if found else {})
    found = _order(raw, name, dataset) if role == "time" else _recognise(raw)
    if role == "feature" and found.kind in _NOT_LEARNED:
        role = "ignored"
    kind = "category" if role == "group" and found.kind in _NOT_LEARNED else found.kind
    return Column(name, kind, role, found.why, marks, found.options)


def _order(raw: RawColumn, name: str, dataset: Dataset) -> Recognition:
    """The kind under which a column puts the rows in order: dates, or numbers, running ones too."""
    scales = [m for m in MODALITIES if m.capabilities.continuous and not m.capabilities.spatial]
    found = [told for scale in scales if (told := scale.recognise(raw)) is not None]
    if not found:
        raise ColumnError(
            f"column '{name}' cannot put the rows in order", where=dataset.source, expected="dates or numbers",
            received=repr(raw.sample.to_list()[:3])[:80], next_step="Name another --time, or leave it out.",
        )  # fmt: skip
    return max(found, key=lambda told: told.confidence)


def _target(dataset: Dataset, hints: Hints) -> tuple[str, str, Column]:
    """The task, why, and the target's column."""
    raw, marks = profile(dataset.frame[hints.target], dataset.root)
    where = f"{dataset.source}, column '{hints.target}'"
    if not len(raw.sample):
        raise TargetError("every value of the target is missing", where=where, next_step="Name another --target.")
    if raw.distinct < 2 and without_marks(raw.series, marks).n_unique() - (raw.series.null_count() > 0) < 2:
        raise TargetError(
            "the target has one value only", where=where, received=repr(raw.sample[0])[:40],
            next_step="There is nothing to tell apart: name another --target, or add rows of another value.",
        )  # fmt: skip
    number = _KINDS["number"].recognise(raw)
    as_number = number if number and raw.sample.dtype != pl.Boolean else None
    values = raw.sample
    if values.dtype == pl.String:
        # Counted as they will be read: a file for tests may well end each label in a full stop.
        values = values.str.strip_chars()
        values = values.replace(spellings(values))
    classes = values.n_unique() if not values.dtype.is_nested() else len(values)
    if as_number and not values.dtype.is_numeric():
        values = _KINDS["number"].receive(values, Column("", "number", "target", "", marks, as_number.options), None)
    found = [(task, told) for task in TASKS if (told := task.recognise(values)) is not None]
    names = {name: task for task in TASKS for name in task.names}
    if hints.task:
        asked = "binary" if hints.task == "classification" and classes == 2 else hints.task
        asked = "multiclass" if asked == "classification" else asked
        if asked not in names:
            raise UsageError(f"there is no task '{hints.task}'", next_step=nearest(hints.task, names))
        chosen, why, name = names[asked], "as asked", asked
    else:
        chosen, told = max(found, key=lambda pair: pair[1].confidence)
        why, name = told.why, told.kind
    options = as_number.options if as_number and chosen.kind == "number" else {}
    return name, why, Column(hints.target, chosen.kind, "target", "named as the target", marks, options)


def profile(series: pl.Series, root: Path | None) -> tuple[RawColumn, tuple[str, ...]]:
    """A raw column with its sample, and the marks in it that mean "missing"."""
    marks: tuple[str, ...] = ()
    if series.dtype == pl.String:
        marks = tuple(mark for mark in MISSING_MARKS if (series == mark).any())
    step = max(series.len() // _SAMPLE, 1)
    sample = without_marks(series.gather_every(step).head(_SAMPLE), marks).drop_nulls()
    if not len(sample):
        sample = without_marks(series, marks).drop_nulls().head(_SAMPLE)
    if sample.dtype.is_float():
        sample = sample.drop_nans()
    distinct = sample.n_unique() if not sample.dtype.is_nested() else len(sample)
    return RawColumn(series, sample, distinct, root), marks


def without_marks(series: pl.Series, marks: Sequence[str]) -> pl.Series:
    """The same cells with null where one of the marks stands."""
    return series.set(series.is_in(list(marks)), None) if marks else series


def _recognise(raw: RawColumn) -> Recognition:
    if not len(raw.sample):
        return Recognition("constant", 1.0, "every value is missing")
    if raw.distinct == 1 and raw.series.drop_nulls().n_unique() == 1 and not raw.series.null_count():
        return Recognition("constant", 1.0, "one value only")
    if identifier := _identifier(raw):
        return identifier
    found = [told for modality in MODALITIES if (told := modality.recognise(raw)) is not None]
    if not found:
        return Recognition("ignored", 1.0, f"no kind of column reads {raw.series.dtype}")
    return max(found, key=lambda told: told.confidence)


def _identifier(raw: RawColumn) -> Recognition | None:
    """A value of its own in every row: whole numbers that only count, or single words."""
    sample = raw.sample
    if not (sample.dtype.is_integer() or sample.dtype == pl.String) or raw.distinct < len(sample) or len(sample) < 20:
        return None
    if raw.series.n_unique() < raw.series.len():
        return None
    if sample.dtype.is_integer():
        ordered = raw.series.is_sorted() or raw.series.is_sorted(descending=True)
        named = raw.series.name.casefold().endswith(("id", "index", "key", "number", "nr")) or raw.series.name == ""
        return Recognition("identifier", 1.0, "a whole number of its own in every row") if ordered or named else None
    if sample.dtype == pl.String:
        coded = float(sample.str.contains(r"\d").mean() or 0.0)  # type: ignore[arg-type]
        numeric = _KINDS["number"].recognise(raw) or _KINDS["date"].recognise(raw)
        spaces = float(sample.str.contains(r"\s").mean() or 0.0)  # type: ignore[arg-type]
        short = float(sample.str.len_chars().max() or 0) <= 64  # type: ignore[arg-type]
        media = sum(medium_of(cell) is not None for cell in sample.to_list()) >= 0.9 * len(sample)
        wordlike = coded < 0.5 and float(sample.str.len_chars().mean() or 0.0) >= 40  # type: ignore[arg-type]
        if numeric is None and spaces < 0.05 and short and not media and not wordlike:
            return Recognition("identifier", 1.0, "a word of its own in every row")
    return None


def _named_kind(name: str) -> str:
    kind = _ALIASES.get(name, name)
    known = [*_KINDS, *_NOT_LEARNED]
    if kind not in known:
        raise UsageError(f"there is no kind of column '{name}'", next_step=nearest(name, [*known, *_ALIASES]))
    return kind
