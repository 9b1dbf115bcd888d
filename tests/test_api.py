import numpy as np
import polars as pl
import pytest

import vouch
from helpers import FAST, rows
from vouch.contracts.bundle import Example
from vouch.errors import ColumnError, TargetError, UsageError


@pytest.fixture(scope="module")
def bundle():
    return vouch.fit(rows(), "y", settings=FAST)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_fit_measures_the_network_beside_simple_methods(task):
    found = vouch.fit(rows(200, task=task), "y", settings=FAST)
    assert found.schema.task == task
    names = {metric.name for metric in found.evidence.metrics}
    assert ("rmse" if task == "regression" else "accuracy") in names
    assert "boosted_trees" in found.evidence.baselines
    assert found.evidence.verdict.endswith(".")
    for metric in found.evidence.metrics:
        assert metric.low <= metric.high
        assert metric.n <= len(found.split.test)
        assert metric.split == "test"


def test_the_same_seed_gives_the_same_bits_and_its_recipe_does_too(bundle):
    again = vouch.fit(rows(), "y", settings=FAST)
    from_recipe = vouch.fit(rows(), "y", recipe={key: getattr(bundle.recipe, key) for key in bundle.recipe.__slots__})
    other = vouch.fit(rows(), "y", settings={**FAST, "seed": 1})
    expected = bundle.predict_proba(rows(30, seed=2)).tobytes()
    assert again.predict_proba(rows(30, seed=2)).tobytes() == expected
    assert from_recipe.predict_proba(rows(30, seed=2)).tobytes() == expected
    assert other.predict_proba(rows(30, seed=2)).tobytes() != expected


def test_fit_leaves_the_callers_random_state_alone():
    import torch

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    vouch.fit(rows(60), "y", settings={**FAST, "epochs": 1})
    assert torch.equal(torch.rand(3), expected)


def test_predict_takes_reordered_extra_missing_and_unseen_columns(bundle):
    fresh = rows(20, seed=3)
    expected = vouch.predict(bundle, fresh)
    assert vouch.predict(bundle, fresh.select("y", "day", "kind", "size")).equals(expected)
    assert vouch.predict(bundle, fresh.with_columns(extra=pl.lit(1))).equals(expected)
    assert vouch.predict(bundle, fresh.drop("y")).equals(expected)
    unseen = vouch.predict(bundle, fresh.with_columns(kind=pl.lit("violet")))
    assert unseen["prediction"].null_count() == 0
    partly, notes = vouch.api.predict_with_notes(bundle, fresh.drop("size"))
    assert partly.height == 20
    assert any("'size' is absent" in note.text for note in notes)


def test_a_file_without_a_header_is_called_as_the_one_of_the_fit_was(tmp_path):
    whole, bare = rows(120).select("size", "kind", "y"), tmp_path / "bare.csv"
    whole.write_csv(bare, include_header=False)
    fitted = vouch.fit(bare, "y", columns=["size", "kind", "y"], settings={"epochs": 2})
    expected = vouch.predict(fitted, whole)
    found, notes = vouch.api.predict_with_notes(fitted, bare)
    assert found.equals(expected)
    assert any("the file has no header" in note.text for note in notes)
    whole.drop("y").write_csv(tmp_path / "new.csv", include_header=False)
    assert vouch.predict(fitted, tmp_path / "new.csv").equals(expected)
    assert vouch.explain(fitted, bare, rows="0").explanations == vouch.explain(fitted, whole, rows="0").explanations
    whole.select("size").write_csv(tmp_path / "narrow.csv", include_header=False)
    with pytest.raises(ColumnError, match="none of the model's columns"):
        vouch.predict(fitted, tmp_path / "narrow.csv")


def test_predict_refuses_data_without_any_known_column(bundle):
    with pytest.raises(ColumnError, match="none of the model's columns"):
        vouch.predict(bundle, {"other": [1.0, 2.0]})


