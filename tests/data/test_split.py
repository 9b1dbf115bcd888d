import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vouch.contracts.dataset import Dataset
from vouch.contracts.recipe import Recipe
from vouch.contracts.schema import Column, Schema
from vouch.data import split as station
from vouch.data.split import SplitPlan, dealt, split
from vouch.errors import TargetError, TooFewRowsError

PLAN = SplitPlan(seed=0, valid_fraction=0.15, test_fraction=0.2)


def case(frame, task="binary", roles=None, part=None):
    roles = {"y": "target", **(roles or {})}
    kinds = {"y": "number" if task == "regression" else "category"}
    columns = tuple(
        Column(name, kinds.get(name, "number"), roles.get(name, "feature"), "")
        for name in frame.columns
        if name != part
    )
    return Dataset(frame, "memory", part=part), Schema(columns, task, "")


def table(rows, seed=0, **columns):
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(rows) < 0.3, "yes", "no")
    labels[:4] = ["yes", "yes", "no", "no"]
    return pl.DataFrame({"x": rng.normal(size=rows), **columns, "y": labels})


def test_parts_are_disjoint_cover_all_rows_and_keep_the_class_shares():
    dataset, schema = case(table(1000))
    found, _ = split(dataset, schema, PLAN)
    together = np.concatenate([found.train, found.valid, found.test])
    assert sorted(together) == list(range(1000))
    assert len(found.test) == pytest.approx(200, abs=3)
    assert len(found.valid) == pytest.approx(120, abs=3)
    labels = dataset.frame["y"].to_numpy() == "yes"
    assert labels[found.test].mean() == pytest.approx(labels.mean(), abs=0.01)


def test_the_seed_fixes_the_split():
    dataset, schema = case(table(300))
    first, second = (split(dataset, schema, PLAN)[0] for _ in range(2))
    other = split(dataset, schema, SplitPlan(1, 0.15, 0.2))[0]
    assert np.array_equal(first.test, second.test)
    assert not np.array_equal(first.test, other.test)


@settings(max_examples=40, deadline=None)
@given(st.integers(20, 200), st.integers(1, 30), st.integers(0, 10))
def test_exact_duplicates_never_straddle(rows, distinct, seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(distinct + 2, size=rows).astype(float)
    values[: distinct + 2] = np.arange(distinct + 2)[:rows]
    frame = pl.DataFrame({"x": values, "y": np.where(np.arange(rows) % 2 == 0, "a", "b")})
    dataset, schema = case(frame)
    found, _ = split(dataset, schema, SplitPlan(seed, 0.15, 0.2))
    parts = [set(values[rows_]) for rows_ in (found.train, found.valid, found.test)]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]


def test_groups_stay_on_one_side():
    groups = np.random.default_rng(1).integers(0, 40, 600)
    dataset, schema = case(table(600, g=groups), roles={"g": "group"})
    found, _ = split(dataset, schema, PLAN)
    assert not set(groups[found.train]) & set(groups[found.test])
    assert not set(groups[found.train]) & set(groups[found.valid])
    assert found.how == "group"


def test_time_puts_the_latest_rows_last():
    moments = np.random.default_rng(1).permutation(500).astype(float)
    dataset, schema = case(table(500, t=moments), roles={"t": "time"})
    found, _ = split(dataset, schema, PLAN)
    assert moments[found.train].max() < moments[found.valid].min()
    assert moments[found.valid].max() < moments[found.test].min()
    assert found.how == "time"


def test_equal_times_are_never_parted():
    moments = np.repeat(np.arange(10.0), 30)
    dataset, schema = case(table(300, t=moments), roles={"t": "time"})
    found, _ = split(dataset, schema, PLAN)
    assert not set(moments[found.train]) & set(moments[found.test])


def test_given_parts_are_kept_and_training_copies_of_test_rows_are_left_out():
    frame = table(200).with_columns(part=pl.Series(["train"] * 150 + ["test"] * 50))
    copy = frame[150:151].with_columns(part=pl.lit("train"))
    dataset, schema = case(pl.concat([frame, copy]), part="part")
    found, notes = split(dataset, schema, PLAN)
    assert found.how == "given"
    assert set(found.test) == set(range(150, 200))
    assert 200 not in {*found.train, *found.valid}
    assert [note.count for note in notes] == [1]


def test_regression_targets_are_stratified_by_size():
    frame = pl.DataFrame({"x": np.arange(1000.0), "y": np.random.default_rng(0).lognormal(size=1000)})
    dataset, schema = case(frame, task="regression")
    found, _ = split(dataset, schema, PLAN)
    values = frame["y"].to_numpy()
    assert np.median(values[found.test]) == pytest.approx(np.median(values), rel=0.05)


