"""Curves of deletion and insertion: nothing for an order that knows nothing, most for the order of the truth."""

from __future__ import annotations

import numpy as np
import pytest

from explainers.asked import asked
from vouch.explainers.faithfulness import area, curves, rank_correlation, steps_over
from vouch.explainers.game import Game
from vouch.explainers.shapley import exact


def test_random_orders_have_no_gap_on_average() -> None:
    game, rng = Game(asked("wide", 6)[0]), np.random.default_rng(0)
    draws = np.array([curves(game, rng.normal(size=(6, 3))).gap for _ in range(60)])
    span = np.abs(curves(game, exact(game).values).gap).mean()
    error = draws.std() / np.sqrt(draws.size)
    assert abs(draws.mean()) < 4 * error + 1e-9
    assert span > 4 * error


@pytest.mark.parametrize("network", ["table", "text", "picture", "mixed"])
def test_curves_begin_and_end_where_the_row_and_nothing_are(network: str) -> None:
    question = asked(network)[0]
    game = Game(question)
    found = curves(game, np.random.default_rng(1).normal(size=(question.rows, game.players)))
    for curve, ends in ((found.deletion, (0, -1)), (found.insertion, (-1, 0))):
        assert np.allclose(curve[:, ends[0]], game.answers(), atol=1e-6)
        assert np.allclose(curve[:, ends[1]], game.base(), atol=1e-6)


def test_turning_contributions_round_turns_the_gap_round() -> None:
    game = Game(asked("table")[0])
    values = exact(game).values
    assert np.allclose(curves(game, values).gap, -curves(game, -values).gap, atol=1e-9)


def test_area_is_that_of_trapezia() -> None:
    curve = np.array([[1.0, 0.4, 0.3, 0.0]])
    assert area(curve, np.linspace(0, 1, 4)) == pytest.approx(np.trapezoid(curve[0], dx=1 / 3))


@pytest.mark.parametrize("players", [1, 2, 11, 12, 13, 40, 64, 301])
def test_as_many_parts_are_out_at_one_step_as_are_in_at_another(players: int) -> None:
    steps = steps_over(players)
    assert np.array_equal(players - steps[::-1], steps)
    assert steps[0] == 0
    assert steps[-1] == players
    assert len(steps) <= 25


def test_rank_correlation_is_that_of_scipy() -> None:
    from scipy.stats import spearmanr

    rng = np.random.default_rng(2)
    one, other = rng.normal(size=(4, 9)), rng.normal(size=(4, 9))
    wanted = [spearmanr(np.abs(a), np.abs(b)).statistic for a, b in zip(one, other, strict=True)]
    assert np.allclose(rank_correlation(one, other), wanted)
    assert np.isnan(rank_correlation(np.ones((1, 3)), one[:1, :3])).all()
