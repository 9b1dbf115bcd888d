"""Starting from another bundle: the same bits again, what the bundle remembers, the proof, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.datasets import load_digits

import vouch
from cli.running import refused, run
from helpers import FAST, rows
from vouch.cli import main
from vouch.errors import BundleDamagedError, ColumnError, UsageError

QUICK = {"epochs": 3, "image_width": 8}


def digits() -> tuple[np.ndarray, np.ndarray]:
    found = load_digits()
    return (found.images * 15.9).astype(np.uint8), found.target


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that tells small digits apart."""
    x, y = digits()
    place = tmp_path_factory.mktemp("known") / "small.vouch"
    vouch.fit({"x": x[y < 5][:300], "y": y[y < 5][:300].astype(str)}, "y", settings=QUICK, out=place)
    return place


def large(count: int = 120) -> dict[str, np.ndarray]:
    """The larger digits, in another size and in colour."""
    x, y = digits()
    twice = x[y >= 5][:count].repeat(2, 1).repeat(2, 2)
    return {"x": np.stack([twice] * 3, -1), "y": y[y >= 5][:count].astype(str)}


@pytest.fixture(scope="module")
def started(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> vouch.Bundle:
    out = tmp_path_factory.mktemp("new") / "large.vouch"
    return vouch.fit(large(), "y", start=pictures, settings={"epochs": 4}, out=out)


def test_pictures_of_another_size_are_brought_to_that_of_the_net(started: vouch.Bundle) -> None:
    options = started.schema.features[0].options
    assert (options["height"], options["width"], options["channels"]) == (8, 8, 1)
    assert started.predict(large(5)).shape == (5,)


def test_the_bundle_remembers_what_it_started_from(started: vouch.Bundle, pictures: Path) -> None:
    loaded = vouch.load(str(started.place))
    assert loaded.start is not None
    assert loaded.start.name == "small.vouch"
    assert loaded.recipe.start == loaded.start.title
    before = vouch.load(pictures).network.state_dict()
    assert all(torch.equal(x, before[name]) for name, x in loaded.start.weights.items())
    assert ("--from", str(pictures)) in loaded.run.asked


def test_the_bundle_does_not_need_the_one_that_it_started_from(started: vouch.Bundle, tmp_path: Path) -> None:
    place = tmp_path / "moved.vouch"
    shutil.copytree(str(started.place), place)
    loaded = vouch.load(place)
    np.testing.assert_array_equal(loaded.predict_proba(large()), started.predict_proba(large()))
    found = vouch.audit(loaded, data=large(), only=["overfitting"])
    assert found.findings[0].challenge == "overfitting"
    assert [one.challenge for one in found.proofs] == ["transfer"]


def test_the_recipe_of_the_bundle_gives_the_same_bits_again(started: vouch.Bundle, pictures: Path) -> None:
    again = vouch.fit(large(), "y", start=pictures, recipe=str(started.place), proof=False)
    pairs = zip(again.network.state_dict().values(), started.network.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_the_recipe_of_the_bundle_needs_what_it_started_from(started: vouch.Bundle) -> None:
    with pytest.raises(UsageError, match=r"--from small\.vouch"):
        vouch.fit(large(), "y", recipe=str(started.place))


def test_another_bundle_is_not_taken_for_the_one_of_the_recipe(started: vouch.Bundle) -> None:
    with pytest.raises(UsageError, match="other weights"):
        vouch.fit(large(), "y", recipe=str(started.place), start=started)


def test_what_it_was_worth_is_proved_and_the_look_counted(started: vouch.Bundle) -> None:
    assert started.audit is not None
    proof = started.audit.proofs[0]
    assert (proof.challenge, proof.remedy, proof.strength) == ("transfer", "start_from", "small.vouch")
    assert proof.differences[0].name == "accuracy"
    assert proof.headline.startswith(
        {"better": "Starting from", "worse": "Starting", "no evidence": "There is no evidence"}[proof.verdict]
    )
    assert [look.by for look in started.looks] == ["fit", "transfer"]
    assert "start from (small.vouch)" in (Path(str(started.place)) / "report.html").read_text().lower()
    assert "small.vouch" in (Path(str(started.place)) / "card.md").read_text()


def test_weights_that_mislead_are_said_to_hurt() -> None:
    """A backbone whose every weight is destroyed, and a recipe that never lets it learn."""
    frame = rows(900)
    known = vouch.fit(frame, "y", settings=FAST)
    with torch.no_grad():
        for weight in known.network.parameters():
            weight.zero_()
    bundle = vouch.fit(frame, "y", start=known, settings={"epochs": 8, "probe": 1.0})
    assert bundle.audit is not None
    proof = bundle.audit.proofs[0]
    assert proof.verdict == "worse"
    assert "hurts" in proof.headline
    assert proof.differences[0].high < 0


def test_the_command_says_it_for_readers_and_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows(160).write_csv("a.csv")
    rows(160, 1, "multiclass").write_csv("b.csv")
    quick = ["-q", "--set", "epochs=2"]
    assert main(["fit", "a.csv", "--target", "y", *quick]) == 0
    capsys.readouterr()
    assert main(["fit", "b.csv", "--target", "y", "--from", "a.vouch", *quick]) == 0
    assert "tarting from 'a.vouch'" in capsys.readouterr().out
    assert main(["fit", "b.csv", "--target", "y", "--from", "a.vouch", "--json", *quick]) == 0
    told = json.loads(capsys.readouterr().out)["transfer"]
    assert told["source"] == "a.vouch"
    assert told["low"] <= told["difference"] <= told["high"]
    assert told["verdict"] in ("better", "no evidence", "worse")
    assert main(["fit", "b.csv", "--target", "y", "--from", "a.vouch", "--no-proof", "--json", *quick]) == 0
    assert json.loads(capsys.readouterr().out)["transfer"]["verdict"] is None
    assert main(["recipe", "b.csv", "--target", "y", "--from", "a.vouch"]) == 0
    assert 'start = "a.vouch@' in capsys.readouterr().out


def test_without_sealed_rows_nothing_is_proved() -> None:
    known = vouch.fit(rows(80), "y", settings=FAST)
    bundle = vouch.fit(rows(80, 1), "y", start=known, settings={"epochs": 1, "test_fraction": 0})
    assert bundle.audit is None
    assert "too few to tell" in bundle.evidence.notes[-1]


def test_bad_starts_are_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pictures: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    rows(80).write_csv("a.csv")
    rows(80).rename({"size": "p", "kind": "q", "day": "r"}).write_csv("other.csv")
    vouch.fit("a.csv", "y", settings=FAST, out="a.vouch")
    shutil.copytree("a.vouch", "cut.vouch")
    Path("cut.vouch/weights.safetensors").write_bytes(b"")
    for options, code, said in [
        ("--from nothing.vouch", "V301", "there is no bundle"),
        ("--from cut.vouch", "V302", "missing or was altered"),
        (f"--from {pictures}", "V204", "knows none of the columns"),
        ("--from a.vouch --backbone x", "V100", "two things to start from"),
        ("--from a.vouch --set width=7", "V100", "recipe key 'width' follows from 'a.vouch'"),
        ("--set start=b.vouch@12", "V100", "not given"),
    ]:
        assert said in refused(run(capsys, "fit", "a.csv", "-q", "--target", "y", *options.split()), code)
    other = run(capsys, "fit", "other.csv", "-q", "--target", "y", "--from", "a.vouch")
    assert "knows none" in refused(other, "V204")


def test_python_gets_the_same_errors() -> None:
    known = vouch.fit(rows(60), "y", settings=FAST)
    frame = rows(60).select(pl.col("size").alias("other"), "y")
    with pytest.raises(ColumnError, match="knows none"):
        vouch.fit(frame, "y", start=known)
    with pytest.raises(UsageError, match="nothing to start from"):
        vouch.fit(frame, "y", start=3)  # type: ignore[arg-type]


def test_a_start_that_was_altered_is_not_loaded(started: vouch.Bundle, tmp_path: Path) -> None:
    place = tmp_path / "altered.vouch"
    shutil.copytree(str(started.place), place)
    weights = place / "start.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(BundleDamagedError, match=r"start\.safetensors"):
        vouch.load(place)
