"""Bundles that cannot be used, and rows that cannot be predicted: one clear line, exit code 2, nothing half-written."""

from __future__ import annotations

import json
import os
import shutil

import polars as pl
import pytest

import vouch
from cli.running import left, refused, run
from helpers import rows

FAST = {"epochs": 1, "members": 2, "width": 16}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    place = tmp_path_factory.mktemp("bundles") / "a.vouch"
    vouch.fit(rows(60), "y", settings=FAST, out=place)
    return place


@pytest.fixture(autouse=True)
def bundle(saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows(10, seed=5).write_csv("new.csv")
    return shutil.copytree(saved, tmp_path / "a.vouch")


def predict(capsys, *options):
    return run(capsys, "predict", "a.vouch", "new.csv", *options)


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors", "encoders.safetensors", "predictions.parquet"])
@pytest.mark.parametrize("harm", ["truncated", "emptied", "altered", "absent", "a folder"])
def test_a_bundle_that_is_damaged_is_refused(capsys, bundle, name, harm):
    file = bundle / name
    content = file.read_bytes()
    middle = len(content) // 2
    file.unlink()
    if harm == "truncated":
        file.write_bytes(content[:middle])
    elif harm == "emptied":
        file.touch()
    elif harm == "altered":
        file.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    elif harm == "a folder":
        file.mkdir()
    absent = name == "model.json" and harm in ("absent", "a folder")
    refused(predict(capsys, "-o", "p.csv"), "V301" if absent else "V302")
    assert left(bundle.parent) == ["a.vouch", "new.csv"]


def test_a_figure_that_was_polished_by_hand_is_noticed(capsys, bundle):
    facts = json.loads((bundle / "model.json").read_text())
    facts["model"]["evidence"]["metrics"][0]["value"] = 1.0
    (bundle / "model.json").write_text(json.dumps(facts))
    assert "altered" in refused(predict(capsys), "V302")


def test_a_bundle_of_a_newer_version_is_refused(capsys, bundle):
    facts = json.loads((bundle / "model.json").read_text())
    (bundle / "model.json").write_text(json.dumps({**facts, "format": 99}))
    assert "Upgrade" in refused(predict(capsys), "V303")


@pytest.mark.parametrize("number", [0, -1, "x", None, [1], 1e400, True])
def test_a_format_that_is_none_is_refused(capsys, bundle, number):
    facts = json.loads((bundle / "model.json").read_text())
    (bundle / "model.json").write_text(json.dumps({**facts, "format": number}))
    ran = predict(capsys)
    if number is not True:
        refused(ran, "V302")


def test_what_is_no_bundle_is_refused(capsys, tmp_path):
    refused(run(capsys, "predict", "none.vouch", "new.csv"), "V301")
    refused(run(capsys, "predict", "new.csv", "new.csv"), "V301")
    refused(run(capsys, "predict", tmp_path, "new.csv"), "V301")


@pytest.mark.parametrize("name", ["p.txt", "p", "p.xlsx", ".csv"])
def test_an_output_of_another_ending_is_refused(capsys, tmp_path, name):
    assert ".parquet" in refused(predict(capsys, "-o", name), "V100")
    assert left(tmp_path) == ["a.vouch", "new.csv"]


@pytest.mark.parametrize("place", ["none/p.csv", "new.csv/p.csv", "/proc/p.csv", "folder.csv", "x" * 300 + ".csv"])
def test_an_output_that_cannot_be_written_is_refused_before_anything_is_predicted(capsys, tmp_path, place):
    (tmp_path / "folder.csv").mkdir()
    refused(run(capsys, "predict", "a.vouch", "not-there.csv", "-o", place), "V400")
    assert left(tmp_path) == ["a.vouch", "folder.csv", "new.csv"]


def test_predictions_are_written_whole_in_each_ending(capsys, tmp_path):
    for name in ("p.csv", "p.parquet", "p.jsonl", "P.CSV"):
        assert predict(capsys, "-o", name).code == 0
    assert pl.read_csv("p.csv").equals(pl.read_csv("P.CSV"))
    assert pl.read_parquet("p.parquet").height == pl.read_ndjson("p.jsonl").height == 10
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_rows_that_cannot_be_predicted_are_refused(capsys, tmp_path):
    (tmp_path / "empty.csv").touch()
    (tmp_path / "header.csv").write_text("size,kind,day\n")
    pl.DataFrame({"other": range(30)}).write_csv("other.csv")
    files = left(tmp_path)
    for name, code in (("empty.csv", "V202"), ("header.csv", "V202"), ("other.csv", "V204"), ("none.csv", "V201")):
        refused(run(capsys, "predict", "a.vouch", name, "-o", "p.csv", "--json"), code)
    assert left(tmp_path) == files
    assert "tpu" in refused(predict(capsys, "--device", "tpu"), "V100")
    refused(predict(capsys, "--devices", "cpu"), "V100")


def test_cells_of_another_kind_than_in_training_are_counted_as_missing(capsys):
    rows(10).with_columns(size=pl.lit("much"), day=pl.lit(3.5)).write_csv("odd.csv")
    ran = run(capsys, "predict", "a.vouch", "odd.csv", "--json", "-q")
    facts = json.loads(ran.out)
    assert facts["rows"] == 10
    assert any("10 cells of 'size'" in note for note in facts["notes"])
    assert all(row["prediction"] in ("no", "yes") for row in facts["predictions"])
    frame = rows(10).with_columns(size=pl.Series([True, False] * 5), kind=pl.lit(3), day=pl.lit([1, 2]))
    frame.write_parquet("odd.parquet")
    assert run(capsys, "predict", "a.vouch", "odd.parquet", "--json", "-q").code == 0


def test_json_is_one_object_also_when_notes_are_told(capsys):
    rows(10).drop("size").write_csv("less.csv")
    ran = run(capsys, "predict", "a.vouch", "less.csv", "--json")
    assert ran.out.count("\n") == 1
    assert json.loads(ran.out)["rows"] == 10
    assert "'size' is absent" in ran.err


def test_a_recipe_is_taken_from_a_bundle_and_not_from_a_damaged_one(capsys, bundle):
    rows(60).write_csv("a.csv")
    ran = run(capsys, "recipe", "a.csv", "--target", "y", "--recipe", "a.vouch", "--json")
    assert json.loads(ran.out)["recipe"]["width"] == 16
    (bundle / "model.json").write_text('{"model": {"recipe": [1]}}')
    refused(run(capsys, "recipe", "a.csv", "--target", "y", "--recipe", "a.vouch"), "V100")
