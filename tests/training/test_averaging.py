"""The weights that are scored and kept: averages written out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from training.jobs import RECIPE, job, unjudged, weights
from vouch.contracts.optimizers import ScheduleFree
from vouch.training.direct import DirectAdamW
from vouch.training.loop import train

NOISY = replace(RECIPE, dropout=0.3, epochs=6)


def live_weights(recipe: Any) -> tuple[Tensor, list[list[Tensor]]]:
    """The first weights, and those after every step, epoch by epoch, of a run without any average."""
    one = job(replace(recipe, averaging=0.0, swa=0.0))
    steps: list[list[Tensor]] = [[]]
    first = weights(one)
    plain = DirectAdamW.step

    def step(self: Any, closure: Any = None) -> Any:
        done = plain(self, closure)
        steps[-1].append(weights(one))
        return done

    def judge(_: nn.Module) -> float:
        steps.append([])
        return float(-len(steps))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DirectAdamW, "step", step)
        train(replace(one, evaluate=judge))
    return first, steps[:-1]


def test_the_running_average_is_the_one_written_by_hand() -> None:
    recipe = replace(NOISY, averaging=0.9)
    average, epochs = live_weights(recipe)
    for made, live in enumerate(live for epoch in epochs for live in epoch):
        decay = min(0.9, (1 + made) / (10 + made))
        average = decay * average + (1 - decay) * live
    one = unjudged(job(recipe))
    train(one)
    assert torch.allclose(weights(one), average, atol=1e-6)


def test_stochastic_weight_averaging_is_the_mean_of_the_last_epochs() -> None:
    recipe = replace(NOISY, swa=0.5)
    _, epochs = live_weights(recipe)
    one = unjudged(job(recipe))
    train(one)
    assert torch.allclose(weights(one), torch.stack([epoch[-1] for epoch in epochs[-3:]]).mean(0), atol=1e-6)


def test_before_the_even_average_begins_the_live_weights_are_scored() -> None:
    recipe = replace(NOISY, swa=0.34, averaging=0.99)
    _, epochs = live_weights(recipe)
    scored = []
    one = job(recipe)
    train(replace(one, evaluate=lambda _: scored.append(weights(one)) or float(-len(scored))))
    assert all(torch.equal(a, epoch[-1]) for a, epoch in zip(scored[:4], epochs[:4], strict=True))
    assert torch.allclose(scored[4], epochs[4][-1], atol=1e-7)
    assert torch.allclose(scored[5], (epochs[4][-1] + epochs[5][-1]) / 2, atol=1e-6)


def test_without_an_average_the_live_weights_are_kept_bit_for_bit() -> None:
    _, epochs = live_weights(NOISY)
    one = unjudged(job(NOISY))
    train(one)
    assert torch.equal(weights(one), epochs[-1][-1])


def test_an_average_does_not_change_the_path() -> None:
    plain, averaged = (live_weights(replace(NOISY, averaging=decay))[1] for decay in (0.0, 0.9))
    assert all(
        torch.equal(a, b) for one, other in zip(plain, averaged, strict=True) for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize(
    "change",
    [{"averaging": 0.9}, {"swa": 0.5}, {"optimizer": ScheduleFree()}],
    ids=["running", "even", "schedule-free"],
)
def test_a_run_with_an_average_that_was_interrupted_ends_with_the_same_bits(change: Any, tmp_path: Path) -> None:
    recipe = replace(NOISY, **change)
    whole = job(recipe)
    train(whole)

    def stop(_: str, /, **facts: int) -> None:
        if facts["epoch"] == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(job(recipe, tmp_path / "checkpoint", progress=stop))
    resumed = job(recipe, tmp_path / "checkpoint")
    train(resumed)
    assert torch.equal(weights(whole), weights(resumed))
