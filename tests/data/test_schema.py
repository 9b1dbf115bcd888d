import datetime as dt

import numpy as np
import polars as pl
import pytest

from vouch.contracts.dataset import Dataset
from vouch.data.schema import Hints, infer
from vouch.errors import ColumnError, EmptyDataError, TargetError, UsageError

ROWS = 60
RNG = np.random.default_rng(0)


def dataset(**columns):
    return Dataset(pl.DataFrame({**columns, "y": ["no", "yes"] * (ROWS // 2)}, strict=False), "memory")


def kind_of(cells, **hints):
    schema = infer(dataset(other=RNG.normal(size=ROWS), x=cells), Hints("y", **hints))
    return schema.column("x")


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (RNG.normal(size=ROWS), "number"),
        ([f"${i:,}.50" for i in range(1000, 1000 + ROWS)], "number"),
        ([f"{i} %" for i in range(ROWS)], "number"),
        ([f"1.{i:03d},5" for i in range(ROWS)], "number"),
        ([f"({i})" for i in range(ROWS)], "number"),
        (["a", "b", "c"] * 20, "category"),
        ([True, False] * 30, "category"),
        ([0, 1] * 30, "category"),
        ([dt.date(2020, 1, 1) + dt.timedelta(days=i) for i in range(ROWS)], "date"),
        ([f"{i % 12 + 1:02d}/{i % 28 + 1:02d}/2020" for i in range(ROWS)], "date"),
        ([f"2020-01-01 00:{i:02d}:00" for i in range(ROWS)], "date"),
        ([f"7{i:03d}-ABC" for i in range(ROWS)], "identifier"),
        (list(range(ROWS)), "identifier"),
        ([7] * ROWS, "constant"),
        ([None] * ROWS, "constant"),
    ],
)
def test_the_kind_of_a_column_is_recognised(cells, kind):
    assert kind_of(pl.Series(cells)).kind == kind


def test_a_kind_that_the_user_names_wins():
    assert kind_of([0, 1, 2] * 20, types={"x": "category"}).kind == "category"
    assert kind_of([0, 1] * 30, types={"x": "boolean"}).kind == "category"
    assert kind_of([f"{i}" for i in range(ROWS)], types={"x": "identifier"}).role == "ignored"


def test_marks_for_missing_are_found_and_do_not_hide_numbers():
    cells = ["?" if i % 10 == 0 else str(i / 3) for i in range(ROWS)]
    column = kind_of(cells)
    assert column.kind == "number"
    assert column.missing == ("?",)


def test_a_sentinel_counts_as_missing_only_when_it_stands_apart():
    apart = [-999.0 if i % 9 == 0 else float(i) for i in range(ROWS)]
    within = [99.0 if i % 9 == 0 else float(i * 3) for i in range(ROWS)]
    assert kind_of(apart).options["sentinel"] == -999.0
    assert "sentinel" not in kind_of(within).options


@pytest.mark.parametrize(
    ("cells", "task"),
    [
        (["no", "yes"], "binary"),
        ([0, 1], "binary"),
        ([True, False], "binary"),
        (["a", "b", "c"], "multiclass"),
        ([1, 2, 3, 4], "multiclass"),
        (RNG.normal(size=ROWS).tolist(), "regression"),
        ([f"${1000 + 17 * i}" for i in range(ROWS)], "regression"),
        (["red|round", "red", "round|small", "small", "red|small"], "multilabel"),
    ],
)
def test_the_task_follows_from_the_target(cells, task):
    target = (cells * ROWS)[:ROWS]
    frame = pl.DataFrame({"x": RNG.normal(size=ROWS), "t": target})
    assert infer(Dataset(frame, "memory"), Hints("t")).task == task


def test_spellings_of_one_class_count_once() -> None:
    cells = ["<=50K", ">50K", "<=50K.", ">50K.", "<=50K", ">50K"] * 10
    frame = pl.DataFrame({"a": [float(i) for i in range(60)], "y": cells})
    assert infer(Dataset(frame, "memory"), Hints("y")).task == "binary"
    assert infer(Dataset(frame, "memory"), Hints("y", task="classification")).task == "binary"
    letters = pl.DataFrame({"a": [float(i) for i in range(60)], "y": ["a", "A", "b"] * 20})
    assert infer(Dataset(letters, "memory"), Hints("y")).task == "multiclass"


def test_the_task_that_the_user_names_wins():
    frame = pl.DataFrame({"x": RNG.normal(size=ROWS), "t": [1, 2, 3, 4, 5, 6] * 10})
    assert infer(Dataset(frame, "memory"), Hints("t", task="regression")).task == "regression"
    assert infer(Dataset(frame, "memory"), Hints("t", task="classification")).task == "multiclass"


def test_an_absent_target_is_refused_with_the_nearest_name():
    with pytest.raises(TargetError, match="Did you mean 'y'"):
        infer(dataset(x=range(ROWS)), Hints("Y"))


def test_a_target_without_values_is_refused():
    frame = pl.DataFrame({"x": range(ROWS), "y": pl.Series([None] * ROWS, dtype=pl.String)})
    with pytest.raises(TargetError, match="missing"):
        infer(Dataset(frame, "memory"), Hints("y"))


def test_a_constant_target_is_refused():
    with pytest.raises(TargetError, match="one value"):
        infer(Dataset(pl.DataFrame({"x": range(ROWS), "y": ["a"] * ROWS}), "memory"), Hints("y"))


def test_constant_features_alone_are_refused():
    with pytest.raises(ColumnError, match="no column is left"):
        infer(dataset(x=[1] * ROWS), Hints("y"))


def test_no_rows_are_refused():
    with pytest.raises(EmptyDataError):
        infer(Dataset(pl.DataFrame({"x": [], "y": []}), "memory"), Hints("y"))


def test_unknown_kinds_and_tasks_are_refused_with_a_suggestion():
    with pytest.raises(UsageError, match="Did you mean 'number'"):
        infer(dataset(x=range(ROWS)), Hints("y", types={"x": "nummer"}))
    with pytest.raises(UsageError, match="Did you mean 'regression'"):
        infer(dataset(x=range(ROWS)), Hints("y", task="regresion"))


def test_every_column_has_a_reason():
    schema = infer(dataset(x=RNG.normal(size=ROWS), k=range(ROWS), c=[1] * ROWS), Hints("y"))
    assert all(column.why for column in schema.columns)
    assert schema.task_why
