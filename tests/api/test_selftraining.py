"""Unlabelled rows: the network labels those that it is sure of, and what it learns from them is kept if it helps."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_digits

import vouch
from cli.running import refused, run
from helpers import FAST, rows
from vouch.api.selftraining import balanced, sure_enough
from vouch.modalities.image import ImageEncoder


def digits() -> tuple[np.ndarray, np.ndarray]:
    found = load_digits()
    return (found.images * 15.9).astype(np.uint8), found.target.astype(str)


def notes(bundle: vouch.Bundle) -> str:
    return " ".join(note.text for note in bundle.run.notes)


def accuracy(bundle: vouch.Bundle) -> float:
    return next(one.value for one in bundle.evidence.metrics if one.name == "accuracy")


@pytest.mark.parametrize(("consistency", "said"), [(1.0, "changed a little and much"), (0.0, "the network labelled")])
def test_many_rows_without_a_label_help_where_labels_are_few(consistency: float, said: str) -> None:
    x, y = digits()
    some, test = {"x": x[:150], "y": y[:150]}, {"x": x[1200:], "y": y[1200:]}
    settings = {"image_width": 16, "epochs": 20, "consistency": consistency}
    alone = vouch.fit(some, "y", test=test, settings=settings)
    both = vouch.fit(some, "y", test=test, settings=settings, unlabelled={"x": x[150:1200]})
    assert said in notes(both)
    assert "kept: validation score" in notes(both)
    assert "not kept" not in notes(both)
    assert "Learning from them is proved to be better: accuracy from" in notes(both)
    assert accuracy(both) > accuracy(alone) + 0.02
    assert len(both.split.train) == len(alone.split.train)
    assert both.run.fingerprint == alone.run.fingerprint


def test_rows_of_other_kinds_are_labelled_once_whatever_consistency_says() -> None:
    frame, pool = rows(160), rows(200, 3).drop("y")
    settings = {**FAST, "epochs": 12}
    bundles = [
        vouch.fit(frame, "y", settings={**settings, "consistency": strength}, unlabelled=pool)
        for strength in (1.0, 0.0)
    ]
    assert all("the network labelled" in notes(bundle) for bundle in bundles)
    np.testing.assert_array_equal(bundles[0].predict_proba(frame), bundles[1].predict_proba(frame))


def test_views_that_make_it_worse_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Views that show another picture of the batch: the network is taught that any two are alike."""
    x, y = digits()
    some = {"x": x[:300], "y": y[:300]}
    monkeypatch.setattr(ImageEncoder, "view", lambda _, batch, __: batch.flip(0).float())
    settings = {"image_width": 16, "epochs": 20, "valid_fraction": 0.4}
    both = vouch.fit(some, "y", settings=settings, unlabelled={"x": x[300:1200]})
    assert "not kept: validation score" in notes(both)
    alone = vouch.fit(some, "y", settings=settings)
    np.testing.assert_array_equal(alone.predict_proba({"x": x[1200:1300]}), both.predict_proba({"x": x[1200:1300]}))


def test_the_time_that_is_left_bounds_the_second_training() -> None:
    x, y = digits()
    some, pool = {"x": x[:150], "y": y[:150]}, {"x": x[150:1200]}
    settings = {"image_width": 16, "epochs": 20}
    told = notes(vouch.fit(some, "y", settings=settings, unlabelled=pool, budget="10s"))
    assert int(re.search(r"over (\d+) epoch", told).group(1)) < 40  # type: ignore[union-attr]


def test_what_does_not_help_is_not_kept_and_said_so() -> None:
    """Noise for rows: nothing is learned, so the second network is no better."""
    rng = np.random.default_rng(0)
    frame = rows(200).with_columns(size=pl.Series(rng.normal(size=200)), kind=pl.lit("red"), day=pl.lit("2020-01-01"))
    pool = {"size": rng.normal(size=300), "kind": ["red"] * 300, "day": ["2020-01-01"] * 300}
    plain = vouch.fit(frame, "y", settings=FAST)
    bundle = vouch.fit(frame, "y", settings=FAST, unlabelled=pool)
    assert "nowhere is it sure enough" in notes(bundle) or "not kept" in notes(bundle)
    np.testing.assert_array_equal(plain.predict_proba(frame), bundle.predict_proba(frame))


