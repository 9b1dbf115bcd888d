"""Remedies of fairness: each changes what it says, by the group that a row is in, and nothing of what is sealed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from challenges.fairness.people import case
from vouch.api.casing import LiveCase
from vouch.challenges.fairness.groups import groupings
from vouch.challenges.fairness.judging import own_metrics
from vouch.challenges.fairness.teaching import balanced, group_costs, independent
from vouch.challenges.fairness.treat import REMEDIES
from vouch.statistics.conformal import fit_conformal

BY_NAME = {remedy.name: remedy for remedy in REMEDIES}
PARITY, ODDS = "demographic_parity_difference", "equalized_odds_difference"


def gap(found: LiveCase, decoded: np.ndarray, name: str) -> float:
    rows = found.split.valid
    spec = next(spec for spec in own_metrics(found, rows) if spec.name == name)
    return float(spec.function(found.truth(rows), decoded, np.ones((1, len(rows))))[0])


@pytest.mark.parametrize("criterion", [PARITY, ODDS, "equal_opportunity_difference"])
def test_thresholds_by_group_bring_the_gap_down_where_they_were_learned(criterion: str) -> None:
    found = case(criterion=criterion)
    before = gap(found, found.scored("valid").decoded, criterion)
    treated = BY_NAME["shift_thresholds_by_group"].treat(found, found.bundle, 0.9)
    assert gap(found, found.answered(treated, found.split.valid), criterion) < 0.5 * before + 0.03


def test_the_reject_option_decides_for_the_group_that_is_called_too_seldom() -> None:
    found = case(criterion=PARITY)
    treated = BY_NAME["reject_option"].treat(found, found.bundle, 0.4)
    (grouping,) = groupings(found)
    added = {name: row[1] for name, row in zip(grouping.names, treated.shifts.shifts, strict=True)}
    assert added["sex = f"] == pytest.approx(np.log(0.7 / 0.3))
    assert added["sex = m"] == pytest.approx(-np.log(0.7 / 0.3))


def test_one_threshold_for_all_needs_no_group() -> None:
    found = case(criterion=PARITY)
    treated = BY_NAME["shift_threshold"].treat(found, found.bundle, 0.3)
    assert treated.shifts.rule.columns == ()
    before, after = found.scored("valid").decoded[:, 1], found.answered(treated, found.split.valid)[:, 1]
    assert ((after > 0.5) == (before > 0.3)).all()


def test_labels_are_shifted_each_by_itself() -> None:
    found = case("multilabel", PARITY)
    before = gap(found, found.scored("valid").decoded, PARITY)
    treated = BY_NAME["shift_thresholds_by_group"].treat(found, found.bundle, 0.9)
    assert gap(found, found.answered(treated, found.split.valid), PARITY) < 0.5 * before + 0.03


@pytest.mark.parametrize(("criterion", "left"), [(PARITY, 0.3), (ODDS, 0.7), ("equal_opportunity_difference", 0.7)])
def test_of_several_classes_each_is_called_more_alike_where_it_was_learned(criterion: str, left: float) -> None:
    found = case("multiclass", criterion)
    before = gap(found, found.scored("valid").decoded, criterion)
    assert len(BY_NAME["shift_thresholds_by_group"].strengths(found)) == 7
    treated = BY_NAME["shift_thresholds_by_group"].treat(found, found.bundle, 1.0)
    assert gap(found, found.answered(treated, found.split.valid), criterion) < left * before


@pytest.mark.parametrize("criterion", ["mean_parity_difference", "residual_parity_difference"])
def test_values_are_moved_to_equal_means(criterion: str) -> None:
    found = case("regression", criterion)
    treated = BY_NAME["shift_thresholds_by_group"].treat(found, found.bundle, 1.0)
    assert gap(found, found.answered(treated, found.split.valid), criterion) == pytest.approx(0, abs=1e-9)


def test_a_search_learns_from_no_row_that_it_holds_back() -> None:
    found = case(criterion=PARITY)
    learned, held = found.split.valid[::2], found.split.valid[1::2]
    said = found.scored("valid").decoded.copy()
    view = found.speaking(found.split.valid, said).choosing(learned)
    one = BY_NAME["shift_thresholds_by_group"].treat(view, view.bundle, 0.9)
    said[np.isin(found.split.valid, held)] = [0.1, 0.9]
    other = found.speaking(found.split.valid, said).choosing(learned)
    assert BY_NAME["shift_thresholds_by_group"].treat(other, other.bundle, 0.9).shifts == one.shifts


def test_what_was_said_out_of_fold_is_learned_from_where_it_is_known() -> None:
    found = case(criterion=PARITY)
    found.out_of_fold()
    with_folds = found.holding(replace(found.bundle, out_of_fold=found.folds_frame))
    treated = BY_NAME["shift_thresholds_by_group"].treat(with_folds, with_folds.bundle, 0.9)
    assert treated.shifts.rows == len(found.split.train) + len(found.split.valid)


def test_sets_are_made_anew_for_what_is_answered_then() -> None:
    found = case(criterion=PARITY)
    valid = found.scored("valid")
    sets = fit_conformal(valid.decoded, valid.truth, "binary")
    given = replace(found.bundle, conformal=sets)
    treated = BY_NAME["shift_thresholds_by_group"].treat(found, given, 0.9)
    assert treated.conformal == fit_conformal(found.answered(treated, valid.rows), valid.truth, "binary")


def test_a_criterion_that_moving_answers_cannot_meet_has_no_such_remedy() -> None:
    assert BY_NAME["shift_thresholds_by_group"].strengths(case("regression", "error_parity_difference")) == ()
    assert BY_NAME["reject_option"].strengths(case(criterion="predictive_parity_difference")) == ()
    assert BY_NAME["reject_option"].strengths(case("multiclass", PARITY)) == ()
    assert BY_NAME["shift_thresholds_by_group"].strengths(case("multiclass", "error_parity_difference")) == ()


def test_reweighed_groups_and_targets_are_independent() -> None:
    found = case(criterion=PARITY)
    lesson = BY_NAME["reweigh_groups"].treat(found, found.lesson, 1.0)
    group, target = groupings(found)[0].code[lesson.train], found.truth(lesson.train)
    weights = lesson.weights[lesson.train]
    shares = [weights[(group == g) & (target == 1)].sum() / weights[group == g].sum() for g in (0, 1)]
    assert shares[0] == pytest.approx(shares[1])
    assert weights.mean() == pytest.approx(1)


def test_balanced_groups_stand_equally_often_within_each_class() -> None:
    found = case(criterion=PARITY, sensitive=("sex", "town"))
    lesson = BY_NAME["balance_groups"].treat(found, found.lesson, 1.0)
    code = groupings(found)[-1].code[lesson.train]
    for k in (0, 1):
        sizes = np.bincount(code[found.truth(lesson.train) == k])
        assert sizes.min() >= 0.5 * sizes.max()
    assert len(lesson.train) == pytest.approx(len(found.lesson.train), abs=20)


def test_exponentiated_gradients_weigh_against_the_gap() -> None:
    found = case(criterion=PARITY)
    lesson = BY_NAME["exponentiate_gradient"].treat(found, found.lesson, 1.0)
    group, target = groupings(found)[0].code[lesson.train], found.truth(lesson.train)
    own = lesson.weights[lesson.train]
    weights = {(g, k): own[(group == g) & (target == k)].mean() for g in (0, 1) for k in (0, 1)}
    assert weights[0, 1] > weights[0, 0]
    assert weights[1, 0] > weights[1, 1]


@pytest.mark.parametrize("criterion", ["demographic_parity", "equal_opportunity"])
def test_their_best_answer_has_nearly_no_gap(criterion: str) -> None:
    rng = np.random.default_rng(0)
    group = rng.integers(2, size=6000)
    score = 1 / (1 + np.exp(-rng.normal(size=6000) - 0.8 * group))
    actual = rng.random(6000) < score
    costs = group_costs(score, actual, group, criterion, 1.0)
    asked = np.ones_like(actual) if criterion == "demographic_parity" else actual

    def apart(called: np.ndarray) -> float:
        return abs(called[asked & (group == 1)].mean() - called[asked & (group == 0)].mean())

    called = score * costs[group, 1] > (1 - score) * costs[group, 0]
    assert apart(called) < 0.3 * apart(score > 0.5)


def test_weights_of_independence_are_those_of_the_shares() -> None:
    rng = np.random.default_rng(0)
    group, target = rng.integers(3, size=500), rng.integers(2, size=500)
    found = independent(group, target)
    for g in range(3):
        for k in range(2):
            here = (group == g) & (target == k)
            assert found[here] == pytest.approx((group == g).mean() * (target == k).mean() / here.mean())


def test_no_row_stands_more_than_ten_times() -> None:
    found = balanced(np.arange(1000), np.array([0] * 995 + [1] * 5), 1.0, np.random.default_rng(0))
    assert np.bincount(found, minlength=1000).max() <= 10
