"""Shapley values against a closed form, against all coalitions, and against an independent implementation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from explainers.asked import asked
from vouch.explainers.game import Game
from vouch.explainers.shapley import Shapley, exact, sampled


def test_contributions_of_a_game_of_two_are_those_of_the_formula() -> None:
    game = Game(asked("wide")[0])
    none, first, both = (np.array([keep], bool) for keep in ([0, 0, 0], [1, 0, 0], [1, 1, 1]))
    other = np.zeros(1, np.int64)
    for keep in (none, first, both):
        assert game.values(keep, other).shape == (3, 1)
    found = exact(game)
    assert np.allclose(found.values.sum(1) + found.base, found.answers, atol=1e-9)


@pytest.mark.parametrize("network", ["table", "wide", "text", "picture", "mixed"])
def test_answers_are_those_that_are_predicted(network: str) -> None:
    from vouch.nets.network import outputs_of
    from vouch.statistics.recalibration import said

    for question in asked(network):
        decoded = said(question.bundle, outputs_of(question.bundle.network, question.inputs))
        wanted = decoded if decoded.ndim == 1 else decoded[np.arange(len(decoded)), question.wanted]
        assert np.allclose(Game(question).answers(), wanted, atol=1e-5 * max(1.0, np.abs(wanted).max()))


def test_a_coalition_is_the_row_with_the_values_of_another() -> None:
    """Mixing vectors, and entering the trunk by sums, is the same as mixing the encoded rows."""
    from vouch.nets.network import outputs_of
    from vouch.statistics.recalibration import said

    for network in ("table", "wide"):
        question = asked(network)[0]
        rng = np.random.default_rng(0)
        keep, other = rng.random((40, len(question.names))) < 0.5, rng.integers(0, 16, 40)
        found = Game(question).values(keep, other)
        for row in range(question.rows):
            mixed, start = [], 0
            for x, others, some in zip(question.inputs, question.others, question.parts, strict=True):
                left = keep[:, start : start + len(some.names)][:, some.owner.numpy()]
                mixed.append(x[row].where(_tensor(left), others[other]))
                start += len(some.names)
            decoded = said(question.bundle, outputs_of(question.bundle.network, mixed))
            wanted = decoded if decoded.ndim == 1 else decoded[:, question.wanted[row]]
            assert np.allclose(found[row], wanted, rtol=1e-5, atol=1e-6)


def test_exact_values_are_those_of_shap() -> None:
    shap = pytest.importorskip("shap")
    question = asked("table")[0]
    game = Game(question)

    def model(masks: np.ndarray) -> np.ndarray:
        keep = masks.astype(bool)
        stand_ins = [game.values(keep, np.full(len(keep), k), slice(0, 1))[0] for k in range(game.stand_ins)]
        return np.mean(stand_ins, axis=0)

    background = np.zeros((1, game.players))
    explainer = shap.explainers.Exact(model, shap.maskers.Independent(background))
    theirs = explainer(np.ones((1, game.players)))
    ours = exact(game)
    assert np.allclose(theirs.values[0], ours.values[0], atol=1e-6)
    assert theirs.base_values[0] == pytest.approx(ours.base[0], abs=1e-6)


@pytest.mark.parametrize("network", ["table", "wide", "mixed"])
def test_sampled_values_lie_around_the_exact_ones(network: str) -> None:
    question = asked(network)[0]
    game = Game(question)
    if game.players > 12:
        few = sampled(game)
        many = sampled(Game(replace(question, seed=1)))
        off = np.abs(few.values - many.values) / np.hypot(few.errors, many.errors).clip(1e-9)
    else:
        found, truth = sampled(game), exact(game)
        off = np.abs(found.values - truth.values) / found.errors.clip(1e-9)
    assert np.quantile(off, 0.9) < 3.5
    assert off.mean() < 1.5


def test_sampling_stops_at_the_precision_that_is_asked_for() -> None:
    question = asked("wide")[0]
    game = Game(question)
    rough, fine = (sampled(Game(replace(question, precision=share))) for share in (0.2, 0.01))
    span = np.ptp(np.concatenate([game.answers(), game.values(np.zeros((16, 3), bool), np.arange(16)).ravel()]))
    assert fine.errors.max() <= 0.01 * span * 1.001
    assert rough.errors.max() >= fine.errors.max()


def test_time_that_is_over_stops_after_one_round() -> None:
    question = replace(asked("mixed")[0], precision=0.0, seconds=0.0)
    found = Shapley().attribute(question)
    one_round = Shapley().attribute(replace(question, precision=10.0))
    assert np.array_equal(found.values, one_round.values)


def _tensor(values: np.ndarray):  # type: ignore[no-untyped-def]
    import torch

    return torch.from_numpy(values)
