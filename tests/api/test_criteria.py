"""A fix that is judged by gaps between groups: what decides, what it may cost, and what becomes of the bundle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vouch
from challenges.fairness.people import QUICK, bundle, people
from vouch import store
from vouch.api.explaining import explain
from vouch.api.labelling import label
from vouch.api.predicting import predict_with_notes
from vouch.errors import UsageError
from vouch.report import pages

PARITY = "demographic_parity_difference"


@pytest.fixture(scope="module")
def proof() -> Any:
    return vouch.fix(
        bundle(), "fairness", criterion="demographic_parity", remedy="shift_thresholds_by_group", max_loss="20%"
    )


def selected(given: vouch.Bundle, frame: Any) -> float:
    said = given.predict(frame) == "yes"
    women = (frame["sex"] == "f").to_numpy()
    return abs(float(said[women].mean() - said[~women].mean()))


def test_the_named_gap_is_the_claim_and_other_gaps_and_metrics_are_the_price(proof: Any) -> None:
    assert (proof.criterion, proof.chosen_by, proof.verdict) == (PARITY, PARITY, "better")
    assert proof.before[0].name == PARITY
    assert proof.after[0].value < 0.4 * proof.before[0].value
    price = {one.name for one in proof.price}
    assert {"accuracy", "ece", "equalized_odds_difference", "predictive_parity_difference"} <= price


def test_the_gap_shrinks_for_new_people_too(proof: Any) -> None:
    new = people(4000, seed=7)
    assert selected(proof.bundle, new) < 0.4 * selected(bundle(), new)


def test_a_shifted_bundle_answers_the_same_after_it_was_stored(proof: Any, tmp_path: Path) -> None:
    place = proof.bundle.save(tmp_path / "a.vouch")
    new = people(50, seed=3)
    assert vouch.load(place).shifts == proof.bundle.shifts
    assert vouch.predict(vouch.load(place), new).equals(vouch.predict(proof.bundle, new))


@pytest.mark.parametrize("broken", [{"shifts": ((0.0,),)}, {"criterion": "x", "shifts": ()}])
def test_shifts_that_do_not_fit_the_bundle_are_refused(proof: Any, broken: dict, tmp_path: Path) -> None:
    wrong = replace(proof.bundle, shifts=replace(proof.bundle.shifts, **broken))
    place = store.save(wrong, tmp_path / "a.vouch")
    with pytest.raises(vouch.errors.BundleDamagedError):
        vouch.load(place)


def test_rows_of_unknown_groups_are_answered_as_before_and_counted(proof: Any) -> None:
    new = people(60, seed=3).with_columns(sex=np.array(["x"] * 60))
    frame, notes = predict_with_notes(proof.bundle, new)
    assert frame.equals(predict_with_notes(replace(proof.bundle, shifts=None), new)[0])
    assert any("60 rows are of a group that the bundle does not know" in note.text for note in notes)


def test_a_ranking_shows_the_answers_that_predict_gives(proof: Any) -> None:
    new = people(60, seed=3).drop("y")
    ranked = label(proof.bundle, new, rows=60).sort("row")
    assert ranked["prediction"].to_list() == vouch.predict(proof.bundle, new)["prediction"].to_list()


def test_an_explanation_says_that_it_is_of_the_answer_before_the_shift(proof: Any) -> None:
    found = explain(proof.bundle, people(20, seed=3), rows="0:2")
    assert any("before the bundle moves its answers" in note for note in found.notes)
    before = explain(bundle(), people(20, seed=3), rows="0:2")
    assert found.explanations[0].value == pytest.approx(before.explanations[0].value)


def test_the_card_says_that_probabilities_are_no_frequencies_and_columns_are_needed(proof: Any) -> None:
    card = pages(proof.bundle)["card.md"]
    assert "probabilities are no frequencies any more" in card
    assert "needed in prediction" in card


def test_the_front_shows_every_trial_and_both_states_of_the_sealed_rows(proof: Any) -> None:
    (figure,) = proof.figures
    kinds = [row["kind"] for row in figure.spec["data"]["values"]]
    assert len(kinds) == len(proof.trials) + 2
    assert sum("chosen, " in kind for kind in kinds) == 1
    named = [row["label"] for row in figure.spec["data"]["values"] if row["label"].isdecimal()]
    best = min(range(1, len(proof.trials)), key=lambda i: proof.trials[i].score)
    assert str(best) in named
    assert len(named) < len(proof.trials) - 1
    assert "proof_A_front" in pages(proof.bundle)["figures.json"]


def test_a_bundle_that_is_shifted_is_not_trained_anew(proof: Any) -> None:
    with pytest.raises(UsageError, match="shifted by group"):
        vouch.fix(proof.bundle, "overfitting", remedy="raise_dropout")


def test_what_would_cost_more_than_may_be_lost_changes_nothing() -> None:
    found = vouch.fix(
        bundle(), "fairness", criterion="demographic_parity", remedy="shift_thresholds_by_group", max_loss=0
    )
    assert (found.remedy, found.before) == ("nothing", ())
    assert found.bundle.shifts is None
    assert all(one.why for one in found.trials[1:])


def test_two_points_of_accuracy_may_be_lost_when_nothing_is_said() -> None:
    found = vouch.fix(bundle(), "fairness", criterion="demographic_parity", remedy="shift_thresholds_by_group")
    nothing = found.trials[0].main
    for one in found.trials[1:]:
        assert ("costs more than 2 points of accuracy" in one.why) == (one.main < nothing - 0.02 - 1e-9)
    assert any("more than 2 points of accuracy" in note for note in found.notes)


@pytest.mark.parametrize(
    ("task", "criterion", "most"),
    [("binary", "equalized_odds", "2 points of accuracy"), ("regression", "error_parity", "2 % of RMSE")],
)
def test_each_task_has_a_criterion_and_a_limit_of_its_own(task: str, criterion: str, most: str) -> None:
    remedy = "shift_thresholds_by_group" if task == "binary" else "reweigh_groups"
    found = vouch.fix(bundle(task), "fairness", remedy=remedy, seeds=3)
    assert found.criterion == f"{criterion}_difference"
    assert any(f"more than {most} on" in note for note in found.notes)


def test_an_unknown_criterion_is_told_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean 'demographic_parity'"):
        vouch.fix(bundle(), "fairness", criterion="demografic_parity")


def test_without_a_sensitive_column_it_says_how_to_name_one() -> None:
    with pytest.raises(UsageError, match="--sensitive"):
        vouch.fix(bundle(sensitive=()), "fairness")


def test_a_calibrated_bundle_stays_calibrated_under_the_shifts() -> None:
    smoothed = vouch.fit(people(), "y", sensitive=("sex",), settings={**QUICK, "label_smoothing": 0.4})
    scaled = vouch.fix(smoothed, "calibration", remedy="scale_temperature", criterion="log_loss").bundle
    assert scaled.calibrator is not None
    found = vouch.fix(
        scaled, "fairness", criterion="demographic_parity", remedy="shift_thresholds_by_group", max_loss="20%"
    )
    assert found.bundle.calibrator == scaled.calibrator
