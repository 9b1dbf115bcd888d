"""Changes that turn a decision: they do turn it, none of them is idle, and what must stay stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from explainers.asked import asked
from vouch.contracts.explaining import Question
from vouch.explainers.game import Game
from vouch.explainers.what_if import Turned, turned


def alone(name: str) -> Question:
    """A question about one row, whose wanted output is what is decided."""
    question = asked(name)[0]
    one = replace(question, inputs=tuple(x[:1] for x in question.inputs), wanted=question.wanted[:1])
    said = Game(one).decoded(np.ones((1, len(one.names)), bool), np.zeros(1, np.int64), 0)
    return replace(one, wanted=said.argmax(axis=1))


def said_after(question: Question, found: Turned, parts: tuple[int, ...]) -> np.ndarray:
    keep = np.ones((1, len(question.names)), bool)
    keep[0, list(parts)] = False
    return Game(question).decoded(keep, np.array([found.like]), 0)[0]


@pytest.mark.parametrize("name", ["table", "text", "picture", "mixed"])
def test_a_change_turns_the_decision_and_none_of_it_is_idle(name: str) -> None:
    question = alone(name)
    found = turned(question, np.ones(len(question.names), bool))
    if found is None:
        assert name != "table"
        return
    after = said_after(question, found, found.parts)
    assert after.argmax() == found.other != question.wanted[0]
    assert after.max() == pytest.approx(found.value)
    for part in found.parts:
        rest = tuple(k for k in found.parts if k != part)
        assert said_after(question, found, rest).argmax() == question.wanted[0]


def test_what_is_fixed_stays() -> None:
    question = alone("table")
    first = turned(question, np.ones(len(question.names), bool))
    assert first is not None
    free = np.ones(len(question.names), bool)
    free[list(first.parts)] = False
    other = turned(question, free)
    assert other is None or not set(other.parts) & set(first.parts)
    assert turned(question, np.zeros(len(question.names), bool)) is None


def test_a_row_that_says_the_same_everywhere_changes_nothing() -> None:
    question = alone("table")
    same = replace(question, others=tuple(torch.cat([x, x]) for x in question.inputs))
    assert turned(same, np.ones(len(question.names), bool)) is None


def test_several_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="one row"):
        turned(asked("table")[0], np.ones(3, bool))
