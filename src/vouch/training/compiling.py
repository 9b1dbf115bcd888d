"""Compile what a step computes, where the recipe says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from vouch.contracts.recipe import Recipe
from vouch.errors import TrainingError
from vouch.nets.network import Network


class Compiled:
    """The forward pass of a network, compiled while it trains; scoring and all else use the network as it is.

    Draws are those that the network makes without, so that results differ by the order of sums alone. Compiled code is
    for batches of one size: an epoch has two sizes at most.

    Args:
        network: to be trained.
        recipe: says whether to compile, and whether the network is asked in parts.

    Example:
        >>> net = nn.Linear(2, 1)
        >>> with Compiled(net, Recipe()).inside():
        ...     net(torch.zeros(1, 2)).shape
        torch.Size([1, 1])
    """

    def __init__(self, network: nn.Module, recipe: Recipe) -> None:
        self._parts: list[tuple[nn.Module, Callable[..., Any]]] = []
        if recipe.compile == "on":
            self._parts = [(part, _compiled(part)) for part in _parts(network, recipe)]

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Inside, the network answers by compiled code.

        Raises:
            TrainingError: it cannot be compiled here.
        """
        if not self._parts:
            yield
            return
        from torch._dynamo.exc import TorchDynamoException

        for part, call in self._parts:
            part._compiled_call_impl = call  # type: ignore[assignment]
        try:
            yield
        except TorchDynamoException as error:
            raise TrainingError(
                "the network cannot be compiled here", received=" ".join(str(error).split())[:160],
                expected="a C++ compiler, or Triton on an accelerator", next_step="Add --set compile=off.",
            ) from error  # fmt: skip
        finally:
            for part, _ in self._parts:
                part._compiled_call_impl = None


def _parts(network: nn.Module, recipe: Recipe) -> list[nn.Module]:
    """What is compiled by itself: the whole, or what mixed rows pass through one after the other."""
    if isinstance(network, Network) and (recipe.mixup or recipe.cutmix):
        return [*network.embedders, network.trunk]
    return [network]


def _compiled(part: nn.Module) -> Callable[..., Any]:
    return torch.compile(part._call_impl, dynamic=False, options={"fallback_random": True})
