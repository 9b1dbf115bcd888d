"""Cells move between rows as a whole: a date with all its parts, a value with its spelling."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import torch
from torch import Generator

from vouch.contracts.recipe import Recipe
from vouch.contracts.schema import Column
from vouch.modalities import Category, Date, Number

SWAP = Recipe(augment=("column_swap",))


def columns(frame: pl.DataFrame, kind: str) -> list[Column]:
    return [Column(name, kind, "feature", "given") for name in frame.columns]


def test_a_date_moves_with_all_its_parts_and_without_its_neighbour() -> None:
    start = datetime(2020, 1, 1)
    frame = pl.DataFrame(
        {
            "still": [start] * 300,
            "a": [start + timedelta(days=3 * i) for i in range(300)],
            "b": [start + timedelta(hours=31 * i) for i in range(300)],
        }
    ).cast(pl.Datetime("us"))
    encoder = Date().fit(frame, columns(frame, "date"), SWAP, None)
    before = encoder.encode(frame)
    after = encoder.augment(before, SWAP, Generator().manual_seed(0))
    owner = torch.tensor([part // 8 for part in encoder.kept])
    for column in owner.unique():
        here = owner == column
        known = {tuple(row) for row in before[:, here].tolist()}
        assert {tuple(row) for row in after[:, here].tolist()} <= known
    apart = [(after[:, owner == one] != before[:, owner == one]).any(1) for one in (1, 2)]
    assert (apart[0] & ~apart[1]).any()
    assert (apart[1] & ~apart[0]).any()


def test_a_value_moves_with_its_spelling() -> None:
    places = [f"{chr(97 + i % 26)}{chr(97 + i // 26)}ville street" for i in range(60)]
    frame = pl.DataFrame({"few": ["red", "blue"] * 60, "many": [*places, *places]})
    encoder = Category().fit(frame, columns(frame, "category"), SWAP, None)
    assert encoder.spelt == ("many",)
    before = encoder.encode(frame)
    after = encoder.augment(before, SWAP, Generator().manual_seed(0))
    pairs = {(row[1], *row[2:]) for row in before.tolist()}
    assert {(row[1], *row[2:]) for row in after.tolist()} <= pairs
    assert not torch.equal(after[:, 1], before[:, 1])


def test_a_row_alone_has_no_other_to_take_from() -> None:
    frame = pl.DataFrame({"x": [1.0, 2.0, None]})
    encoder = Number().fit(frame, columns(frame, "number"), SWAP, None)
    alone = encoder.encode(frame[:1])
    assert torch.equal(encoder.augment(alone, SWAP, Generator().manual_seed(0)), alone)
    assert encoder.augment(alone[:0], SWAP, Generator().manual_seed(0)).shape == (0, 1)
