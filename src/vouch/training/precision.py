"""How many bits a step computes with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import nn

from vouch.contracts.recipe import Recipe
from vouch.errors import UsageError

# Weights times rows of one step below which narrower numbers cost more in conversions than they save: on an
# accelerator, and on a processor of weights that are used at many places of a row.
_WORTH_IT, _WORTH_IT_AT_MANY = 1e8, 1e7
_TYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def precision_of(recipe: Recipe, network: nn.Module, device: torch.device) -> str:
    """What "auto" stands for: bfloat16 where there are units for it and the network is large enough, else float32.

    Processors have such units where they have AMX. There it is taken for nets of pictures and for texts whose pieces
    meet, which use a weight at many places; without units it is four times as slow.

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
    if device.type == "cuda":
        worth = torch.cuda.is_bf16_supported() and work >= _WORTH_IT
    else:
        worth = device.type == "cpu" and has_units() and _at_many(network) and work >= _WORTH_IT_AT_MANY
    return "bfloat16" if worth else "float32"


def has_units() -> bool:
    """Whether the processor multiplies matrices of bfloat16 in units of their own (AMX)."""
    return bool(torch.cpu.get_capabilities().get("amx_bf16", False))


def _at_many(network: nn.Module) -> bool:
    """Whether most products are with weights that are used at many places of a row."""
    return any(isinstance(part, nn.Conv2d) or getattr(part, "contextual", False) for part in network.modules())


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
