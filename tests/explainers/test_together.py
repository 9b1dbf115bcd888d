"""Columns that are explained as one part: one player for all methods, whichever blocks they are of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from explainers.asked import asked
from vouch.contracts.explaining import Question
from vouch.explainers.game import Game, owner_of_values
from vouch.explainers.gradient import Gradient
from vouch.explainers.integrated_gradients import IntegratedGradients
from vouch.explainers.occlusion import Occlusion
from vouch.explainers.shapley import exact


def joined(network: str) -> tuple[Question, Question, list[int]]:
    """A question, the same with a column of one block and one of another together, and their players before."""
    plain = asked(network)[0]
    columns = (plain.columns[0][0], plain.columns[1][-1])
    places = [k for k, name in enumerate(n for some in plain.columns for n in some) if name in columns]
    return plain, replace(plain, together=(columns,)), places


@pytest.mark.parametrize("network", ["table", "wide", "mixed"])
def test_a_coalition_with_a_group_is_one_with_all_its_parts(network: str) -> None:
    plain, question, places = joined(network)
    rng = np.random.default_rng(0)
    keep = rng.random((30, len(question.names))) < 0.5
    players = np.concatenate([np.array(some) for some in question.players])
    assert len({players[k] for k in places}) == 1
    assert len(question.names) == len(plain.names) - len(places) + 1
    other = rng.integers(0, 16, 30)
    assert np.allclose(Game(question).values(keep, other), Game(plain).values(keep[:, players], other), atol=1e-6)


def test_the_shapley_value_of_a_group_is_that_of_the_game_of_groups() -> None:
    """Of two players, each gets half of what it adds to nothing and half of what it adds to the other."""
    plain = asked("wide")[0]
    names = plain.names
    question = replace(plain, together=(names[:2],))
    game, found = Game(plain), exact(Game(question))
    keep = np.array([[0, 0, 0], [1, 1, 0], [0, 0, 1], [1, 1, 1]], bool)
    v = np.mean([game.values(keep, np.full(4, k)) for k in range(16)], axis=0)
    assert question.names == (f"{names[0]} + {names[1]}", names[2])
    assert np.allclose(found.values[:, 0], (v[:, 1] - v[:, 0] + v[:, 3] - v[:, 2]) / 2, atol=1e-6)
    assert np.allclose(found.values.sum(1) + found.base, found.answers, atol=1e-9)


@pytest.mark.parametrize("network", ["table", "mixed"])
def test_gradients_of_a_group_are_the_sum_of_those_of_its_parts(network: str) -> None:
    plain, question, places = joined(network)
    players = np.concatenate([np.array(some) for some in question.players])
    alone, found = (IntegratedGradients().attribute(one).values for one in (plain, question))
    assert np.allclose(found[:, players[places[0]]], alone[:, places].sum(1), atol=1e-5)
    sizes, size = (Gradient().attribute(one).values for one in (plain, question))
    assert np.allclose(size[:, players[places[0]]], np.sqrt(np.square(sizes[:, places]).sum(1)), rtol=1e-5)


def test_everything_as_one_part_is_what_the_answer_is_away_from_the_base() -> None:
    plain = asked("wide")[0]
    question = replace(plain, together=(plain.names,))
    for found in (exact(Game(question)), Occlusion().attribute(question)):
        assert np.allclose(found.values[:, 0], found.answers - found.base)


def test_what_is_inside_no_part_belongs_to_no_player() -> None:
    question = asked("transformer")[0]
    parts, owner = question.parts[0], owner_of_values(question)[0]
    assert ((parts.owner < 0) == (owner < 0)).all()


def test_columns_that_are_not_together_keep_their_names_and_their_order() -> None:
    plain, question, _ = joined("table")
    left = [name for name in plain.names if name not in question.together[0]]
    assert [name for name in question.names if " + " not in name] == left
