"""Columns on disk hold the same as columns in memory, whatever the pieces in which they were given."""

from __future__ import annotations

import datetime as dt
import gc
import tracemalloc

import numpy as np
import polars as pl
import pytest

from vouch.data.shelf import Shelf, is_mapped, let_go
from vouch.data.shelf.columns import lies_mapped

N = 2_003


@pytest.fixture(scope="module")
def every_type() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    moments = pl.Series([dt.datetime(2020, 1, 1) + dt.timedelta(seconds=int(k)) for k in rng.integers(0, 10**8, N)])
    texts = ["a", "a text that is longer than its view", "ü" * 12, None, ""]
    blobs = [b"\0" * 3, bytes(range(40)), None]
    return pl.DataFrame({
        "single": rng.normal(size=N).astype(np.float32),
        "double": rng.normal(size=N),
        "whole": pl.Series(rng.integers(-9, 9, N)).set(pl.Series(rng.random(N) < 0.2), None),
        "byte": rng.integers(0, 9, N).astype(np.uint8),
        "text": [texts[k] for k in rng.integers(0, 5, N)],
        "blob": [blobs[k] for k in rng.integers(0, 3, N)],
        "yes": rng.random(N) < 0.5,
        "moment": moments,
        "zoned": moments.dt.replace_time_zone("UTC"),
        "day": moments.dt.date(),
        "clock": moments.dt.time(),
        "span": moments - moments.shift(1),
        "grid": pl.Series(rng.integers(0, 255, (N, 2, 2)).astype(np.uint8)),
    })  # fmt: skip


@pytest.mark.parametrize("limit", [0, 50_000, 10**9])
@pytest.mark.parametrize("step", [1, 7, 997, 5_000])
def test_rows_in_pieces_come_out_as_they_were(every_type: pl.DataFrame, limit: int, step: int) -> None:
    frame = every_type.head(50) if step == 1 else every_type
    shelf = Shelf(N + 10, limit)
    for start in range(0, frame.height, step):
        shelf.put_rows(frame.slice(start, step))
    found = shelf.frame()
    assert shelf.on_disk == (limit == 0 or (limit == 50_000 and step > 1))
    assert found.schema == frame.schema
    assert found.equals(frame)
    assert not shelf.on_disk or all(series.n_chunks() == 1 for series in found)


def test_a_column_on_disk_is_hashed_filtered_and_counted_like_one_in_memory(every_type: pl.DataFrame) -> None:
    found = on_disk(every_type.drop("grid"))
    assert found.hash_rows(seed=0).equals(every_type.drop("grid").hash_rows(seed=0))
    assert found.filter(pl.col("byte") > 3).equals(every_type.drop("grid").filter(pl.col("byte") > 3))
    assert found["text"].value_counts(sort=True)["count"].to_list() == [
        *every_type["text"].value_counts(sort=True)["count"]
    ]


def test_numbers_and_texts_are_mapped_not_copied(every_type: pl.DataFrame) -> None:
    found = on_disk(every_type)
    in_memory = {"yes", "grid"}  # truth values are bits already, and arrays come from memory
    assert {series.name for series in found if not lies_mapped(series)} == in_memory
    assert is_mapped(found["single"].to_numpy().ctypes.data)


def test_a_column_that_is_mapped_already_is_not_written_again(every_type: pl.DataFrame) -> None:
    first = on_disk(every_type.select("double", "text"))
    second = Shelf(N, 0)
    for series in first:
        second.put(series.name, [series])
    assert not second.on_disk
    assert second.frame().equals(first)


def test_long_texts_of_another_file_stay_there(every_type: pl.DataFrame) -> None:
    first = on_disk(every_type.select("text"))
    kept = first["text"].gather(np.arange(0, N, 3))
    shelf = Shelf(N, 0)
    shelf.put("text", [kept.head(100), kept.slice(100)])
    found = shelf.frame()
    del first, kept, shelf
    gc.collect()
    let_go()
    assert found["text"].equals(every_type["text"].gather(np.arange(0, N, 3)))


def test_bytes_that_several_pieces_share_are_known_once(every_type: pl.DataFrame) -> None:
    first = on_disk(every_type.select("text"))["text"]
    shelf = Shelf(N, 0)
    shelf.put("text", (first.slice(start, 100).gather(np.arange(50)) for start in range(0, 2_000, 100)))
    assert (
        len(next(iter(shelf._all())).heaps) == len(first.to_arrow(compat_level=pl.CompatLevel.newest()).buffers()) - 2
    )


def test_pieces_of_a_long_column_do_not_bring_all_its_texts_along() -> None:
    texts = pl.Series("t", ["x" * 1_000] * 20_000)
    shelf = Shelf(len(texts), 0)
    shelf.put("t", (texts.slice(start, 100) for start in range(0, len(texts), 100)))
    kept = next(iter(shelf._all()))
    assert sum(size for _, size in kept.heaps) < 2 * 20_000_000
    assert shelf.frame()["t"].equals(texts)


def test_a_piece_of_another_type_is_refused() -> None:
    shelf = Shelf(10, 0)
    shelf.put("a", [pl.Series([1, 2])])
    with pytest.raises(TypeError, match="'a' is double, not int64"):
        shelf.put("a", [pl.Series([0.5])])


def test_little_of_what_is_on_disk_is_in_memory() -> None:
    tracemalloc.start()
    shelf = Shelf(1_000_000, 0)
    for start in range(0, 1_000_000, 50_000):
        shelf.put("a", [pl.Series(np.arange(start, start + 50_000))])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000
    assert shelf.frame()["a"].sum() == 499_999_500_000


def on_disk(frame: pl.DataFrame) -> pl.DataFrame:
    shelf = Shelf(frame.height, 0)
    shelf.put_rows(frame)
    return shelf.frame()
