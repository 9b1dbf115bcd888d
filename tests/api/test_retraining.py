"""A remedy that trains anew on a bundle that was recalibrated: both sides of the proof are what a user would use."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import vouch
from vouch.api import fixing
from vouch.api.fixing import Proven
from vouch.api.measuring import remeasured
from vouch.api.predicting import Bundle, as_bundle
from vouch.auditing.search import Choice
from vouch.challenges.calibration.treat import REMEDIES
from vouch.contracts.bundle import Treatment
from vouch.testing import case_for


@pytest.fixture(scope="module")
def calibrated() -> Bundle:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1500, 3))
    y = np.where(rng.random(1500) < 1 / (1 + np.exp(-x[:, 0])), "yes", "no")
    frame = pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": y})
    bundle = vouch.fit(frame, "y", settings={"epochs": 3, "label_smoothing": 0.3})
    scale = next(one for one in REMEDIES if one.name == "scale_temperature")
    case = case_for(bundle)
    scaled = scale.treat(case, bundle, "")
    decoded = case.answered(scaled, bundle.split.test)
    made = remeasured(scaled, case.dataset, [block.encoded for block in case.blocks], decoded)
    done = replace(made, treatments=(Treatment("calibration", "scale_temperature", "", ""),))
    return as_bundle(done).known(None, bundle.at_hand)


@pytest.fixture
def proof(calibrated: Bundle, monkeypatch: pytest.MonkeyPatch) -> Proven:
    """Of the first strength of a remedy, whatever a search says of it."""

    def first(case, remedies, *_):
        return Choice((), remedies[0], remedies[0].strengths(case)[0])

    monkeypatch.setattr(fixing, "search", first)
    return vouch.fix(calibrated, "overfitting", remedy="raise_weight_decay", seeds=3)


def test_the_given_bundle_is_what_the_treated_one_is_held_against(calibrated: Bundle, proof: Proven) -> None:
    before = {one.name: one.value for one in proof.before}
    given = {one.name: one.value for one in calibrated.evidence.metrics}
    # The first of three seeds is the bundle itself, the others are recalibrated like it.
    case = case_for(as_bundle(replace(calibrated, calibrator=None)).known(None, calibrated.at_hand))
    by_itself = case.scored("test").losses.mean()
    assert by_itself > given["log_loss"] + 0.01
    assert before["log_loss"] == pytest.approx(given["log_loss"], abs=(by_itself - given["log_loss"]) / 2)


def test_the_treated_bundle_is_recalibrated_in_the_same_way(calibrated: Bundle, proof: Proven) -> None:
    treated = proof.bundle
    assert treated.calibrator is not None
    assert treated.calibrator.method == "temperature"
    assert treated.calibrator.parameters != calibrated.calibrator.parameters  # type: ignore[union-attr]
    assert [one.remedy for one in treated.treatments] == ["scale_temperature", "raise_weight_decay"]


def test_its_sealed_rows_are_scored_as_it_would_predict_them(proof: Proven) -> None:
    found = proof.bundle.predictions
    p = np.where(found["truth"] == "yes", found["probability[yes]"], found["probability[no]"])
    told = {one.name: one.value for one in proof.bundle.evidence.metrics}
    assert told["log_loss"] == pytest.approx(-np.log(p).mean(), abs=1e-6)
