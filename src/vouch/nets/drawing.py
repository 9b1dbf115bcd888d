"""Where nets get their random numbers: the same ones for a network alone, among others under vmap, or on its own rows.

A net draws from torch's global generator. Two situations need more. Where several networks train as one under
``torch.func.vmap``, each draws from a generator of its own, so that it sees what it would see alone. Where a batch is
divided over processes, each draws for the whole batch and keeps its own rows, so that together they see what one
process would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

Make = Callable[[int, "Generator | None"], Tensor]


@dataclass(frozen=True, slots=True)
class Source:
    """Where random numbers come from, where it is not torch's global generator for the rows at hand.

    Args:
        generators: one for each network that trains beside others (N); none where one trains alone.
        rows: rows of each network's batch (N); what is drawn is filled up with zeros to the longest.
        part: first row, row after the last, and number of rows of the whole batch, where this process has a part of it.
    """

    generators: tuple[Generator, ...] = ()
    rows: tuple[int, ...] = ()
    part: tuple[int, int, int] | None = None


_SOURCE: ContextVar[Source | None] = ContextVar("vouch_source", default=None)
# One entry for each source that is set in any thread: what is compiled must not ask a context where there is none.
_SET: list[Source] = []


@contextmanager
def drawing_from(source: Source) -> Iterator[None]:
    """Inside, nets draw from that source."""
    token = _SOURCE.set(source)
    _SET.append(source)
    try:
        yield
    finally:
        _SET.pop()
        _SOURCE.reset(token)


def source_here() -> Source | None:
    """The source that nets draw from here; none where that is torch's global generator."""
    return _SOURCE.get() if _SET else None


def drawn(like: Tensor, make: Make) -> Tensor:
    """What a function draws for the rows of a tensor.

    Args:
        like: a tensor with the rows first (B, ...); where it is looked at under vmap, that of one network.
        make: from a number of rows and a generator to random numbers, their first dimension the rows.

    Returns:
        Random numbers (B, ...).

    Example:
        >>> drawn(torch.zeros(3, 2), lambda rows, generator: torch.rand(rows, generator=generator)).shape
        torch.Size([3])
    """
    source = source_here()
    if source is None:
        return make(len(like), None)
    if source.generators:
        return _Beside.apply(like, make, source)  # type: ignore[no-any-return]
    first, end, whole = source.part or (0, len(like), len(like))
    return make(whole, None)[first:end]


def drawn_once(like: Tensor, make: Callable[[Generator | None], Tensor]) -> Tensor:
    """What a function draws once for a whole batch, whatever part of it is at hand.

    Args:
        like: any tensor of the batch.
        make: from a generator to random numbers.
    """
    source = source_here()
    if source is None or not source.generators:
        return make(None)
    return _Beside.apply(like, lambda _, generator: make(generator), Source(source.generators))  # type: ignore[no-any-return]


class _Beside(torch.autograd.Function):
    """Draws for several networks at once: under vmap, each from its own generator."""

    @staticmethod
    def forward(like: Tensor, make: Make, source: Source) -> Tensor:
        return make(len(like), source.generators[0])

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensor) -> None:
        del inputs
        ctx.mark_non_differentiable(output)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[None, None, None]:
        del ctx, grads
        return None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> tuple[Tensor, int]:
        del info, in_dims
        make, source = args[1:]
        if not source.rows:
            return torch.stack([make(0, generator) for generator in source.generators]), 0
        longest = max(source.rows)
        parts = [make(rows, generator) for rows, generator in zip(source.rows, source.generators, strict=True)]
        return torch.stack([_filled(part, longest) for part in parts]), 0


def _filled(part: Tensor, rows: int) -> Tensor:
    return part if len(part) == rows else torch.cat([part, part.new_zeros(rows - len(part), *part.shape[1:])])


def uniform(like: Tensor) -> Tensor:
    """Uniform numbers from 0 to 1 of a tensor's shape (B, ...), float32.

    Example:
        >>> uniform(torch.zeros(2, 3)).shape
        torch.Size([2, 3])
    """
    rest, device = like.shape[1:], like.device
    return drawn(like, lambda rows, generator: torch.rand(rows, *rest, generator=generator, device=device))


class Dropout(nn.Module):
    """Dropout from random bytes: the share is rounded to 1/256, and drawing is nine times as fast on a CPU.

    Args:
        share: share of entries set to 0 in training; the others are scaled up so that the mean stays.

    Source:
        Srivastava et al. (2014).

    Example:
        >>> Dropout(0.5)(torch.ones(4, 4)).unique().tolist()
        [0.0, 2.0]
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """Drop entries of a tensor (B, ...) in training; return it as it is in evaluation."""
        return dropout(x, self.share, self.training)


def dropout(x: Tensor, share: float, training: bool) -> Tensor:
    """A tensor (B, ...) with a share of its entries set to 0 and the others scaled up; as it is outside training."""
    dropped = round(share * 256)
    if dropped == 0 or not training:
        return x
    if x.is_cuda and source_here() is None:
        return F.dropout(x, dropped / 256)
    rest, device = x.shape[1:], x.device

    def bytes_for(rows: int, generator: Generator | None) -> Tensor:
        count = rows * rest.numel()
        words = torch.randint(-(2**63), 2**63 - 1, (-(-count // 8),), generator=generator, device=device)
        return words.view(torch.uint8)[:count].view(rows, *rest)

    return x * (drawn(x, bytes_for) >= dropped) * (256 / (256 - dropped))