def test_rows_that_are_held_out_are_never_learned_from() -> None:
    frame = rows(160)
    bundle = vouch.fit(frame, "y", settings=FAST, unlabelled=frame.drop("y"))
    held = len(bundle.split.valid) + len(bundle.split.test)
    assert f"{held} unlabelled rows that equal a row held out" in notes(bundle)


def test_the_recipe_gives_the_same_bits_again(tmp_path: Path) -> None:
    frame, pool = rows(160), rows(200, 3).drop("y")
    first = vouch.fit(frame, "y", settings={**FAST, "epochs": 12}, unlabelled=pool, out=tmp_path / "a.vouch")
    again = vouch.fit(frame, "y", recipe=str(tmp_path / "a.vouch"), unlabelled=pool)
    np.testing.assert_array_equal(first.predict_proba(frame), again.predict_proba(frame))
    assert ("--unlabelled", "UNLABELLED_DATA") in first.run.asked


def test_the_level_is_the_least_at_which_nearly_all_are_right() -> None:
    sure = np.linspace(1.0, 0.5, 101)
    decoded = np.stack([sure, 1 - sure], 1)
    truth = (sure < 0.8).astype(int)
    level, right = sure_enough(decoded, truth)
    taken = sure >= level
    assert right == pytest.approx((truth[taken] == 0).mean())
    assert right >= 0.95
    below = sure >= sure[sure < level].max()
    assert (truth[below] == 0).mean() < 0.95


def test_a_network_that_is_never_right_enough_labels_nothing() -> None:
    assert sure_enough(np.full((40, 2), 0.5), np.arange(40) % 2)[0] > 1
    assert sure_enough(np.array([[1.0, 0.0]] * 5), np.zeros(5, int))[0] > 1


def test_no_class_has_more_than_its_share() -> None:
    rng = np.random.default_rng(0)
    decoded = rng.dirichlet([9, 1, 1], 900)
    chosen = balanced(decoded, 0.6, np.array([0.5, 0.25, 0.25]), 400)
    said, sure = decoded[chosen].argmax(1), (decoded.max(1) >= 0.6).sum()
    assert np.bincount(said, minlength=3)[0] == np.ceil(0.5 * min(sure, 400))
    assert (decoded[chosen].max(1) >= 0.6).all()
    most = decoded.argmax(1) == 0
    left = np.setdiff1d(np.flatnonzero(most & (decoded.max(1) >= 0.6)), chosen)
    assert decoded[left].max(1).max() <= decoded[chosen][said == 0].max(1).min()


def test_bad_input_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows(80).write_csv("a.csv")
    rows(80, task="regression").write_csv("r.csv")
    rows(40, 1).drop("y", "kind").write_csv("lacks.csv")
    for data, other, code, said in [
        ("a.csv", "lacks.csv", "V204", "lacks the column 'kind'"),
        ("r.csv", "a.csv", "V100", "target of classes"),
        ("a.csv", "nothing.csv", "V201", "nothing.csv"),
    ]:
        ran = run(capsys, "fit", data, "--target", "y", "--unlabelled", other, "-q", "--out", "b.vouch")
        assert said in refused(ran, code)
    compared = ("--sensitive", "kind", "--set", "group_dro=1")
    ran = run(capsys, "fit", "a.csv", "--target", "y", "--unlabelled", "a.csv", *compared, "-q", "--out", "b.vouch")
    assert "where groups are compared in training" in refused(ran, "V100")
    assert not Path("b.vouch").exists()
    assert not Path("b.vouch.partial").exists()
