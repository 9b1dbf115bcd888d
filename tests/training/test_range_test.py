"""The rate that is looked for: it trains, is the same twice, and no validation row has a say in it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from training.jobs import RECIPE, job, unjudged, weights
from vouch.contracts.optimizers import SGD, AdamW, Muon, Optimizer, ScheduleFree
from vouch.training.loop import train
from vouch.training.range_test import rate_found

AUTO = replace(RECIPE, learning_rate=0.0, epochs=40)


@pytest.mark.parametrize("optimizer", [AdamW(), SGD(), Muon(), ScheduleFree()], ids=lambda one: one.name)
def test_the_rate_trains(optimizer: Optimizer) -> None:
    recipe = replace(AUTO, optimizer=optimizer)
    rate = rate_found(job(recipe))
    assert 1e-5 < rate < 1
    history = train(job(replace(recipe, learning_rate=rate)))
    assert history[-1].loss < 0.1 * history[0].loss


def test_the_rate_is_the_same_twice_and_the_network_is_left_as_it_was() -> None:
    one = job(AUTO)
    before = weights(one)
    state = torch.random.get_rng_state()
    assert rate_found(one) == rate_found(job(AUTO))
    assert torch.equal(before, weights(one))
    assert torch.equal(state, torch.random.get_rng_state())


def test_no_validation_row_is_looked_at() -> None:
    plain = job(AUTO)
    spoiled = unjudged(job(AUTO))
    spoiled.inputs[0][80:] = float("nan")
    spoiled.target[80:] = float("nan")

    def refuse(_: torch.nn.Module) -> float:
        raise AssertionError("a range test judged a network")

    assert rate_found(replace(spoiled, evaluate=refuse)) == rate_found(plain)
