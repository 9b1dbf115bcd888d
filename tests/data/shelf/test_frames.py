"""What is done to a large table column by column and piece by piece gives what it gives in one go."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from vouch.data.shelf import changed, columns, filtered, gathered, pieces, row_hashes, stacked


@pytest.fixture
def frame(monkeypatch: pytest.MonkeyPatch) -> pl.DataFrame:
    """A small table that is taken to be large."""
    monkeypatch.setattr(columns, "RESIDENT_BYTES", 0)
    monkeypatch.setattr(columns, "PIECE_BYTES", 500)
    rng = np.random.default_rng(0)
    names = ["a", None, "a text that is longer than its view"]
    return pl.DataFrame({"x": rng.normal(size=400), "t": [names[k] for k in rng.integers(0, 3, 400)]})


def test_pieces_together_are_the_column(frame: pl.DataFrame) -> None:
    parts = list(pieces(frame["t"]))
    assert len(parts) > 3
    assert pl.concat(parts).equals(frame["t"])


def test_a_small_column_is_one_piece() -> None:
    column = pl.Series([1, 2])
    assert next(pieces(column)) is column


def test_cells_are_changed(frame: pl.DataFrame) -> None:
    assert changed(frame["t"], lambda cells: cells.str.to_uppercase()).equals(frame["t"].str.to_uppercase())


def test_rows_are_filtered(frame: pl.DataFrame) -> None:
    keep = frame["x"] > 0
    assert filtered(frame, keep).equals(frame.filter(keep))
    assert filtered(frame, keep & False).schema == frame.schema


@pytest.mark.parametrize("rows", [np.arange(399, -1, -2), np.array([5, 5, 0]), np.arange(0)])
def test_rows_are_gathered_in_any_order(frame: pl.DataFrame, rows: np.ndarray) -> None:
    assert gathered(frame, rows).equals(frame[rows])


def test_tables_are_stacked_and_their_types_give_way(frame: pl.DataFrame) -> None:
    other = pl.DataFrame({"t": ["b"] * 30, "x": pl.Series(range(30)), "more": [1] * 30})
    assert stacked([frame, other]).equals(pl.concat([frame, other], how="diagonal_relaxed"))
    assert stacked([frame, other]).schema == pl.concat([frame, other], how="diagonal_relaxed").schema


@pytest.mark.parametrize("size", [1, 200, 10**6])
def test_rows_have_the_same_hash_in_pieces_of_any_size(
    frame: pl.DataFrame, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "PIECE_BYTES", size)
    assert np.array_equal(row_hashes(frame), frame.hash_rows(seed=0).to_numpy())
