"""Tables and options that cannot be used: one clear line, exit code 2, nothing half-written."""

from __future__ import annotations

import json

import polars as pl
import pytest

from cli.running import QUICK, fitted, left, refused, run, table
from helpers import rows

SOUND = "size,kind,y\n" + "".join(f"{i}.5,{'rg'[i % 2]},{'no' if i < 30 else 'yes'}\n" for i in range(60))


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def spoiled(tmp_path, content, name="a.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


BAD_FILES = {
    "empty": (b"", "V202", "empty"),
    "blank": (b"\n\n  \n", "V202", ""),
    "header_only": (b"size,kind,y\n", "V202", "header"),
    "picture_called_csv": (b"\x89PNG\r\n\x1a\n" + bytes(range(200)), "V203", "a.csv"),
    "web_page_called_csv": (b"<!DOCTYPE html><html><body>404</body></html>", "V203", "a.csv"),
    "ragged_rows": (SOUND.replace("3.5,g,no", "3.5,g,no,more,and more").encode(), "V203", "line 5"),
    "nul_bytes": (SOUND.replace("3.5", "3\0.5").encode(), "V203", "NUL"),
    "duplicate_names": (SOUND.replace("size,kind", "size,size", 1).encode(), "V204", "size"),
    "fewer_than_20_rows": (
        "\n".join(SOUND.splitlines()[:1] + SOUND.splitlines()[26:36]).encode(),
        "V206",
        "at least 20",
    ),
    "class_of_one_row": (SOUND.replace("59.5,g,yes", "59.5,g,maybe").encode(), "V206", "maybe"),
    "constant_target": (SOUND.replace("yes", "no").encode(), "V205", "one value"),
    "missing_target": (SOUND.replace(",yes", ",").replace(",no", ",").encode(), "V205", "missing"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_table_that_cannot_be_used_is_refused_in_one_line(capsys, tmp_path, name):
    content, code, said = BAD_FILES[name]
    path = spoiled(tmp_path, content)
    assert said in refused(run(capsys, "fit", path, "--target", "y", *QUICK, "-q"), code)
    assert left(tmp_path) == ["a.csv"]


@pytest.mark.parametrize("name", ["a.parquet", "a.xlsx", "a.npz", "a.zip", "a.csv.gz", "a.jsonl", "a.arrow"])
def test_a_file_that_is_not_what_its_name_says_is_refused(capsys, tmp_path, name):
    path = spoiled(tmp_path, b"these are no such bytes \xff\xfe\x01" * 20, name)
    refused(run(capsys, "fit", path, "--target", "y", *QUICK), "V203")
    assert left(tmp_path) == [name]


def test_no_such_file_is_refused_with_the_nearest_name(capsys, tmp_path):
    table(tmp_path / "churn.csv")
    assert "churn.csv" in refused(run(capsys, "fit", tmp_path / "chrun.csv", "--target", "y"), "V201")
    refused(run(capsys, "fit", "nothing*.csv", "--target", "y"), "V201")
    refused(run(capsys, "fit", "https://example.org/a.csv", "--target", "y"), "V201")


def test_another_encoding_is_read(capsys, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(SOUND.replace("yes", "Grün").encode("utf-16"))
    fitted(run(capsys, "fit", path, "--target", "y", *QUICK), tmp_path / "a.vouch")


def test_bytes_of_no_encoding_are_one_line_or_a_counted_note(capsys, tmp_path):
    path = spoiled(tmp_path, SOUND.encode().replace(b"3.5,g", b"3.5,\xff\xfe\x80\x81"))
    ran = run(capsys, "fit", path, "--target", "y", *QUICK, "--json")
    if ran.code:
        refused(ran, "V203")
    else:
        assert any("decoded from" in note for note in json.loads(ran.out)["notes"])


def test_an_absent_target_suggests_the_nearest_name(capsys, tmp_path):
    path = table(tmp_path / "a.csv")
    assert "Did you mean 'kind'" in refused(run(capsys, "fit", path, "--target", "kinds"), "V205")
    assert "size, kind, day, y" in refused(run(capsys, "fit", path), "V205")
    test = table(tmp_path / "b.csv")
    assert "a.csv" in refused(run(capsys, "fit", path, "--target", "kinds", "--test", test), "V205")


def test_rows_without_a_target_and_infinite_ones_are_counted_and_the_fit_goes_on(capsys, tmp_path):
    path = table(tmp_path / "a.csv", y=[None] * 7 + ["no", "yes"] * 26 + ["no"])
    ran = fitted(run(capsys, "fit", path, "--target", "y", *QUICK, "--json", "-q"), tmp_path / "a.vouch")
    facts = json.loads(ran.out)
    assert facts["rows"]["dropped"] == 7
    assert any("7 rows without a value of the target" in note for note in facts["notes"])
    path = table(tmp_path / "b.csv", z=[float("inf"), float("nan"), *(i * 0.5 for i in range(58))])
    ran = fitted(run(capsys, "fit", path, "--target", "z", *QUICK, "--json", "-q"), tmp_path / "b.vouch")
    assert json.loads(ran.out)["rows"]["dropped"] == 2


def test_cells_that_are_nan_or_infinite_are_counted_as_missing(capsys, tmp_path):
    cells = [float("nan"), float("inf"), float("-inf"), *(i * 0.5 for i in range(57))]
    path = table(tmp_path / "a.csv", size=cells)
    ran = fitted(run(capsys, "fit", path, "--target", "y", *QUICK, "--json"), tmp_path / "a.vouch")
    assert any("'size'" in note and "missing" in note for note in json.loads(ran.out)["notes"])
    rows(60).with_columns(pl.Series("size", cells)).write_parquet(tmp_path / "b.parquet")
    ran = fitted(run(capsys, "fit", "b.parquet", "--target", "y", *QUICK, "--json"), tmp_path / "b.vouch")
    assert any("3 cells of 'size'" in note for note in json.loads(ran.out)["notes"])


def test_constant_features_alone_are_refused(capsys, tmp_path):
    path = table(tmp_path / "a.csv", size=1.0, kind="x", day="")
    assert "one value only" in refused(run(capsys, "fit", path, "--target", "y"), "V204")


def test_a_sensitive_column_that_makes_no_groups_is_refused(capsys, tmp_path):
    names = [f"name {i}" for i in range(600)]
    ages = [20 + i % 300 / 5 for i in range(600)]
    frame = rows(600).with_columns(one=pl.lit("a"), name=pl.Series(names), age=pl.Series(ages))
    frame.write_csv(tmp_path / "a.csv")
    asked = ("fit", "a.csv", "--target", "y", "-q", *QUICK, "--sensitive")
    assert "'one' has one value only" in refused(run(capsys, *asked, "one"), "V100")
    assert "'name' has 600 values and is no quantity" in refused(run(capsys, *asked, "kind,name"), "V100")
    assert left(tmp_path) == ["a.csv"]
    fitted(run(capsys, *asked, "kind,age", "--json"), tmp_path / "a.vouch")


def test_test_data_without_the_target_or_with_other_columns_is_refused(capsys, tmp_path):
    path = table(tmp_path / "a.csv")
    rows(40).drop("y").write_csv(tmp_path / "bare.csv")
    pl.DataFrame({"other": range(30), "y": ["no", "yes"] * 15}).write_csv(tmp_path / "other.csv")
    (tmp_path / "empty.csv").touch()
    files = left(tmp_path)
    assert "bare.csv" in refused(run(capsys, "fit", path, "--target", "y", "--test", "bare.csv"), "V205")
    assert "in common" in refused(run(capsys, "fit", path, "--target", "y", "--test", "other.csv"), "V204")
    refused(run(capsys, "fit", path, "--target", "y", "--test", "empty.csv"), "V202")
    refused(run(capsys, "fit", path, "--target", "y", "--test", "nowhere.csv"), "V201")
    assert left(tmp_path) == files


BAD_OPTIONS = {
    "an unknown recipe key": (("--set", "epoch=3"), "V100", "Did you mean 'epochs'"),
    "a value of the wrong type": (("--set", "epochs=many"), "V100", "whole number"),
    "a value out of range": (("--set", "dropout=2"), "V100", "0 to 0.95"),
    "not a number": (("--set", "dropout=nan"), "V100", "out of range"),
    "an unknown choice": (("--set", "optimizer=adamm"), "V100", "Did you mean 'adam'"),
    "an unknown net": (("--set", "network=resnett"), "V100", "Did you mean 'resnet'"),
    "a setting without a value": (("--set", "epochs"), "V100", "KEY=VALUE"),
    "a setting without a key": (("--set", "=3"), "V100", "KEY=VALUE"),
    "a kind without a column": (("--type", "number"), "V100", "KEY=VALUE"),
    "an unknown kind": (("--type", "size=numbr"), "V100", "Did you mean 'number'"),
    "a kind for no column": (("--type", "sise=number"), "V204", "Did you mean 'size'"),
    "a budget that is no time": (("--budget", "soon"), "V100", "90s, 5m or 1h"),
    "a budget of nothing": (("--budget", "0s"), "V100", "90s, 5m or 1h"),
    "a budget without end": (("--budget", "9" * 400), "V100", "90s, 5m or 1h"),
    "an unknown task": (("--task", "multi-class"), "V100", "Did you mean 'multiclass'"),
    "a task that does not fit": (("--task", "regression"), "V205", "y"),
    "an unknown device": (("--device", "tpu"), "V100", "cpu"),
    "a device of no number": (("--device", "cpu:x"), "V100", "cpu:x"),
    "an unknown option": (("--epochs", "3"), "V100", "--epochs"),
    "an option without its value": (("--seed",), "V100", "--seed"),
    "a seed that is no number": (("--seed", "x"), "V100", "x"),
    "a seed below zero": (("--seed", "-1"), "V100", "seed"),
    "a column to drop that is not there": (("--drop", "sise"), "V204", "Did you mean 'size'"),
    "a group that is not there": (("--group", "sise"), "V204", "Did you mean 'size'"),
    "a time that is not there": (("--time", "days"), "V204", "Did you mean 'day'"),
    "a sensitive column that is not there": (("--sensitive", "kinds"), "V204", "Did you mean 'kind'"),
    "the target as sensitive": (("--sensitive", "y"), "V100", "both the target and sensitive"),
    "the target dropped": (("--drop", "y"), "V100", "--drop"),
    "the target as group": (("--group", "y"), "V100", "--group"),
    "an order by something that has none": (("--time", "kind"), "V204", "kind"),
    "a column that orders and is dropped": (("--time", "day", "--drop", "day"), "V100", "two purposes"),
    "a kind that the cells have not": (("--type", "kind=image"), "V204", "image"),
    "every feature dropped": (("--drop", "size,kind,day"), "V204", "no column is left"),
    "names for columns that do not fit": (("--columns", "a,b"), "V204", "expected 4 names"),
    "a recipe that is not there": (("--recipe", "none.toml"), "V100", "none.toml"),
    "nothing to resume": (("--resume",), "V500", "nothing to resume"),
}


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_an_option_that_cannot_be_used_is_refused_in_one_line(capsys, tmp_path, name):
    options, code, said = BAD_OPTIONS[name]
    table(tmp_path / "a.csv")
    line = refused(run(capsys, "fit", "a.csv", "--target", "y", "-q", *options), code)
    assert said in line
    assert left(tmp_path) == ["a.csv"]


BAD_RECIPES = {
    "not TOML": ("epochs is 3", "cannot be read"),
    "bytes": ("\udcff\udcfe", "cannot be read"),
    "unknown key": ("epoch = 3", "Did you mean 'epochs'"),
    "wrong type": ('epochs = "many"', "whole number"),
    "list for a number": ("epochs = [3]", "whole number"),
    "number for names": ("network = 5", "names"),
    "table for a number": ("[epochs]\na = 1", "whole number"),
    "deep": ("a = " + "[" * 5000, "cannot be read"),
}


@pytest.mark.parametrize("name", BAD_RECIPES)
def test_a_recipe_file_that_cannot_be_used_is_refused_before_any_data_is_read(capsys, tmp_path, name):
    text, said = BAD_RECIPES[name]
    (tmp_path / "r.toml").write_text(text, errors="surrogateescape")
    assert said in refused(run(capsys, "fit", "not-there.csv", "--target", "y", "--recipe", "r.toml"), "V100")
    assert said in refused(run(capsys, "recipe", "not-there.csv", "--target", "y", "--recipe", "r.toml"), "V100")


def test_unknown_verbs_and_missing_arguments_are_refused(capsys):
    refused(run(capsys, "fitt", "a.csv"), "V100")
    refused(run(capsys, "fit"), "V100")
    refused(run(capsys, "predict", "a.vouch"), "V100")
    refused(run(capsys, "demo", "cancr"), "V100")


def test_json_is_one_object_on_standard_output_also_when_progress_is_told(capsys, tmp_path):
    table(tmp_path / "a.csv")
    ran = fitted(run(capsys, "fit", "a.csv", "--target", "y", *QUICK, "--json"), tmp_path / "a.vouch")
    assert ran.out.count("\n") == 1
    assert set(json.loads(ran.out)) >= {"bundle", "task", "rows", "metrics", "baselines", "seconds"}
    assert "epoch" in ran.err
    ran = run(capsys, "recipe", "a.csv", "--target", "y", "--json")
    assert json.loads(ran.out)["recipe"]["epochs"]
    refused(run(capsys, "fit", "a.csv", "--target", "z", "--json"), "V205")
