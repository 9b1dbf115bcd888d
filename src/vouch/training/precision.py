"""How many bits a step computes with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import nn

from vouch.contracts.recipe import Recipe
from vouch.errors import UsageError

# Multiplications of one step below which narrower numbers cost more in conversions than they save.
_WORTH_IT = 1e8
_TYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def precision_of(recipe: Recipe, network: nn.Module, device: torch.device) -> str:
    """What "auto" stands for: bfloat16 on an accelerator that has it and a network that is large enough, else float32.

    Processors keep float32: without units for it (AMX), bfloat16 is four times as slow there; with them it is half
    again as fast on a machine that does nothing else, but many times as slow beside other work, for the threads of its
    products wait for one another without sleeping.

    Args:
        recipe: its precision and batch size.
        network: that is trained.
        device: where.

    Raises:
        UsageError: float16 is asked for on a processor, which has no arithmetic for it.

    Example:
        >>> precision_of(Recipe(), nn.Linear(2, 1), torch.device("cpu"))
        'float32'
    """
    if recipe.precision == "float16" and device.type == "cpu":
        raise UsageError("float16 needs an accelerator", next_step="Use --set precision=bfloat16 or float32.")
    if recipe.precision != "auto":
        return recipe.precision
    work = recipe.batch_size * sum(weight.numel() for weight in network.parameters())
    able = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return "bfloat16" if able and work >= _WORTH_IT else "float32"


def casting(recipe: Recipe, device: torch.device) -> AbstractContextManager[object]:
    """Inside, matrix products and convolutions take the recipe's precision; everything else keeps its own."""
    kind = _TYPES.get(recipe.precision)
    return nullcontext() if kind is None else torch.autocast(device.type, kind)


def scaler_for(recipe: Recipe, device: torch.device) -> torch.amp.GradScaler | None:
    """What keeps small gradients from vanishing in float16 (Micikevicius et al., 2018); none for wider numbers."""
    return torch.amp.GradScaler(device.type) if recipe.precision == "float16" else None


@contextmanager
def fast_products(device: torch.device) -> Iterator[None]:
    """Inside, an accelerator may multiply float32 matrices in TF32."""
    if device.type != "cuda":
        yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