def test_probabilities_are_in_the_order_of_the_classes_and_sum_to_one(bundle):
    probabilities = bundle.predict_proba(rows(20, seed=4))
    assert np.allclose(probabilities.sum(axis=1), 1)
    predicted = np.array(bundle.task.classes)[probabilities.argmax(axis=1)]
    assert (predicted == bundle.predict(rows(20, seed=4))).all()


def test_a_regression_has_no_probabilities():
    found = vouch.fit(rows(60, task="regression"), "y", settings={**FAST, "epochs": 1})
    with pytest.raises(UsageError, match="no probabilities"):
        found.predict_proba(rows(5))


def test_given_test_data_is_sealed():
    found = vouch.fit(rows(100), "y", test=rows(40, seed=9), settings=FAST)
    assert found.split.how == "given"
    assert len(found.split.test) == 40


def test_test_data_without_the_target_is_refused():
    with pytest.raises(TargetError, match="lacks the target"):
        vouch.fit(rows(100), "y", test=rows(40).drop("y"), settings=FAST)


def test_test_data_with_other_columns_is_refused():
    other = pl.DataFrame({"a": [1.0] * 30, "y": ["no", "yes"] * 15})
    with pytest.raises(ColumnError, match="in common"):
        vouch.fit(rows(100), "y", test=other, settings=FAST)


def test_rows_without_a_target_are_counted():
    frame = rows(100).with_columns(y=pl.when(pl.int_range(100) < 7).then(None).otherwise(pl.col("y")))
    found = vouch.fit(frame, "y", settings=FAST)
    assert [note.count for note in found.run.notes if note.kind == "dropped"] == [7]


def test_labels_that_differ_by_a_full_stop_or_case_are_one_class():
    test = rows(40, seed=1).with_columns(y=pl.col("y") + ".")
    found = vouch.fit(rows(100), "y", test=test, settings=FAST)
    assert found.task.classes == ("no", "yes")
    assert any(note.kind == "normalised" and note.column == "y" for note in found.run.notes)


def test_no_target_is_refused_with_the_columns():
    with pytest.raises(TargetError, match="size, kind, day, y"):
        vouch.fit(rows())


def test_unknown_options_and_keys_are_refused_with_a_suggestion():
    with pytest.raises(UsageError, match="Did you mean 'budget'"):
        vouch.fit(rows(), "y", budgets="5m")  # pyright: ignore[reportCallIssue]
    with pytest.raises(UsageError, match="Did you mean 'epochs'"):
        vouch.fit(rows(), "y", settings={"epoch": 3})


def test_a_budget_becomes_a_number_of_epochs_in_the_recipe():
    found = vouch.fit(rows(200), "y", budget="2s", settings={"members": 4, "width": 32})
    again = vouch.fit(rows(200), "y", recipe={key: getattr(found.recipe, key) for key in found.recipe.__slots__})
    assert again.predict_proba(rows(30, seed=2)).tobytes() == found.predict_proba(rows(30, seed=2)).tobytes()
    assert found.run.seconds["train"] < 8


def test_the_examples_are_the_rows_with_the_largest_loss(bundle):
    losses = [example.loss for example in bundle.examples]
    assert losses == sorted(losses, reverse=True)
    assert isinstance(bundle.examples[0], Example)
    assert {column for column, _ in bundle.examples[0].cells} == {"size", "kind", "day"}


def test_sensitive_columns_are_kept_in_the_schema():
    found = vouch.fit(rows(60), "y", sensitive=["kind"], settings={**FAST, "epochs": 1})
    assert found.schema.sensitive == ("kind",)


def test_a_bundle_keeps_what_was_asked_beside_the_recipe(bundle):
    held = rows(40, seed=5)
    data = rows().with_columns(code=pl.Series([str(i % 7) for i in range(rows().height)]), spare=pl.lit("x"))
    asked = {"test": held.with_columns(code=pl.lit("1"), spare=pl.lit("x")), "types": {"code": "category"}}
    made = vouch.fit(data, "y", settings=FAST, drop=["spare"], **asked)
    assert made.run.asked == (("--test", "TEST_DATA"), ("--type", "code=category"), ("--drop", "spare"))
    assert bundle.run.asked == ()
