"""The rule of groups: what is told of training rows is told of new ones, and what is unknown is said to be."""

from __future__ import annotations

import numpy as np
import polars as pl

from challenges.fairness.people import case
from vouch.challenges.fairness.groups import groupings
from vouch.contracts.bundle import GroupRule
from vouch.statistics.grouping import columns_of, group_of
from vouch.store.values import from_plain, to_plain


def test_a_stored_rule_gives_every_row_the_group_that_it_had() -> None:
    found = case(sensitive=("sex", "town"))
    for one in groupings(found):
        assert one.rule is not None
        rule = from_plain(GroupRule, to_plain(one.rule, {}, ""), {}, "")
        assert group_of(rule, found.dataset.frame).tolist() == one.code.tolist()


def test_a_quantity_is_cut_where_the_training_rows_were() -> None:
    (found,) = groupings(case(sensitive=("skill",)))
    assert found.rule is not None
    new = pl.DataFrame({"skill": [-9.0, 9.0, None]})
    low, high, missing = group_of(found.rule, new)
    assert (found.names[low] < found.names[high]) == (low < high)
    assert len(found.names) == 4
    assert missing == -1


def test_a_value_that_was_never_seen_has_no_group() -> None:
    (found,) = groupings(case())
    assert found.rule is not None
    assert group_of(found.rule, pl.DataFrame({"sex": ["m", "x", None]})).tolist()[1:] == [-1, -1]


def test_a_column_that_the_network_is_not_shown_is_read_from_the_data() -> None:
    shown, hidden = case(), case(drop=("sex",))
    assert "sex" not in hidden.dataset.frame.columns
    assert groupings(hidden)[0].code.tolist() == groupings(shown)[0].code.tolist()


def test_numbers_that_were_read_as_texts_are_cut_like_numbers() -> None:
    raw = pl.DataFrame({"age": [str(age) for age in range(100)]})
    frame = columns_of(("age",), pl.DataFrame({"a": np.arange(100)}), raw, None)
    rule = GroupRule(("age",), ((0.0, 50.0, 99.0),), (("0 to 50",), ("50 to 99",)), (0, 1), ("young", "old"))
    assert group_of(rule, frame).tolist() == [0] * 50 + [1] * 50
