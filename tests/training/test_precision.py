"""How many bits a step computes with, and that float32 is exact."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from training.jobs import RECIPE, job, network, weights
from vouch.contracts.recipe import Recipe
from vouch.errors import UsageError
from vouch.training.loop import train
from vouch.training.precision import casting, fast_products, precision_of, scaler_for

CPU, CUDA, MPS = (torch.device(name) for name in ("cpu", "cuda", "mps"))
SMALL, LARGE = nn.Linear(10, 10), nn.Linear(2000, 2000)


@pytest.mark.parametrize(
    ("device", "able", "net", "expected"),
    [
        (CPU, True, LARGE, "float32"), (CUDA, True, LARGE, "bfloat16"), (CUDA, True, SMALL, "float32"),
        (CUDA, False, LARGE, "float32"), (MPS, True, LARGE, "float32"),
    ],
    ids=["processor", "card", "small net", "old card", "apple"],
)  # fmt: skip
def test_auto_is_narrow_where_that_is_fast(
    device: torch.device, able: bool, net: nn.Module, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: able)
    assert precision_of(Recipe(precision="auto", batch_size=256), net, device) == expected


@pytest.mark.parametrize("device", [CPU, CUDA, MPS], ids=str)
@pytest.mark.parametrize("asked", ["float32", "bfloat16"])
def test_what_is_asked_for_is_taken(asked: str, device: torch.device) -> None:
    assert precision_of(Recipe(precision=asked), SMALL, device) == asked


def test_float16_is_for_accelerators() -> None:
    assert precision_of(Recipe(precision="float16"), SMALL, CUDA) == "float16"
    with pytest.raises(UsageError, match="float16 needs an accelerator"):
        precision_of(Recipe(precision="float16"), LARGE, CPU)


def seen_in(recipe: Recipe) -> set[torch.dtype]:
    """Types in which the hidden layers answer while training."""
    one, found = job(recipe), set()
    for part in one.network.modules():
        if isinstance(part, nn.Linear):
            part.register_forward_hook(lambda net, _, out: found.add(out.dtype) if net.training else None)
    train(one)
    return found


def test_layers_compute_in_the_precision_of_the_recipe_and_weights_stay_whole() -> None:
    assert seen_in(RECIPE) == {torch.float32}
    assert seen_in(replace(RECIPE, precision="bfloat16")) == {torch.bfloat16}
    one = job(replace(RECIPE, precision="bfloat16"))
    train(one)
    assert {weight.dtype for weight in one.network.parameters()} == {torch.float32}


def test_narrow_numbers_change_training_slightly_and_float32_not_at_all() -> None:
    plain, again, narrow = (job(replace(RECIPE, precision=one)) for one in ("float32", "float32", "bfloat16"))
    for one in (plain, again, narrow):
        history = train(one)
        assert history[-1].loss < history[0].loss
    assert torch.equal(weights(plain), weights(again))
    assert not torch.equal(weights(plain), weights(narrow))
    assert torch.allclose(weights(plain), weights(narrow), atol=0.1)


def test_scoring_is_in_float32() -> None:
    seen: set[Any] = set()
    one = job(replace(RECIPE, precision="bfloat16", epochs=1))

    def evaluate(net: nn.Module) -> float:
        with torch.no_grad():
            seen.add(net.eval()(one.inputs[0][:4]).dtype)
        return 0.0

    train(replace(one, evaluate=evaluate))
    assert seen == {torch.float32}


def test_losses_are_scaled_in_float16_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(torch.amp, "GradScaler", lambda device: made.append(device) or SimpleNamespace())
    for precision in ("float32", "bfloat16", "auto"):
        assert scaler_for(Recipe(precision=precision), CUDA) is None
    assert scaler_for(Recipe(precision="float16"), CUDA) is not None
    assert made == ["cuda"]


def test_without_a_narrow_type_nothing_is_cast() -> None:
    net, x = network(), torch.randn(2, 3)
    for precision in ("float32", "auto"):
        with casting(Recipe(precision=precision), CPU):
            assert net(x).dtype == torch.float32


def test_tf32_is_for_cards_and_only_while_training() -> None:
    before = torch.get_float32_matmul_precision()
    with fast_products(CPU):
        assert torch.get_float32_matmul_precision() == before
    with fast_products(CUDA):
        assert torch.get_float32_matmul_precision() == "high"
    assert torch.get_float32_matmul_precision() == before
    with pytest.raises(ValueError, match="stop"), fast_products(CUDA):
        raise ValueError("stop")
    assert torch.get_float32_matmul_precision() == before


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here")


@needs_cuda
@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_a_card_trains_in_narrow_numbers(precision: str) -> None:
    plain = job(replace(RECIPE, precision=precision))
    one = replace(
        plain, network=plain.network.cuda(), inputs=[x.cuda() for x in plain.inputs], target=plain.target.cuda(),
        rows=plain.rows.cuda(), evaluate=lambda _: 0.0,
    )  # fmt: skip
    history = train(one)
    assert history[-1].loss < history[0].loss
