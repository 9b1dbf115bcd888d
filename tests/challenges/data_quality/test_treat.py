"""Remedies change training rows alone, and offer no strength where they make no sense."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from challenges.data_quality import plants
from challenges.data_quality.fakes import make_case
from challenges.data_quality.test_power import (
    contradictions,
    copied_rows,
    copy_of_the_target,
    neglected_class,
    wrong_labels,
)
from vouch.challenges.data_quality import export_rows, label_errors
from vouch.challenges.data_quality.labelling import DOWNWEIGHT, PRUNE, RELABEL
from vouch.challenges.data_quality.treat import DROP_DUPLICATES, DROP_LEAKS, OVERSAMPLE, REMEDIES, WEIGH_CLASSES
from vouch.contracts.case import Case, Lesson, Remedy

PLANTS = {
    "drop_duplicates": copied_rows, "drop_leaking_columns": copy_of_the_target, "weigh_classes": neglected_class,
    "oversample_rare_classes": neglected_class, "prune_label_errors": wrong_labels,
    "downweight_label_errors": wrong_labels, "relabel_label_errors": wrong_labels,
}  # fmt: skip
LESSONS = [remedy for remedy in REMEDIES if remedy.changes == "lesson"]


def planted(remedy: Remedy[Any]) -> Case:
    return PLANTS[remedy.name](np.random.default_rng(0))


@pytest.mark.parametrize("remedy", LESSONS, ids=lambda one: one.name)
def test_a_remedy_of_the_lesson_leaves_all_other_rows_alone(remedy: Remedy[Any]) -> None:
    case = planted(remedy)
    before = case.lesson
    for strength in remedy.strengths(case):
        after: Lesson = remedy.treat(case, before, strength)
        held = np.setdiff1d(np.arange(before.dataset.frame.height), before.train)
        assert set(after.train) <= set(before.train)
        assert np.array_equal(after.valid, before.valid)
        assert after.dataset.frame[held].equals(before.dataset.frame[held])
        assert after.weights is None or (after.weights[held] == 1).all()


@pytest.mark.parametrize("remedy", LESSONS, ids=lambda one: one.name)
def test_a_remedy_offers_strengths_where_its_failing_is(remedy: Remedy[Any]) -> None:
    assert remedy.strengths(planted(remedy))


@pytest.mark.parametrize("remedy", [DROP_DUPLICATES, DROP_LEAKS, WEIGH_CLASSES, OVERSAMPLE], ids=lambda one: one.name)
def test_a_remedy_offers_no_strength_where_there_is_nothing_to_treat(remedy: Remedy[Any]) -> None:
    plain = plants.table(np.random.default_rng(3))
    assert not remedy.strengths(make_case(plain.columns, plain.classes, decoded=plain.said))


def test_dropped_duplicates_keep_one_row_of_each() -> None:
    case = copied_rows(np.random.default_rng(0))
    after = DROP_DUPLICATES.treat(case, case.lesson, "exact")
    kept = case.dataset.frame[after.train]
    assert kept.height == kept.unique().height == case.dataset.frame[case.split.train].unique().height


def test_a_leak_is_ignored_and_nothing_else() -> None:
    case = copy_of_the_target(np.random.default_rng(0))
    after = DROP_LEAKS.treat(case, case.lesson, 1.0)
    assert [c.name for c in case.lesson.schema.features if c not in after.schema.features] == ["leak"]


def test_full_weights_make_all_classes_count_alike() -> None:
    case = neglected_class(np.random.default_rng(0))
    after = WEIGH_CLASSES.treat(case, case.lesson, 1.0)
    assert after.weights is not None
    truth = case.truth(after.train)
    sums = np.bincount(truth, after.weights[after.train])
    assert sums == pytest.approx([sums.mean()] * 2)


def test_full_oversampling_makes_all_classes_as_frequent() -> None:
    case = neglected_class(np.random.default_rng(0))
    counts = np.bincount(case.truth(OVERSAMPLE.treat(case, case.lesson, 1.0).train))
    assert counts[0] == counts[1]


def test_pruned_rows_are_mostly_wrong_ones() -> None:
    rng = np.random.default_rng(0)
    case, true = wrong_labels(rng), plants.table(np.random.default_rng(0), 1000).classes
    gone = np.setdiff1d(case.split.train, PRUNE.treat(case, case.lesson, 0.05).train)
    wrong = case.truth(np.arange(1000)) != true
    assert wrong[gone].mean() > 0.9


def test_half_the_strength_treats_half_the_rows() -> None:
    case = wrong_labels(np.random.default_rng(0))
    full, half = (DOWNWEIGHT.treat(case, case.lesson, strength).weights for strength in (0.1, 0.05))
    assert full is not None
    assert half is not None
    assert abs((half < 1).sum() * 2 - (full < 1).sum()) <= 1


def test_no_class_loses_more_than_half_of_its_rows() -> None:
    case = wrong_labels(np.random.default_rng(0))
    kept = PRUNE.treat(case, case.lesson, 0.95).train
    for code in np.unique(case.truth(case.lesson.train)):
        before, after = ((case.truth(rows) == code).sum() for rows in (case.lesson.train, kept))
        assert after >= before // 2


def test_relabelled_rows_get_the_predicted_class() -> None:
    case = wrong_labels(np.random.default_rng(0))
    after = RELABEL.treat(case, case.lesson, 0.05).dataset.frame["target"].to_numpy()
    changed = np.flatnonzero(after != case.dataset.frame["target"].to_numpy())
    assert len(changed)
    assert (after[changed] == case.lesson.dataset.frame["target"].to_numpy()[changed]).sum() == 0


def test_exported_rows_carry_their_cells_and_their_place() -> None:
    case = wrong_labels(np.random.default_rng(0))
    check = label_errors(case)
    rows = export_rows(check, case)
    assert rows.columns[:6] == ["check", "row", "line", "split", "score", "reason"]
    assert rows["row"].to_list() == list(check.suspects.rows)
    assert rows["target"].equals(case.dataset.frame["target"].gather(rows["row"]))


def test_exported_rows_of_a_finding_name_their_check() -> None:
    from vouch.challenges.asking import conclude
    from vouch.challenges.data_quality import conflicting_labels, exact_duplicates

    case = contradictions(np.random.default_rng(0))
    rows = export_rows(conclude("data_quality", (exact_duplicates(case), conflicting_labels(case))), case)
    assert set(rows["check"]) == {"conflicting_labels"}
