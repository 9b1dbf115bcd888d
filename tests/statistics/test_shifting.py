"""Shifted answers: one half is where the threshold was, and what has no shift stays to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from vouch.contracts.bundle import GroupRule, GroupShifts
from vouch.statistics.shifting import shifted

RULE = GroupRule(("g",), ((),), (("a",), ("b",)), (0, 1), ("a", "b"))
CUT = 0.3
AT = float(np.log((1 - CUT) / CUT))


def shifts(*rows: tuple[float, ...]) -> GroupShifts:
    return GroupShifts(RULE, rows, "equalized_odds", 9)


def test_one_half_is_where_the_threshold_was() -> None:
    p = np.linspace(0.01, 0.99, 99)
    told = np.stack([1 - p, p], axis=1)
    after = shifted(shifts((0.0, AT), (0.0, 0.0)), told, np.zeros(99, np.int64), "binary")
    assert (after.argmax(axis=1) == (p > CUT)).all()
    np.testing.assert_allclose(after.sum(axis=1), 1)
    assert (np.diff(after[:, 1]) > 0).all()


def test_labels_are_moved_each_by_itself() -> None:
    told = np.array([[0.29, 0.5], [0.31, 0.5]])
    after = shifted(shifts((AT, 0.0), (0.0, 0.0)), told, np.zeros(2, np.int64), "multilabel")
    assert (after[:, 0] >= 0.5).tolist() == [False, True]
    np.testing.assert_allclose(after[:, 1], 0.5)


def test_values_are_moved_by_what_is_added() -> None:
    after = shifted(shifts((2.0,), (-1.0,)), np.zeros(3), np.array([0, 1, -1]), "regression")
    assert after.tolist() == [2.0, -1.0, 0.0]


@pytest.mark.parametrize("group", [1, -1])
def test_rows_without_a_shift_and_of_unknown_groups_stay_to_the_last_bit(group: int) -> None:
    told = np.random.default_rng(0).dirichlet([1, 1, 1], 50)
    after = shifted(shifts((0.3, 0.1, -2.0), (0.0, 0.0, 0.0)), told, np.full(50, group), "multiclass")
    assert (after == told).all()
