"""Put training data and given test data into one data set that remembers which is which."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import polars as pl

from vouch.contracts.dataset import Dataset
from vouch.data.shelf import stacked
from vouch.errors import ColumnError, TargetError, nearest

_PARTS = ("train", "test")


def join_test(train: Dataset, test: Dataset, target: str) -> Dataset:
    """One data set with a column that says "train" or "test".

    Columns of the test data that training does not have are left out; those that it lacks are missing there.

    Args:
        train: the rows to learn from.
        test: the rows to seal.
        target: must be in both.

    Returns:
        All rows, training rows first.

    Raises:
        TargetError: the training data or the test data lacks the target.
        ColumnError: the two have no other column in common.
    """
    if target not in train.frame.columns:
        raise TargetError(
            f"there is no target '{target}'", where=train.source, next_step=nearest(target, train.frame.columns)
        )
    if target not in test.frame.columns:
        raise TargetError(
            f"the test data lacks the target '{target}'",
            where=test.source,
            next_step=nearest(target, test.frame.columns),
        )
    shared = [name for name in train.frame.columns if name in test.frame.columns and name != target]
    if not shared:
        raise ColumnError(
            "training and test data have no column in common but the target", where=test.source,
            expected=", ".join(train.frame.columns[:8]), received=", ".join(test.frame.columns[:8]),
            next_step="Give test data with the columns of the training data.",
        )  # fmt: skip
    part = _free_name(train)
    both = (train, replace(test, frame=_like(test.frame.select([*shared, target]), train.frame)))
    root = _common_root(*both)
    frames = [
        _rooted(data, root).with_columns(pl.lit(name).alias(part)) for data, name in zip(both, _PARTS, strict=True)
    ]
    frame = stacked(frames)
    return replace(train, frame=frame, root=root, part=part, notes=(*train.notes, *test.notes))


def _like(test: pl.DataFrame, train: pl.DataFrame) -> pl.DataFrame:
    """Columns that are text on one side are made text on both, so that nothing is lost in joining."""
    casts = {
        name: pl.String
        for name, kind in test.schema.items()
        if train.schema[name] == pl.String and kind != pl.String and not kind.is_nested()
    }
    return test.cast(casts)  # type: ignore[arg-type]


def _common_root(train: Dataset, test: Dataset) -> Path | None:
    """The folder from which the media of both can be reached."""
    if train.root is None or test.root is None:
        return train.root or test.root
    return Path(os.path.commonpath([train.root.resolve(), test.root.resolve()]))


def _rooted(data: Dataset, root: Path | None) -> pl.DataFrame:
    """Media paths written from another root; all other cells as they are."""
    if data.root is None or root is None or data.root.resolve() == root:
        return data.frame
    prefix = f"{data.root.resolve().relative_to(root)}/"
    media = [
        name
        for name, kind in data.frame.schema.items()
        if kind == pl.String and _are_files(data.frame[name].drop_nulls().head(5).to_list(), data)
    ]
    return data.frame.with_columns(pl.concat_str([pl.lit(prefix), pl.col(name)]).alias(name) for name in media)


def _are_files(cells: list[str], dataset: Dataset) -> bool:
    assert dataset.root is not None
    return bool(cells) and all(len(cell) < 1000 and (dataset.root / cell).is_file() for cell in cells)


def _free_name(dataset: Dataset) -> str:
    name = "part"
    while name in dataset.frame.columns:
        name += "_"
    return name
