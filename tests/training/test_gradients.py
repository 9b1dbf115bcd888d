"""The gradient of a step: parts of a batch, noise, clipping; each off switch is exact."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from training.jobs import RECIPE, TASK, job, network, unjudged, weights
from vouch.objectives import make_objective
from vouch.training import gradients
from vouch.training.direct import DirectAdamW
from vouch.training.loop import Job, train


def trained(recipe: Any, **changes: Any) -> Tensor:
    one = unjudged(replace(job(recipe), **changes))
    train(one)
    return weights(one)


@pytest.mark.parametrize("parts", [2, 3, 16])
def test_a_batch_in_parts_takes_the_same_step(parts: int) -> None:
    counts = torch.rand(100, generator=torch.Generator().manual_seed(1))
    for weighted in (None, counts):
        for recipe in (RECIPE, replace(RECIPE, clip=0.5, averaging=0.9, l1=1e-3)):
            objective = make_objective(TASK, recipe, torch.zeros(0))
            whole = trained(recipe, weights=weighted, objective=objective)
            again = trained(replace(recipe, accumulation=parts), weights=weighted, objective=objective)
            assert torch.allclose(whole, again, atol=2e-5)


def test_one_part_is_exact() -> None:
    assert torch.equal(trained(RECIPE), trained(replace(RECIPE, accumulation=1)))


def test_each_part_is_as_small_as_was_asked() -> None:
    seen = []
    one = job(replace(RECIPE, accumulation=4, epochs=1))
    train(replace(one, augment=lambda batch, _: seen.append(len(batch[0])) or batch))
    assert seen == [4] * 20


def test_a_batch_with_fewer_rows_than_parts_is_taken_row_by_row() -> None:
    # 17 rows in batches of at most 16 are 9 and 8.
    one = job(replace(RECIPE, accumulation=12, epochs=2), rows=torch.arange(17))
    seen = []
    history = train(replace(one, augment=lambda batch, _: seen.append(len(batch[0])) or batch))
    assert set(seen) == {1}
    assert math.isfinite(history[-1].loss)


def test_the_loss_that_is_told_is_that_of_the_whole_batch() -> None:
    whole, parts = (train(job(replace(RECIPE, epochs=1, accumulation=count)))[0].loss for count in (1, 5))
    assert whole == pytest.approx(parts, rel=1e-5)


@pytest.mark.parametrize(("steps", "expected"), [(0, 0.2), (9, 0.2 * 10**-0.275), (999, 0.2 * 1000**-0.275)])
def test_the_noise_has_the_variance_of_its_source(steps: int, expected: float) -> None:
    weight = torch.zeros(400, 500, requires_grad=True)
    weight.grad = torch.ones_like(weight)
    gradients.add_noise([weight], 0.2, steps, torch.Generator().manual_seed(0))
    assert float(weight.grad.mean()) == pytest.approx(1.0, abs=4 * expected / math.sqrt(weight.numel()))
    assert float(weight.grad.std()) == pytest.approx(expected, rel=0.01)


def test_no_noise_is_exact_and_some_is_not() -> None:
    plain = trained(RECIPE)
    assert torch.equal(plain, trained(replace(RECIPE, gradient_noise=0.0)))
    noisy = trained(replace(RECIPE, gradient_noise=0.1))
    assert not torch.allclose(plain, noisy, atol=1e-4)
    assert torch.equal(noisy, trained(replace(RECIPE, gradient_noise=0.1)))


def gradients_of(one: Job, largest: float) -> list[Tensor]:
    """Gradients of the first batch, as the optimiser gets them."""
    found: list[Tensor] = []

    def look(optimizer: Any, *_: object) -> None:
        found.extend(weight.grad.clone() for group in optimizer.param_groups for weight in group["params"])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DirectAdamW, "step", look)
        train(replace(one, recipe=replace(one.recipe, clip=largest, epochs=1, batch_size=80)))
    return found


def test_a_gradient_is_shortened_to_the_largest_norm_and_0_is_exact() -> None:
    free, off, short, wide = (gradients_of(job(), largest) for largest in (0.0, 0.0, 0.1, 1e6))
    norm = torch.stack([part.norm() for part in free]).norm()
    assert float(norm) > 0.1
    for plain, same, clipped, untouched in zip(free, off, short, wide, strict=True):
        assert torch.equal(plain, same)
        assert torch.allclose(plain * 0.1 / norm, clipped, rtol=1e-4, atol=1e-8)
        assert torch.allclose(plain, untouched)


def test_networks_side_by_side_are_clipped_each_by_itself() -> None:
    nets = [network(replace(RECIPE, seed=seed)) for seed in range(3)]
    for number, net in enumerate(nets):
        for weight in net.parameters():
            weight.grad = torch.randn(weight.shape, generator=torch.Generator().manual_seed(number)) * 10.0 ** (
                number - 1
            )
    stacked = []
    for parts in zip(*(net.parameters() for net in nets), strict=True):
        weight = torch.stack([part.detach() for part in parts]).requires_grad_()
        weight.grad = torch.stack([part.grad for part in parts if part.grad is not None])
        stacked.append(weight)
    gradients.clip_each(stacked, 1.0)
    for number, net in enumerate(nets):
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        for alone, together in zip(net.parameters(), stacked, strict=True):
            assert alone.grad is not None
            assert torch.allclose(alone.grad, together.grad[number], rtol=1e-5)
