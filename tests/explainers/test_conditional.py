"""Conditional Shapley values: against the closed form of a Gaussian, and the sum that Aas, Jullum and Løland give."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import nn

from explainers.asked import asked
from vouch.contracts.bundle import BundleValue
from vouch.contracts.explaining import Parts, Question
from vouch.explainers.game import Game
from vouch.explainers.gradient import Gradient
from vouch.explainers.lime import Lime
from vouch.explainers.occlusion import Occlusion
from vouch.explainers.shapley import exact, sampled
from vouch.nets.network import Flat, Network, Straight
from vouch.statistics.resembling import WIDTH

Array = np.ndarray[Any, Any]


def linear(weights: Array, rows: Array, others: Array) -> Question:
    """A question about rows of a network that is a linear function of its columns."""
    count = len(weights)
    columns = Flat(nn.Unflatten(1, (count, 1)), columns=count, features=1)
    network = Network([columns], Straight([count], members=1, dropout=0.0), outputs=1)
    with torch.no_grad():
        network.head.weight.copy_(torch.tensor(weights, dtype=torch.float32)[None, :, None])
        network.head.bias.zero_()
    names = tuple(f"x{k}" for k in range(count))
    encoder = SimpleNamespace(columns=names, places=tuple(range(count)))
    task = SimpleNamespace(classes=(), decode=lambda outputs: outputs.mean(1)[:, 0].double().numpy())
    bundle = SimpleNamespace(network=network, encoders=(encoder,), task=task, calibrator=None)
    own, behind = ((torch.tensor(x, dtype=torch.float32),) for x in (rows, others))
    parts = (Parts(torch.arange(count), names),)
    wanted = np.zeros(len(rows), np.int64)
    return Question(cast(BundleValue, bundle), parts, own, behind, wanted, background="conditional")


def shapley(value: dict[tuple[int, ...], Array], count: int) -> Array:
    """Shapley values (B, P) by their definition, from the value of every coalition (B,)."""
    found = np.zeros((len(value[()]), count))
    for player in range(count):
        for some in value:
            if player not in some:
                weight = math.factorial(len(some)) * math.factorial(count - len(some) - 1) / math.factorial(count)
                found[:, player] += weight * (value[tuple(sorted((*some, player)))] - value[some])
    return found


def every(count: int) -> list[tuple[int, ...]]:
    return [some for size in range(count + 1) for some in combinations(range(count), size)]


def of_gaussian(weights: Array, covariance: Array, rows: Array) -> Array:
    """The Shapley values of conditional expectations of a linear function of a Gaussian of mean 0."""
    value = {}
    for some in every(len(weights)):
        kept, out = list(some), [k for k in range(len(weights)) if k not in some]
        mean = np.zeros_like(rows)
        mean[:, kept] = rows[:, kept]
        if kept and out:
            slopes = np.linalg.solve(covariance[np.ix_(kept, kept)], covariance[np.ix_(kept, out)])
            mean[:, out] = rows[:, kept] @ slopes
        value[some] = mean @ weights
    return shapley(value, len(weights))


@pytest.mark.parametrize(("correlation", "room"), [(0.0, 0.05), (0.5, 0.05), (0.9, 0.03)])
def test_values_are_near_the_closed_form_of_a_gaussian(correlation: float, room: float) -> None:
    rng, weights = np.random.default_rng(0), np.array([2.0, -1.0, 1.0, 0.0])
    covariance = correlation + (1 - correlation) * np.eye(4)
    drawn = rng.multivariate_normal(np.zeros(4), covariance, 3_040)
    rows, others, spread = drawn[:40], drawn[40:], (drawn @ weights).std()
    truth, question = of_gaussian(weights, covariance, rows), linear(weights, rows, others)
    found = exact(Game(question)).values
    marginal = exact(Game(replace(question, background="marginal", others=(question.others[0][:64],)))).values
    miss, apart = (float(np.abs(one - truth).mean() / spread) for one in (found, marginal))
    assert miss < room
    assert correlation == 0 or miss < apart / 3


def test_the_closed_form_is_that_of_shap() -> None:
    shap = pytest.importorskip("shap")
    rng, weights = np.random.default_rng(1), np.array([2.0, -1.0, 0.0])
    covariance = np.array([[1.0, 0.8, 0.3], [0.8, 1.0, 0.5], [0.3, 0.5, 1.0]])
    rows = rng.multivariate_normal(np.zeros(3), covariance, 5)
    # Only the mean and the covariance of the masker's data count.
    half = np.linalg.cholesky(covariance * 3).T
    data = np.concatenate([half, -half]) * np.sqrt(5 / 6)
    assert np.allclose(np.cov(data, rowvar=False), covariance)
    explainer = shap.LinearExplainer((weights, 0.0), shap.maskers.Impute(data), nsamples=1_000)
    assert np.allclose(explainer.shap_values(rows), of_gaussian(weights, covariance, rows), atol=0.06)


def test_the_value_of_a_coalition_is_the_weighted_mean_of_the_source() -> None:
    rng, weights = np.random.default_rng(2), np.array([1.0, -2.0, 0.5])
    rows, others = rng.normal(size=(3, 3)), rng.normal(size=(100, 3)) * [1.0, 3.0, 0.2]
    question = linear(weights, rows, others)
    found = exact(Game(question))
    scale, value = others.astype(np.float32).astype(float).std(axis=0, ddof=1), {}
    for some in every(3):
        kept, told = list(some), np.zeros(3)
        for row, own in enumerate(rows):
            mixed = others.copy()
            mixed[:, kept] = own[kept]
            squares = np.square((others[:, kept] - own[kept]) / scale[kept]).sum(axis=1) / max(len(kept), 1)
            weight = np.exp(-squares / (2 * WIDTH**2))
            told[row] = (weight / weight.sum()) @ (mixed @ weights)
        value[some] = told
    assert np.allclose(found.values, shapley(value, 3), atol=2e-3)
    assert np.allclose(found.base, value[()], atol=1e-5)


def test_columns_that_say_the_same_share_what_the_network_takes_from_one_of_them() -> None:
    rng = np.random.default_rng(3)
    one, free = rng.normal(size=(2, 2_020))
    both = np.stack([one, one, free], axis=1)
    question = linear(np.array([1.0, 0.0, 0.5]), both[:20], both[20:])
    found = exact(Game(question)).values
    assert np.abs(found[:, 0] - found[:, 1]).mean() < 0.06
    assert np.abs(found[:, 1] - both[:20, 0] / 2).mean() < 0.06
    marginal = exact(Game(replace(question, background="marginal", others=(question.others[0][:64],)))).values
    assert np.abs(marginal[:, 1]).max() < 1e-6
    together = exact(Game(replace(question, together=(("x0", "x1"),))))
    assert together.values.shape == (20, 2)
    assert np.abs(together.values[:, 0] - both[:20, 0]).mean() < 0.1


def test_values_of_codes_count_where_they_are_the_same() -> None:
    """Of a column of codes the rows with the same code stand in alone, however the codes are counted."""
    question = asked("table")[0]
    block = next(k for k, x in enumerate(question.inputs) if not x.is_floating_point())
    kept = np.array([[column == question.parts[block].names[0] for column in question.names]])
    game = Game(replace(question, background="conditional"))
    same = (question.others[block][:, 0] == question.inputs[block][0, 0]).numpy()
    assert 0 < same.sum() < len(same)
    plain = Game(question)
    each = [plain.values(kept, np.array([k]), slice(0, 1))[0, 0] for k in np.flatnonzero(same)]
    assert game.values(kept, np.zeros(1, np.int64), slice(0, 1))[0, 0] == pytest.approx(np.mean(each), abs=1e-6)


@pytest.mark.parametrize("network", ["table", "wide"])
def test_sampled_values_are_those_of_all_coalitions(network: str) -> None:
    game = Game(replace(asked(network)[0], background="conditional"))
    some, all_of_them = sampled(game), exact(game)
    assert np.allclose(some.values.sum(1) + some.base, some.answers, atol=1e-9)
    assert np.allclose(all_of_them.values.sum(1) + all_of_them.base, all_of_them.answers, atol=1e-9)
    assert (np.abs(some.values - all_of_them.values) <= 4 * some.errors + 1e-6).all()


def test_methods_without_coalitions_say_that_they_take_no_such_background() -> None:
    question = replace(asked("table")[0], background="conditional")
    assert Gradient().applies(question)
    assert not Lime().applies(question)
    assert not Occlusion().applies(question)


def test_parts_that_leave_a_blank_have_no_such_background() -> None:
    with pytest.raises(ValueError, match="leave a blank"):
        Game(replace(asked("text")[0], background="conditional"))
