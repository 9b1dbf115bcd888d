"""Folds and ensembles of a fit: no network predicts out of fold what it saw, and the bundle averages all of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import vouch
from cli.running import fitted, refused, run, table
from helpers import FAST, rows
from vouch.api import casing, fitting
from vouch.api.preparing import Ready, gather, prepare
from vouch.api.training import _parts as parts_of
from vouch.api.training import jobs_of, silent, with_trained
from vouch.data.encode import encode
from vouch.nets.network import outputs_of
from vouch.testing import case_for
from vouch.training.loop import train
from vouch.training.together import can_batch

SETTINGS = {**FAST, "patience": 0}
Trained = list[tuple[Ready, Ready]]


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> Trained:
    """What went into every training, and what came out."""
    found: Trained = []

    def watched(ready: Ready) -> Ready:
        found.append((ready, with_trained(ready)))
        return found[-1][1]

    monkeypatch.setattr(fitting, "with_trained", watched)
    return found


GROUPED = rows(200).with_columns(who=pl.int_range(200) // 4)
OPTIONS: dict[str, dict[str, Any]] = {"stratified": {}, "grouped": {"group": "who"}, "by time": {"time": "day"}}


@pytest.mark.parametrize("kind", OPTIONS)
def test_a_network_never_saw_the_rows_that_it_predicts(kind: str, trainings: Trained) -> None:
    frame = GROUPED if kind == "grouped" else rows(200)
    bundle = vouch.fit(frame, "y", folds=4, settings=SETTINGS, **OPTIONS[kind])
    ready, _ = trainings[0]
    assert ready.fold is not None
    jobs = jobs_of(ready, None, silent)
    assert len(jobs) == 4
    days = ready.dataset.frame["day"].to_numpy()
    for number, (job, (_, valid)) in enumerate(zip(jobs, parts_of(ready), strict=True)):
        held = np.flatnonzero(ready.fold == number)
        learned = job.rows.numpy()
        assert len(held)
        assert not np.isin(held, learned).any()
        assert not np.isin(bundle.split.test, learned).any()
        # Nor did they decide when to stop.
        assert not np.isin(held, valid).any()
        if kind == "by time":
            assert days[learned].max() <= days[held].min()


def test_folds_hold_the_classes_in_proportion_and_every_row_that_is_not_sealed(trainings: Trained) -> None:
    bundle = vouch.fit(rows(300), "y", folds=5, settings=SETTINGS)
    fold = trainings[0][0].fold
    assert fold is not None
    unsealed = np.sort(np.concatenate([bundle.split.train, bundle.split.valid]))
    assert np.array_equal(np.flatnonzero(fold >= 0), unsealed)
    assert np.bincount(fold[unsealed]).tolist() == pytest.approx([len(unsealed) / 5] * 5, abs=2)
    yes = (rows(300)["y"] == "yes").to_numpy()
    shares = [float(yes[fold == number].mean()) for number in range(5)]
    assert shares == pytest.approx([float(yes[unsealed].mean())] * 5, abs=0.05)


def test_rows_that_belong_together_are_in_one_fold(trainings: Trained) -> None:
    vouch.fit(GROUPED, "y", folds=3, group="who", settings=SETTINGS)
    fold = trainings[0][0].fold
    assert fold is not None
    assert all(len(set(fold[4 * k : 4 * k + 4].tolist())) == 1 for k in range(50))


def test_out_of_fold_figures_are_those_of_the_kept_predictions() -> None:
    bundle = vouch.fit(rows(200), "y", folds=4, settings=SETTINGS)
    kept = bundle.out_of_fold
    assert kept is not None
    assert np.array_equal(kept["row"].to_numpy(), np.sort(np.concatenate([bundle.split.train, bundle.split.valid])))
    truth = (rows(200)["y"] == "yes").to_numpy()[kept["row"].to_numpy()]
    right = float(((kept["said[1]"].to_numpy() > 0.5) == truth).mean())
    told = {one.name: one for one in bundle.evidence.out_of_fold}
    assert told["accuracy"].value == pytest.approx(right)
    assert told["accuracy"].low < right < told["accuracy"].high
    assert told["accuracy"].n == len(kept)


def test_the_kept_prediction_of_a_row_is_that_of_the_network_of_its_fold(trainings: Trained) -> None:
    bundle = vouch.fit(rows(200), "y", folds=4, settings=SETTINGS)
    _, done = trainings[0]
    kept = bundle.out_of_fold
    assert kept is not None
    for number, network in enumerate(done.networks):
        part = kept.filter(pl.col("fold") == number)
        decoded = done.task.decode(outputs_of(network, [x[part["row"].to_list()] for x in done.inputs]))
        assert np.array_equal(decoded, part.select("said[0]", "said[1]").to_numpy())


def test_folds_in_time_leave_the_first_rows_unpredicted_and_keep_figures_alone() -> None:
    bundle = vouch.fit(rows(300), "y", folds=3, time="day", settings=SETTINGS)
    assert bundle.out_of_fold is None
    n = {one.n for one in bundle.evidence.out_of_fold if one.name == "accuracy"}
    assert n == {len(bundle.split.train) - len(bundle.split.train) // 2}


@pytest.mark.parametrize("options", [{"folds": 3}, {"ensemble": 3}], ids=lambda options: next(iter(options)))
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_the_bundle_averages_its_networks_and_comes_back_with_the_same_bits(
    options: dict[str, Any], task: str, trainings: Trained, tmp_path: Path
) -> None:
    frame = rows(200, task=task)
    bundle = vouch.fit(frame, "y", settings=SETTINGS, out=tmp_path / "a.vouch", **options)
    _, done = trainings[0]
    inputs = encode(done.dataset.frame, bundle.encoders)
    single = np.mean([done.task.decode(outputs_of(network, inputs)) for network in done.networks], axis=0)
    whole = done.task.decode(outputs_of(bundle.network, inputs))
    assert np.allclose(whole, single, atol=1e-6)
    again = vouch.load(tmp_path / "a.vouch")
    first, second = (vouch.predict(one, frame) for one in (bundle, again))
    assert first.equals(second)
    assert again.evidence.out_of_fold == bundle.evidence.out_of_fold


def test_an_ensemble_is_of_the_networks_that_its_seeds_give_alone(trainings: Trained) -> None:
    vouch.fit(rows(200), "y", ensemble=3, seed=5, settings=SETTINGS)
    ready, done = trainings[0]
    assert can_batch(jobs_of(ready, None, silent))
    dataset, schema = gather(rows(200), "y", {})
    fresh = prepare(dataset, schema, {"seed": 5, "ensemble": 3, "settings": SETTINGS})
    jobs = jobs_of(replace(fresh, recipe=replace(fresh.recipe, precision="float32")), None, silent)
    for job, network in zip(jobs, done.networks, strict=True):
        train(job)
        pairs = zip(job.network.state_dict().values(), network.state_dict().values(), strict=True)
        assert all(np.allclose(a.detach(), b.detach(), atol=2e-3) for a, b in pairs)
    assert [job.recipe.seed for job in jobs] == [5, 6, 7]


def test_an_audit_takes_the_predictions_that_the_folds_left(monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = vouch.fit(rows(200), "y", folds=4, settings=SETTINGS)

    def refuse(*_: object) -> None:
        raise AssertionError("a network was trained")

    monkeypatch.setattr(casing, "train", refuse)
    monkeypatch.setattr(casing, "train_together", refuse)
    scored = case_for(bundle).out_of_fold()
    kept = bundle.out_of_fold
    assert kept is not None
    assert np.array_equal(scored.rows, kept["row"].to_numpy())
    assert np.array_equal(scored.fold, kept["fold"].to_numpy())
    assert np.array_equal(scored.decoded, kept.select("said[0]", "said[1]").to_numpy())


def test_a_bundle_of_folds_can_be_audited(tmp_path: Path) -> None:
    rows(200).write_csv(tmp_path / "a.csv")
    vouch.fit(tmp_path / "a.csv", "y", folds=3, settings=SETTINGS, out=tmp_path / "a.vouch")
    audit = vouch.audit(tmp_path / "a.vouch")
    assert {"calibration", "data_quality", "overfitting"} <= {one.challenge for one in audit.findings}
    assert not any("could not be" in one.headline for one in audit.findings)


def test_the_command_tells_figures_out_of_fold_with_intervals(capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = table(tmp_path / "a.csv", 120)
    quick = ("--set", "epochs=2", "--set", "members=2", "--set", "width=16")
    ran = run(capsys, "fit", path, "--target", "y", "--folds", 3, *quick, "--json", "-q")
    told = json.loads(fitted(ran, tmp_path / "a.vouch").out)["out_of_fold"]
    assert told["accuracy"]["low"] <= told["accuracy"]["value"] <= told["accuracy"]["high"]
    assert "out of fold" in run(capsys, "fit", path, "--target", "y", "--folds", 3, *quick, "-q").out
    plain = run(capsys, "fit", path, "--target", "y", "--ensemble", 2, *quick, "--json", "-q")
    assert json.loads(plain.out)["out_of_fold"] == {}


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        (("--folds", "1"), "V100", "one fold leaves no rows"),
        (("--folds", "3", "--ensemble", "2"), "V100", "'folds' trains one network for each fold"),
        (("--folds", "-1"), "V100", "out of range"),
        (("--ensemble", "0"), "V100", "out of range"),
        (("--folds", "60"), "V206", "fewer rows than folds"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, tuple) else "",
)
def test_folds_that_make_no_sense_are_refused(capsys, tmp_path, monkeypatch, asked, code, said) -> None:
    monkeypatch.chdir(tmp_path)
    path = table(tmp_path / "a.csv", 60)
    assert said in refused(run(capsys, "fit", path, "--target", "y", *asked, "-q"), code)
    assert not (tmp_path / "a.vouch").exists()


def test_a_first_fold_with_few_rows_gets_no_empty_batch() -> None:
    frame = rows(60)
    bundle = vouch.fit(frame, "y", time="day", folds=4, settings={**SETTINGS, "batch_size": 1})
    assert bundle.evidence.out_of_fold
