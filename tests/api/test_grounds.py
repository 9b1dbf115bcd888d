"""Where remedies are compared: whole groups at a time, never on sealed rows."""

from __future__ import annotations

import numpy as np

import vouch
from helpers import FAST, rows
from vouch.api.grounds import ground_of_bundle, ground_of_training
from vouch.testing import case_for


def test_remedies_of_a_bundle_are_judged_on_all_validation_rows_groups_kept_whole() -> None:
    frame = rows(400).with_columns(who=np.arange(400) // 4)
    case = case_for(vouch.fit(frame, "y", group="who", settings=FAST))
    ground = ground_of_bundle(case, np.random.default_rng(0))
    assert sorted(ground.rows.tolist()) == case.split.valid.tolist()
    for lesson, held in zip(ground.lessons, ground.held, strict=True):
        assert not set(held // 4) & set(lesson.valid // 4)


def test_remedies_that_train_are_judged_on_rows_that_neither_taught_nor_stopped_them() -> None:
    case = case_for(vouch.fit(rows(300), "y", settings=FAST))
    ground = ground_of_training(case, np.random.default_rng(0))
    assert not np.isin(ground.rows, case.split.test).any()
    for lesson, held in zip(ground.lessons, ground.held, strict=True):
        assert not np.isin(held, np.concatenate([lesson.train, lesson.valid])).any()
