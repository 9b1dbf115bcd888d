"""Batches out of encoded rows: indexed where they are in memory, read ahead in large pieces where they are on disk."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from vouch.data.shelf import is_mapped, let_go

BLOCK_BYTES = 2**20
WINDOW_BLOCKS = 64
_AHEAD_BYTES = 32 * 2**20

Batch = tuple[Tensor, list[Tensor]]


def on_disk(inputs: Sequence[Tensor]) -> bool:
    """Whether encoded rows are mapped from disk."""
    return any(is_mapped(x.data_ptr()) for x in inputs)


def shuffled(rows: Tensor, inputs: Sequence[Tensor], generator: torch.Generator) -> Tensor:
    """The rows of one epoch in random order.

    Rows in memory may come in any order. Rows on disk are shuffled in blocks, so that they are read in long runs: the
    order of blocks of 1 MiB is random, and so is that of the rows within each 64 blocks that follow one another. Where
    all rows are no more than that, both are the same.

    Args:
        rows: numbers of the training rows (n,), rising.
        inputs: encoded inputs of all rows.
        generator: draws, on the device of the rows.
    """
    block = max(1, BLOCK_BYTES // max(_row_bytes(inputs), 1))
    if not on_disk(inputs) or len(rows) <= block * WINDOW_BLOCKS:
        return rows[torch.randperm(len(rows), generator=generator, device=rows.device)]
    blocks = rows.split(block)
    order = torch.randperm(len(blocks), generator=generator, device=rows.device).split(WINDOW_BLOCKS)
    windows = (torch.cat([blocks[i] for i in window.tolist()]) for window in order)
    return torch.cat([x[torch.randperm(len(x), generator=generator, device=x.device)] for x in windows])


def batches_of(inputs: Sequence[Tensor], batches: Sequence[Tensor]) -> Generator[Batch]:
    """The row numbers and the encoded inputs of one batch after the other.

    Args:
        inputs: encoded inputs of all rows.
        batches: row numbers of each batch, on the device on which the inputs are wanted.
    """
    if not on_disk(inputs):
        yield from ((rows, [x[rows] for x in inputs]) for rows in batches)
        return
    groups = _groups(batches, max(1, _AHEAD_BYTES // max(_row_bytes(inputs), 1)))
    with ThreadPoolExecutor(1, thread_name_prefix="vouch-read") as reader:
        ahead: Future[list[Batch]] | None = None
        for group in groups:
            read = reader.submit(_read, inputs, group)
            yield from ahead.result() if ahead else ()
            ahead = read
        yield from ahead.result() if ahead else ()


def taken(inputs: Sequence[Tensor], rows: Tensor) -> list[Tensor]:
    """Encoded inputs of some rows (n,), on the device of the rows."""
    return [x[rows] for x in inputs] if not on_disk(inputs) else _gather(inputs, rows)


def passes_of(rows: Tensor, inputs: list[Tensor], count: int) -> Iterator[Batch]:
    """The parts in which the rows of a batch pass through the network, none of them empty; one part is the batch."""
    count = min(count, len(rows))
    if count <= 1:
        yield rows, inputs
        return
    parts = zip(*(x.tensor_split(count) for x in inputs), strict=True)
    yield from ((some, list(part)) for some, part in zip(rows.tensor_split(count), parts, strict=True))


def _groups(batches: Sequence[Tensor], rows: int) -> Iterator[list[Tensor]]:
    """Batches that follow one another, together no more than so many rows, or one batch."""
    group: list[Tensor] = []
    for batch in batches:
        if group and sum(map(len, group)) + len(batch) > rows:
            yield group
            group = []
        group.append(batch)
    if group:
        yield group


def _read(inputs: Sequence[Tensor], group: list[Tensor]) -> list[Batch]:
    """The inputs of several batches, read in one go."""
    sizes = [len(rows) for rows in group]
    parts = zip(*(x.split(sizes) for x in _gather(inputs, torch.cat(group))), strict=True)
    return [(rows, list(part)) for rows, part in zip(group, parts, strict=True)]


def _gather(inputs: Sequence[Tensor], rows: Tensor) -> list[Tensor]:
    """Rows in the order in which they lie on disk, then brought into the order that is wanted."""
    rising, place = rows.cpu().sort()
    back = torch.empty_like(place)
    back[place] = torch.arange(len(place))
    found = [x[rising][back].to(rows.device) for x in inputs]
    let_go()
    return found


def _row_bytes(inputs: Sequence[Tensor]) -> int:
    return sum(x[:1].nbytes for x in inputs)
