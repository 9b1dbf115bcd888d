"""What stands in for what is taken out of a row, and which columns are taken out together, as a user asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast, get_args

import numpy as np
from torch import Tensor

from vouch.api.predicting import Bundle
from vouch.contracts.dataset import Dataset
from vouch.contracts.explaining import Background
from vouch.data.clean import clean
from vouch.data.encode import encode
from vouch.errors import UsageError, nearest
from vouch.explainers.asking import parts_of

# Of a conditional background few of the rows resemble a given one, so more are looked through.
_ROWS: dict[Background, int] = {"marginal": 64, "conditional": 2_000}
_FEWEST_TOGETHER = 2


@dataclass(frozen=True, slots=True, eq=False)
class StandIns:
    """Rows whose values stand in for what is taken out.

    Args:
        inputs: the rows, encoded.
        background: how they are drawn; none where every part leaves a blank.
        notes: where they are from, for readers.
    """

    inputs: tuple[Tensor, ...]
    background: Background | None
    notes: tuple[str, ...]


def known_background(name: str) -> Background:
    """The background of that name.

    Raises:
        UsageError: there is none.

    Example:
        >>> known_background("marginal")
        'marginal'
    """
    known = get_args(Background)
    if name not in known:
        raise UsageError(f"there is no background '{name}'", where="--background", next_step=nearest(name, known))
    return cast(Background, name)


def known_groups(bundle: Bundle, groups: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """Groups of columns that are taken out together.

    Raises:
        UsageError: a column is not known, or stands twice, or a group has fewer than two.
    """
    columns, seen = [column.name for column in bundle.schema.features], set[str]()
    for group in groups:
        for name in group:
            if name not in columns:
                raise UsageError(
                    f"the network sees no column '{name}'", where="--together", next_step=nearest(name, columns)
                )
            if name in seen:
                raise UsageError(
                    f"the column '{name}' stands twice", where="--together", expected="each column in one group at most"
                )
            seen.add(name)
        if len(group) < _FEWEST_TOGETHER:
            raise UsageError(
                "a group of fewer than two columns joins nothing", where="--together",
                expected=f"names of columns, such as {','.join(columns[:2])}", received=repr(",".join(group)),
            )  # fmt: skip
        if " + ".join(group) in columns:
            raise UsageError(
                f"a column is named '{' + '.join(group)}', as the group would be", where="--together",
                next_step="Name the columns in another order.",
            )  # fmt: skip
    return tuple(tuple(group) for group in groups)


def stand_ins(
    bundle: Bundle, whole: Dataset, inputs: tuple[Tensor, ...], learned: Callable[[], Dataset | None],
    background: Background,
) -> StandIns:  # fmt: skip
    """Training rows where the data of the bundle is at hand, else rows that are given.

    Args:
        bundle: whose network is asked.
        whole: the data of which rows are explained.
        inputs: those rows, encoded.
        learned: reads what the bundle was fitted on; none where that is gone.
        background: how rows are drawn.

    Raises:
        UsageError: a conditional background is asked for and a part leaves a blank, so that no row stands in for it.
    """
    parts = parts_of(bundle, inputs, 0)
    inside = [encoder.columns[0] for encoder, one in zip(bundle.encoders, parts, strict=True) if one.blank is not None]
    if inside and background == "conditional":
        raise UsageError(
            f"parts of '{inside[0]}' leave a blank when they are taken out, and no values of other rows",
            where="--background", expected="marginal where columns hold texts or pictures", received=background,
        )  # fmt: skip
    if len(inside) == len(parts):
        return StandIns(tuple(x[:1] for x in inputs), None, ())
    known, rng = learned(), np.random.default_rng(bundle.recipe.seed)
    rows = np.arange(whole.frame.height) if known is None else bundle.split.train
    some = np.sort(rng.choice(rows, min(_ROWS[background], len(rows)), replace=False))
    if known is None:
        known, where = clean(replace(whole, frame=whole.frame[some]), bundle.schema, labelled=False), "rows of the data"
        frame = known.frame
    else:
        frame, where = known.frame[some], "training rows"
    return StandIns(tuple(encode(frame, bundle.encoders)), background, _notes(f"{len(some):,} {where}", background))


def _notes(rows: str, background: Background) -> tuple[str, ...]:
    """Which background it is, in plain words."""
    if background == "marginal":
        return (
            f"{rows} stand in for what is taken out, whatever the parts that stay (marginal background): contributions "
            "are of what the network uses, and it is also asked about rows that could not be",
        )
    return (
        f"those of {rows} stand in for what is taken out that resemble the parts that stay, the more alike the more "
        "they count (conditional background): columns that tell of each other share what they bring, also one that the "
        "network does not use",
    )
