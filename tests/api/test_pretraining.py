"""Learning without labels: what is looked at, what comes back, the same bits again, resuming, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

import vouch
from cli.running import refused, run
from helpers import FAST, rows
from vouch import store
from vouch.errors import BundleDamagedError, BundleError

QUICK = {"epochs": 2, "image_width": 8}
TEXTS = [
    f"the parcel {how} came late and was {what}"
    for how in ("red", "green", "blue", "small", "large") for what in ("opened", "kept", "lost", "sent", "sold")
] * 4  # fmt: skip


def pictures(count: int = 200) -> np.ndarray:
    return (load_digits().images[:count] * 15.9).astype(np.uint8)


MAKE = {
    "pictures": (lambda: {"x": pictures()}, QUICK, "views of a picture", {}),
    "table": (lambda: rows(200).drop("y"), {"epochs": 3, **FAST}, "columns that were taken", {}),
    "texts": (lambda: {"t": TEXTS}, {"epochs": 2, "batch_size": 32}, "hidden pieces", {"types": {"t": "text"}}),
    "letters": (
        lambda: {"t": TEXTS}, {"epochs": 2, "network": "transformer", "batch_size": 32}, "hidden pieces",
        {"types": {"t": "text"}},
    ),
    "mixed": (
        lambda: rows(100).drop("y").with_columns(t=pl.Series(TEXTS)), {"epochs": 1, **FAST},
        "hidden pieces of a text are guessed; columns that were taken", {"types": {"t": "text"}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MAKE)
def test_every_kind_of_data_can_be_learned_from(name: str, tmp_path: Path) -> None:
    data, settings, said, options = MAKE[name]
    made = vouch.pretrain(data(), settings=settings, out=tmp_path / "pre.vouch", **options)  # type: ignore[arg-type]
    assert said in made.objective
    again = vouch.pretrain(data(), settings=settings, **options)  # type: ignore[arg-type]
    assert again.backbone.digest == made.backbone.digest
    loaded = store.load_pretrained(tmp_path / "pre.vouch")
    assert loaded is not None
    assert (loaded.backbone.digest, loaded.objective, loaded.rows) == (made.backbone.digest, made.objective, made.rows)
    assert all(torch.equal(x, made.backbone.weights[key]) for key, x in loaded.backbone.weights.items())
    assert not any(key.startswith("head.") for key in loaded.backbone.weights)


@pytest.mark.parametrize("name", ["pictures", "table", "texts"])
def test_a_network_can_start_from_it(name: str) -> None:
    data, settings, _, options = MAKE[name]
    made = vouch.pretrain(data(), settings=settings, **options)  # type: ignore[arg-type]
    frame = data()
    count = len(next(iter(frame.values()))) if isinstance(frame, dict) else frame.height
    labels = np.array(["no", "yes"])[np.arange(count) % 2]
    given = {**frame, "y": labels} if isinstance(frame, dict) else frame.with_columns(y=pl.Series(labels))
    bundle = vouch.fit(given, "y", start=made, settings={"epochs": 2, "probe": 1.0}, proof=False, **options)  # type: ignore[arg-type]
    assert bundle.start is not None
    assert bundle.start.how == "no labels"
    state = bundle.network.state_dict()
    kept = {key for key, x in made.backbone.weights.items() if key in state and torch.equal(x, state[key])}
    assert {key.split(".")[0] for key in kept} >= {"embedders"}


def test_tables_are_learned_from() -> None:
    """Three columns that follow from each other: the loss falls well below that of guessing the share."""
    x = np.random.default_rng(0).normal(size=600)
    made = vouch.pretrain({"a": x, "b": -x, "c": x**3}, settings={"epochs": 25, **{"members": 4, "width": 64}})
    chance = -(0.3 * np.log(0.3) + 0.7 * np.log(0.7))
    assert min(epoch[2] for epoch in made.run.history) < 0.75 * chance


def test_labels_of_class_folders_are_not_looked_at(tmp_path: Path) -> None:
    x = pictures(60)
    for i, picture in enumerate(x):
        for place, name in ((tmp_path / "one", ("a", "b")[i % 2]), (tmp_path / "other", ("q", "r", "s")[i % 3])):
            (place / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(place / name / f"{i:03d}.png")
    first = vouch.pretrain(tmp_path / "one", settings=QUICK)
    assert [column.role for column in first.schema.columns] == ["feature", "ignored"]
    assert first.rows == (54, 6)
    bundle = vouch.fit(tmp_path / "other", start=first, settings={"epochs": 1}, proof=False)
    assert bundle.task.classes == ("q", "r", "s")


def test_rows_put_aside_for_testing_are_left_out(tmp_path: Path) -> None:
    for part, start in (("train", 0), ("test", 60)):
        for i, picture in enumerate(pictures(120)[start : start + 60]):
            place = tmp_path / part / ("a", "b")[i % 2]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(place / f"{i:03d}.png")
    made = vouch.pretrain(tmp_path, settings=QUICK)
    assert sum(made.rows) == 60
    assert any("puts aside for testing" in note.text for note in made.run.notes)


def test_it_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    settings = {"epochs": 3, **FAST}
    whole = vouch.pretrain(rows(150).drop("y"), settings=settings)

    def stop(event: str, /, **facts: float | int | str | None) -> None:
        if event == "epoch" and facts["epoch"] == 1:
            raise KeyboardInterrupt

    place = tmp_path / "pre.vouch"
    with pytest.raises(KeyboardInterrupt):
        vouch.pretrain(rows(150).drop("y"), settings=settings, out=place, progress=stop)
    again = vouch.pretrain(rows(150).drop("y"), settings=settings, out=place, resume=True)
    assert again.backbone.digest == whole.backbone.digest


def test_a_budget_ends_it(tmp_path: Path) -> None:
    del tmp_path
    made = vouch.pretrain({"x": pictures(300)}, budget="1s", settings={"image_width": 8})
    assert len(made.run.history) < made.backbone.recipe.epochs or made.backbone.recipe.epochs < 60


def test_what_was_made_predicts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows(60).drop("y").write_csv("a.csv")
    vouch.pretrain("a.csv", settings={"epochs": 1, **FAST}, out="pre.vouch")
    for arguments in (["predict", "pre.vouch", "a.csv"], ["audit", "pre.vouch"], ["label", "pre.vouch", "a.csv"]):
        assert "made without labels" in refused(run(capsys, *arguments), "V300")
    assert "made without labels" in refused(run(capsys, "fix", "pre.vouch", "overfitting"), "V300")
    with pytest.raises(BundleError, match="--from"):
        vouch.load("pre.vouch")


def test_a_damaged_one_is_refused(tmp_path: Path) -> None:
    vouch.pretrain(rows(60).drop("y"), settings={"epochs": 1, **FAST}, out=tmp_path / "pre.vouch")
    for name in ("weights.safetensors", "encoders.safetensors", "model.json"):
        place = tmp_path / f"{name}.vouch"
        shutil.copytree(tmp_path / "pre.vouch", place)
        (place / name).write_bytes((place / name).read_bytes()[:-9])
        with pytest.raises(BundleDamagedError):
            vouch.fit(rows(60), "y", start=place)


def test_the_command_says_what_was_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows(120).write_csv("a.csv")
    told = run(capsys, "pretrain", "a.csv", "--drop", "y", "-q", "--set", "epochs=2")
    assert told.code == 0
    assert "columns that were taken from another row are found" in told.out
    assert "vouch fit DATA --target COL --from a-pretrained.vouch" in told.out
    facts = json.loads(run(capsys, "pretrain", "a.csv", "--drop", "y", "-q", "--set", "epochs=2", "--json").out)
    assert facts["bundle"] == "a-pretrained.vouch"
    assert facts["rows"] == {"train": 108, "valid": 12}
    assert run(capsys, "fit", "a.csv", "--target", "y", "--from", "a-pretrained.vouch", "--set", "epochs=1").code == 0


def test_bad_input_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows(60).write_csv("a.csv")
    rows(5).write_csv("few.csv")
    for arguments, code, said in [
        (["a.csv", "--drop", "y,size,kind"], "V204", "one column alone"),
        (["a.csv", "--drop", "z"], "V204", "there is no column 'z'"),
        (["a.csv", "--drop", "y,size,kind,day"], "V204", "no column is left"),
        (["few.csv"], "V206", "too few rows"),
        (["nothing.csv"], "V201", "nothing.csv"),
        (["a.csv", "--set", "hidden=2"], "V100", "out of range"),
        (["a.csv", "--target", "y"], "V100", "--target"),
        (["a.csv", "--resume"], "V500", "nothing to resume"),
    ]:
        assert said in refused(run(capsys, "pretrain", *arguments, "-q"), code)