def test_too_few_rows_are_refused():
    dataset, schema = case(table(12))
    with pytest.raises(TooFewRowsError, match="20"):
        split(dataset, schema, PLAN)


def test_a_class_with_one_row_is_refused_by_name():
    frame = table(40).with_columns(y=pl.Series(["rare"] + ["a", "b"] * 19 + ["a"]))
    dataset, schema = case(frame, task="multiclass")
    with pytest.raises(TooFewRowsError, match="rare"):
        split(dataset, schema, PLAN)


def test_one_class_is_refused():
    dataset, schema = case(table(40).with_columns(y=pl.lit("a")))
    with pytest.raises(TargetError, match="one value"):
        split(dataset, schema, PLAN)


def test_no_test_share_seals_nothing():
    dataset, schema = case(table(100))
    found, _ = split(dataset, schema, SplitPlan(0, 0.2, 0.0))
    assert len(found.test) == 0
    assert len(found.train) + len(found.valid) == 100


def test_copies_of_later_rows_are_left_out_of_a_split_by_time():
    frame = table(200, t=np.arange(200.0))
    frame = frame.with_columns(x=pl.when(pl.col("t") == 3).then(frame["x"][199]).otherwise("x"), y=pl.lit("no"))
    frame = frame.with_columns(y=pl.when(pl.col("t") % 2 == 0).then(pl.lit("yes")).otherwise("y"))
    dataset, schema = case(frame, roles={"t": "time"})
    found, notes = split(dataset, schema, PLAN)
    assert 199 in found.test
    assert 3 not in {*found.train, *found.valid}
    assert [note.count for note in notes] == [1]


def test_rows_that_are_all_alike_are_refused():
    frame = pl.DataFrame({"x": [1.0] * 40, "y": ["a", "b"] * 20})
    dataset, schema = case(frame)
    with pytest.raises(TooFewRowsError, match="rows that differ"):
        split(dataset, schema, PLAN)


@pytest.mark.parametrize("given", [True, False])
def test_validation_rows_are_in_every_fold(given):
    frame = table(1000).with_columns(part=pl.Series(["train"] * 700 + ["test"] * 300))
    dataset, schema = case(frame if given else frame.drop("part"), part="part" if given else None)
    parts, _ = split(dataset, schema, PLAN)
    fold = dealt(dataset, schema, parts, Recipe(folds=5))
    assert np.bincount(fold[parts.valid], minlength=5).min() > len(parts.valid) // 20
    assert (fold[parts.test] == -1).all()


def test_of_very_many_rows_no_more_are_sealed_than_figures_need(monkeypatch):
    monkeypatch.setattr(station, "MOST_SEALED", 30)
    dataset, schema = case(table(1000))
    found, notes = split(dataset, schema, PLAN)
    assert len(found.test) == pytest.approx(30, abs=2)
    assert len(found.train) + len(found.valid) + len(found.test) == 1000
    assert [(note.kind, note.count) for note in notes] == [("read", 170)]
    assert "30 rows are sealed instead of 200" in notes[0].text


def test_as_few_rows_as_asked_for_are_sealed_without_a_word(monkeypatch):
    monkeypatch.setattr(station, "MOST_SEALED", 200)
    dataset, schema = case(table(1000))
    assert split(dataset, schema, PLAN)[1] == ()


def test_in_order_of_time_the_latest_rows_are_sealed_as_many_as_figures_need(monkeypatch):
    monkeypatch.setattr(station, "MOST_SEALED", 30)
    dataset, schema = case(table(1000, when=np.arange(1000.0)), roles={"when": "time"})
    found, notes = split(dataset, schema, PLAN)
    assert np.array_equal(found.test, np.arange(970, 1000))
    assert notes[0].count == 170


def test_of_test_rows_that_are_given_those_that_are_not_scored_teach_nothing(monkeypatch):
    monkeypatch.setattr(station, "MOST_SEALED", 30)
    part = ["train"] * 900 + ["test"] * 100
    dataset, schema = case(table(1000, part=part), part="part")
    found, notes = split(dataset, schema, PLAN)
    assert len(found.test) == 30
    assert found.test.min() >= 900
    assert max(found.train.max(), found.valid.max()) < 900
    assert [(note.kind, note.count) for note in notes] == [("dropped", 70)]
    assert np.array_equal(found.test, split(dataset, schema, PLAN)[0].test)
