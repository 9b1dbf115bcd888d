"""``vouch explain``: what it prints and writes, and what it refuses."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from cli.running import QUICK, left, refused, run, table
from explainers.asked import bundle
from explainers.pictured import pictures
from helpers import rows
from vouch.api import explain, fit, load, predict
from vouch.api.explaining import found_method
from vouch.api.predicting import as_bundle
from vouch.cli import main
from vouch.contracts.bundle import GroupRule, GroupShifts
from vouch.contracts.finding import Check, Estimate, Finding, Verdict
from vouch.contracts.proof import Audit
from vouch.errors import UsageError
from vouch.report.explained import explained_page

REFUSED = {
    ("--method", "shaply"): "Did you mean 'shapley'",
    ("--method", "grad_cam"): "expected one of shapley, integrated_gradients",
    ("--class", "yess"): "Did you mean 'yes'",
    ("--device", "cuda"): "expected auto or cpu",
    ("--what-if", "--fixed", "kindd"): "Did you mean 'kind'",
    ("--units", "3"): "none of its columns goes through a convolutional net",
    ("--units", "51"): "0<=x<=50",
    ("--units", "many"): "not a valid int",
    ("--background", "conditionl"): "Did you mean 'conditional'",
    ("--background", "conditional", "--method", "gradient"): "expected one of shapley, occlusion, lime",
    ("--together", "size,kindd"): "Did you mean 'kind'",
    ("--together", "size,kind", "--together", "day,size"): "the column 'size' stands twice",
    ("--together", "size,size"): "the column 'size' stands twice",
    ("--together", "size"): "fewer than two columns",
    ("--together", ""): "fewer than two columns",
    ("--rows", "60:70"): "expected rows from 0 to 59",
    ("--rows", "5:2"): "the data has no such rows",
    ("--rows", "a:b"): "numbers and slices from 0",
    ("--rows", "-3"): "numbers and slices from 0",
    ("--rows", ""): "numbers and slices from 0",
    ("--out", "why.txt"): ".csv",
    ("--out", "nowhere/why.html"): "cannot be written",
    ("--out", "a.csv"): "overwrite what is needed",
}


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("explain")
    table(place / "a.csv")
    assert main(["fit", str(place / "a.csv"), "--target", "y", "--out", str(place / "a.vouch"), "-q", *QUICK]) == 0
    return place


@pytest.fixture(autouse=True)
def _here(fitted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(fitted)


def test_json_has_what_the_contract_promises(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "explain", "a.vouch", "a.csv", "--rows", "0:2,7", "--json")
    found = json.loads(ran.out)
    assert ran.code == 0
    assert found["method"] == "shapley"
    assert [one["row"] for one in found["explanations"]] == [0, 1, 7]
    assert set(found["faithfulness"]) == {"insertion_less_deletion", "insertion", "deletion"}
    predicted = json.loads(run(capsys, "predict", "a.vouch", "a.csv", "--json").out)["predictions"]
    for one in found["explanations"]:
        assert set(one["attributions"]) == {"size", "kind", "day"}
        assert one["prediction"] == predicted[one["row"]]["prediction"]
        assert one["value"] == pytest.approx(predicted[one["row"]]["probability[yes]"], abs=1e-6)
        assert one["base_value"] + sum(one["attributions"].values()) == pytest.approx(one["value"], abs=1e-9)


def test_the_terminal_shows_the_largest_contributions_first(capsys: pytest.CaptureFixture[str]) -> None:
    lines = run(capsys, "explain", "a.vouch", "a.csv", "--rows", "3", "-q").out.splitlines()
    sizes = [abs(float(line.split()[0])) for line in lines[1:4]]
    assert lines[0].startswith("row 3: ")
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("name", ["why.html", "why.json", "why.csv", "why.parquet", "why.jsonl"])
def test_files_hold_every_row(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "explain", "a.vouch", "a.csv", "--rows", "0:4", "--out", name).code == 0
    if name.endswith("html"):
        assert Path(name).read_text().count('<section class="row">') == 4
    elif name.endswith("json"):
        assert len(json.loads(Path(name).read_text())["explanations"]) == 4
    else:
        read = {".csv": pl.read_csv, ".parquet": pl.read_parquet, ".jsonl": pl.read_ndjson}[Path(name).suffix]
        assert read(name).shape == (12, 7)
    Path(name).unlink()


@pytest.mark.parametrize("options", REFUSED, ids=" ".join)
def test_what_cannot_be_explained_is_refused_in_one_line(
    options: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = left(Path())
    ran = run(capsys, "explain", "a.vouch", "a.csv", *options)
    code = "V400" if options[1] in ("nowhere/why.html", "a.csv") else "V100"
    assert REFUSED[options] in refused(ran, code)
    assert left(Path()) == before


def test_without_the_training_data_the_rows_given_stand_in(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table(tmp_path / "b.csv")
    assert main(["fit", str(tmp_path / "b.csv"), "--target", "y", "--out", str(tmp_path / "b.vouch"), *QUICK]) == 0
    (tmp_path / "b.csv").unlink()
    monkeypatch.chdir(tmp_path)
    rows(20, seed=3).write_csv("new.csv")
    found = json.loads(run(capsys, "explain", "b.vouch", "new.csv", "--rows", "1", "--json").out)
    assert any("20 rows of the data stand in" in note for note in found["notes"])


def test_what_would_turn_a_decision_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "explain", "a.vouch", "a.csv", "--rows", "0:6", "--what-if", "--fixed", "day", "--json")
    predictions = set(pl.read_csv("a.csv")["y"])
    turned = [(one["prediction"], one["what_if"]) for one in json.loads(ran.out)["explanations"]]
    assert ran.code == 0
    assert any(found["changes"] for _, found in turned)
    for said, found in turned:
        assert all(change["part"] != "day" and change["before"] != change["after"] for change in found["changes"])
        if found["changes"]:
            assert found["prediction"] in predictions - {said}
            assert found["value"] > 0.5
            assert found["like"] is not None


def test_rows_that_bear_on_an_answer_are_training_rows(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "explain", "a.vouch", "a.csv", "--rows", "0:3", "--alike", "2", "--json")
    train = set(load("a.vouch").split.train.tolist())
    for one in json.loads(ran.out)["explanations"]:
        assert 2 <= len(one["alike"]) <= 4
        assert {row["row"] for row in one["alike"]} <= train
        assert one["alike"][0]["cosine"] == max(row["cosine"] for row in one["alike"])
    assert "training row" in run(capsys, "explain", "a.vouch", "a.csv", "--rows", "0", "--alike", "2", "-q").out


def test_a_page_shows_what_else_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "explain", "a.vouch", "a.csv", "--rows", "0:6", "--what-if", "--alike", "1", "--out", "more.html")
    page = Path("more.html").read_text()
    assert "It would be" in page
    assert page.count('<table class="alike">') == 6


@pytest.mark.parametrize(("background", "word"), [("marginal", "whatever"), ("conditional", "resemble")])
def test_the_background_is_stated_in_plain_words_everywhere(
    background: str, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("explain", "a.vouch", "a.csv", "--rows", "0:2", "--background", background)
    found = json.loads(run(capsys, *asked, "--json").out)
    assert found["background"] == background
    assert any(word in note and f"{background} background" in note for note in found["notes"])
    for one in found["explanations"]:
        assert one["base_value"] + sum(one["attributions"].values()) == pytest.approx(one["value"], abs=1e-9)
    assert f"({background} background)" in run(capsys, *asked, "-q").out
    run(capsys, *asked, "--out", "background.html")
    page = Path("background.html").read_text()
    assert f"<dt>Background</dt><dd>{background}" in page
    assert f"({background} background)" in page


def test_columns_that_are_together_are_one_part(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "explain", "a.vouch", "a.csv", "--rows", "0:2", "--together", "kind,size", "--what-if", "--json")
    cells = pl.read_csv("a.csv")
    for one in json.loads(ran.out)["explanations"]:
        assert set(one["attributions"]) == {"kind + size", "day"}
        assert one["base_value"] + sum(one["attributions"].values()) == pytest.approx(one["value"], abs=1e-9)
        # A change still goes column by column.
        assert {change["part"] for change in one["what_if"]["changes"]} <= set(cells.columns)
        assert all(change["before"] for change in one["what_if"]["changes"])
    told = run(capsys, "explain", "a.vouch", "a.csv", "--rows", "0", "--together", "kind,size", "-q").out
    assert f"kind + size = {cells['kind'][0]}; " in told


def test_a_conditional_background_is_not_what_an_audit_chose_a_method_for() -> None:
    told = Estimate("faithfulness[gradient]", 0.5, 0.4, 0.6, 60)
    check = Check("faithful_explanations", "pass", "0", estimates=(told,))
    audited = as_bundle(replace(load("a.vouch"), audit=Audit((Finding("black_box", "pass", "0", checks=(check,)),))))
    frame = pl.read_csv("a.csv")
    assert explain(audited, frame, rows="0").method == "gradient"
    assert explain(audited, frame, rows="0", background="conditional").method == "shapley"


def test_words_have_no_conditional_background() -> None:
    fitted, data = bundle("text")
    with pytest.raises(UsageError, match="leave a blank"):
        explain(fitted, data, rows="0", background="conditional")


def test_a_picture_and_a_column_may_be_together() -> None:
    fitted, data = bundle("mixed")
    found = explain(fitted, data, rows="0", method="occlusion", together=[["photo", "weight_kg"]], what_if=True)
    share = next(one for one in found.explanations[0].shares if " + " in one.part)
    assert share.part == share.column == "photo + weight_kg"
    assert not share.cell.startswith("data:")
    assert not any(one.part.startswith("photo[") for one in found.explanations[0].shares)
    assert explained_page(found, "parcels")


def test_many_rows_of_a_table_are_shown_as_dots(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "explain", "a.vouch", "a.csv", "--rows", "0:25", "--out", "many.html")
    page = Path("many.html").read_text()
    assert "Each dot is one of 25 rows" in page
    assert page.count('class="fill-high"') > 1
    run(capsys, "explain", "a.vouch", "a.csv", "--rows", "0:19", "--out", "few.html")
    assert "Each dot" not in Path("few.html").read_text()


def test_a_quantity_has_no_decision_to_turn(capsys: pytest.CaptureFixture[str]) -> None:
    rows(60, task="regression").write_csv("q.csv")
    assert main(["fit", "q.csv", "--target", "y", "--out", "q.vouch", "-q", *QUICK]) == 0
    ran = run(capsys, "explain", "q.vouch", "q.csv", "--what-if")
    assert ran.code == 2
    assert "has no decision" in ran.err


def test_what_the_network_looks_for_is_told_in_numbers_and_shown_on_the_page(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = pictures(tmp_path / "made", count=20)
    fit = ["fit", str(data), "--target", "kind", "--drop", "light", "--out", "p.vouch", "-q"]
    assert main([*fit, "--set", "image_width=16", *QUICK]) == 0
    ask = ("explain", "p.vouch", str(data), "--rows", "0:2", "--units", "2", "--method", "occlusion")
    ran = run(capsys, *ask, "--json", "--out", "seen.html", "-q")
    found, page = json.loads(ran.out)["synthesis"], Path("seen.html").read_text()
    assert ran.code == 0
    assert found["training_rows"] is True
    assert found["rows"] == len(load("p.vouch").split.train)
    assert [one["of"] for one in found["pictures"]] == ["class"] * 3 + ["unit"] * 2
    for one in found["pictures"]:
        strengths = [row["value"] for row in one["real"]]
        assert strengths == sorted(strengths, reverse=True)
        assert one["exceeds_shown"] == sum(one["value"] > value for value in strengths) / 5
        assert f'id="{one["picture"].removeprefix("seen.html#")}"' in page
    assert f"{found['steps']} steps" in page
    assert page.count('alt="made by the network"') == 5
    assert page.count('<figure class="first">') == 5
    assert "data:image" not in ran.out
    data.write_text(data.read_text().replace("across", "level"))
    told = run(capsys, *ask, "-q").out
    assert "strongest of 2 explained rows" in told
    assert re.search(r"^class across .* row \d", told, re.MULTILINE)
    assert run(capsys, *ask, "--out", "seen.json", "-q").code == 0
    assert json.loads(Path("seen.json").read_text())["synthesis"]["pictures"][0]["picture"] is None
    with pytest.raises(UsageError, match="1 to 50"):
        explain(load("p.vouch"), data, units=-1)


def test_the_method_is_the_one_that_an_audit_found_truest() -> None:
    def audited(verdict: Verdict) -> Audit:
        told = Estimate("faithfulness[occlusion]", 0.5, 0.4, 0.6, 60)
        check = Check("faithful_explanations", verdict, "0", estimates=(told,))
        return Audit((Finding("black_box", verdict, "0", checks=(check,)),))

    bundle = load("a.vouch")
    method, told = found_method(None, as_bundle(replace(bundle, audit=audited("pass"))))
    assert method is not None
    assert method.name == "occlusion"
    assert told
    named, _ = found_method("lime", as_bundle(replace(bundle, audit=audited("pass"))))
    assert named is not None
    assert named.name == "lime"
    assert found_method(None, as_bundle(replace(bundle, audit=audited("inconclusive")))) == (None, ())
    assert found_method(None, bundle) == (None, ())


def test_without_an_audit_the_method_is_one_that_a_reader_can_wait_for() -> None:
    assert explain(load("a.vouch"), pl.read_csv("a.csv"), rows="0").method == "shapley"
    words = [" ".join(["good" if row % 2 else "bad", f"number{row}"] + ["word"] * 40) for row in range(60)]
    letters = pl.DataFrame({"letter": words, "kind": ["yes", "no"] * 30})
    bundle = fit(letters, "kind", settings={"epochs": 1})
    found = explain(bundle, letters, rows="0")
    assert found.method == "integrated_gradients"
    assert any("passes of the network" in note for note in found.notes)
    assert explain(bundle, letters, rows="0", method="shapley").method == "shapley"


def test_a_bundle_that_shifts_its_answers_is_explained_beside_what_it_predicts() -> None:
    rule = GroupRule((), (), (), (), ("all rows",))
    moved = as_bundle(replace(load("a.vouch"), shifts=GroupShifts(rule, ((0.0, 50.0),), "demographic_parity", 60)))
    frame = pl.read_csv("a.csv")
    told = [one.prediction for one in explain(moved, frame, rows="0:9").explanations]
    assert told == predict(moved, frame)["prediction"][:9].to_list()
    assert set(told) == {"yes"}
    with pytest.raises(UsageError, match="thresholds of its own"):
        explain(moved, frame, what_if=True)
