"""Frames and arrays in memory."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from vouch.data.read import read
from vouch.errors import ColumnError, DataError, EmptyDataError, FormatError, UsageError


def test_a_polars_frame_stays_what_it_is() -> None:
    frame = pl.DataFrame({"a": [1, None], "b": ["x", " y "], "c": [datetime(2020, 1, 1), None]})
    assert read(frame).frame.equals(frame)
    assert read(frame.lazy()).frame.equals(frame)


def test_rare_types_become_plain_ones() -> None:
    frame = pl.DataFrame(
        {"a": pl.Series(["x", "y"], dtype=pl.Categorical), "b": pl.Series([1, 2], dtype=pl.Decimal(9, 2))}
    )
    dataset = read(frame)
    assert dataset.frame.dtypes == [pl.String, pl.Float64]
    assert len(dataset.notes) == 2


def test_a_pandas_frame_of_every_kind_is_read() -> None:
    frame = pd.DataFrame(
        {
            "n": [1.5, np.nan, 3.0],
            "i": pd.array([1, None, 3], dtype="Int64"),
            "s": ["x", None, "z"],
            "mixed": [1, "two", None],
            "c": pd.Categorical(["u", "v", None]),
            "t": pd.to_datetime(["2020-01-01", None, "2020-01-03"]),
            "b": [True, False, True],
            7: [1, 2, 3],
        }
    )
    dataset = read(frame)
    assert dataset.frame.columns == ["n", "i", "s", "mixed", "c", "t", "b", "7"]
    assert dataset.frame.rows()[1][:6] == (None, None, None, "two", "v", None)


def test_a_pandas_frame_with_doubled_names_is_refused() -> None:
    with pytest.raises(ColumnError, match="'a'"):
        read(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_an_index_that_is_left_out_is_told() -> None:
    dataset = read(pd.DataFrame({"a": [1, 2]}, index=["x", "y"]))
    assert "index" in dataset.notes[0].text


def test_arrays_are_read() -> None:
    assert read(np.arange(6.0).reshape(3, 2)).frame.columns == ["x0", "x1"]
    assert read(np.arange(3)).frame.columns == ["x0"]
    assert read(np.zeros((3, 2)), columns=["a", "b"]).frame.columns == ["a", "b"]
    assert read(np.array([["a", 1.5], [None, 2]], dtype=object)).frame.rows() == [("a", 1.5), (None, 2.0)]


def test_pictures_in_arrays_are_a_column() -> None:
    pictures = np.zeros((2, 3, 5, 4), dtype=np.uint8)
    assert read({"image": pictures[:, :, :, :3], "y": [0, 1]}).frame.schema["image"] == pl.Array(pl.UInt8, (3, 5, 3))
    assert read({"image": np.zeros((2, 1, 8, 8), np.uint8)}).frame.schema["image"] == pl.Array(pl.UInt8, (8, 8))


def test_mappings_are_read() -> None:
    dataset = read({"age": [31, None], "city": ["Bonn", None], "both": np.zeros((2, 2))})
    assert dataset.frame.rows() == [(31, "Bonn", 0.0, 0.0), (None, None, 0.0, 0.0)]
    assert dataset.target is None


def test_an_arrow_table_is_read() -> None:
    assert read(pa.table({"a": [1, 2]})).frame.rows() == [(1,), (2,)]


def fake_datasets(labels: list[int]) -> SimpleNamespace:
    """What a ``datasets.Dataset`` looks like from outside."""
    table = pa.table({"text": ["t"] * len(labels), "label": labels})
    features = {"text": SimpleNamespace(), "label": SimpleNamespace(names=["ham", "spam"])}
    return SimpleNamespace(features=features, column_names=["text", "label"], data=SimpleNamespace(table=table))


def test_a_datasets_dataset_is_read_with_its_class_names() -> None:
    dataset = read(fake_datasets([1, 0, -1]))
    assert dataset.frame["label"].to_list() == ["spam", "ham", None]
    assert dataset.target == "label"


def test_a_mapping_of_parts_gives_the_split() -> None:
    dataset = read({"train": fake_datasets([1, 0]), "validation": fake_datasets([1])})
    assert dataset.frame["split"].to_list() == ["train", "train", "valid"]
    assert dataset.part == "split"


@pytest.mark.parametrize("source", [3, None, object(), {"a": 1}, {}, {"a": "text"}, np.float64(1.0), [1, 2]])
def test_what_is_no_data_is_refused(source: object) -> None:
    with pytest.raises(UsageError):
        read(source)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (pl.DataFrame(), EmptyDataError),
        (pl.DataFrame({"a": []}), EmptyDataError),
        (pd.DataFrame({"a": []}), EmptyDataError),
        ({"a": [1, 2], "b": [1]}, FormatError),
        (np.zeros((2, 3, 4)), FormatError),
        (np.zeros((0, 3)), EmptyDataError),
        (np.zeros(3, dtype=complex), FormatError),
    ],
)
def test_frames_that_cannot_be_used_are_refused(source: object, error: type[DataError]) -> None:
    with pytest.raises(error):
        read(source)


def test_names_for_a_frame_are_refused() -> None:
    with pytest.raises(UsageError):
        read(pl.DataFrame({"a": [1]}), columns=["b"])
