"""Batches out of encoded rows: indexed where they are in memory, read ahead in large pieces where they are on disk."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain

import torch
from torch import Tensor, nn

from vouch.data import encode
from vouch.data.shelf import is_mapped, let_go
from vouch.nets.network import outputs_of
from vouch.training.lengths import Lengths, cut, reaches

BLOCK_BYTES = 2**20
WINDOW_BLOCKS = 64
_AHEAD_BYTES = 32 * 2**20
_SPAN_BYTES = 256 * 2**20
_ANSWERED = 1024

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


def placed(inputs: Sequence[Tensor], device: torch.device) -> list[Tensor]:
    """Encoded rows where they are computed with; those on disk stay there, and are sent batch by batch."""
    return list(inputs) if on_disk(inputs) else [x.to(device) for x in inputs]


def batches_of(
    inputs: Sequence[Tensor], batches: Sequence[Tensor], passes: int = 1, lengths: Lengths | None = None
) -> Generator[tuple[Tensor, Iterable[Batch]]]:
    """The row numbers of one batch after the other, with the parts in which it passes through the network.

    Each part is row numbers and encoded inputs, none of them empty; a single one has the row numbers of the batch.

    Args:
        inputs: encoded inputs of all rows.
        batches: row numbers of each batch, on the device on which the inputs are wanted.
        passes: parts of each batch, as far as there are rows.
        lengths: of rows in memory, by which inputs are cut at the end of the longest row of their batch.
    """
    if not on_disk(inputs):
        for rows, reach in zip(batches, reaches(batches, lengths or {}), strict=True):
            yield rows, ((part, cut([x[part] for x in inputs], reach)) for part in _parts(rows, passes))
        return
    for rows, encoded in _read_ahead(inputs, batches):
        count = min(passes, len(rows))
        pieces = zip(*(x.tensor_split(max(count, 1)) for x in encoded), strict=True)
        yield rows, zip(_parts(rows, passes), map(list, pieces), strict=True)


def _read_ahead(inputs: Sequence[Tensor], batches: Sequence[Tensor]) -> Generator[Batch]:
    """Batches out of what a thread reads from disk while those before are used."""
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


def outputs_at(network: nn.Module, inputs: Sequence[Tensor], rows: Tensor) -> Tensor:
    """The network's outputs (n, M, K) for some rows (n,), of which a few MiB are in memory at once.

    Args:
        network: left in evaluation mode.
        inputs: encoded inputs of all rows.
        rows: row numbers, on the device of the network.
    """
    parts = rows.split(at_once(inputs))
    return torch.cat([outputs_of(network, taken(inputs, part), _ANSWERED) for part in parts])


def at_once(inputs: Sequence[Tensor]) -> int:
    """Rows that are answered at once: 32 MiB of them, in whole batches, so that the last bits are those of all rows."""
    return max(1, _AHEAD_BYTES // max(_row_bytes(inputs), 1) // _ANSWERED) * _ANSWERED


def extended(inputs: Sequence[Tensor], more: Sequence[Tensor], rows: Tensor) -> list[Tensor]:
    """Encoded rows, and after them some of others (n,); on disk where all of them are too large for memory.

    Raises:
        OutputError: the temporary file cannot be written, or the disk is full.
    """
    count, row = len(inputs[0]) + len(rows), max(_row_bytes(inputs), 1)
    if not on_disk(inputs) and count * row <= encode.RESIDENT_BYTES:
        added = taken(more, rows.to(inputs[0].device))
        return [torch.cat([x, some]) for x, some in zip(inputs, added, strict=True)]
    step = max(1, encode.CHUNK_BYTES // row)
    own = ([x[at : at + step].cpu() for x in inputs] for at in range(0, len(inputs[0]), step))
    others = ([x.cpu() for x in taken(more, part)] for part in rows.split(step) if len(part))
    return encode.written([x[:1] for x in inputs], chain(own, others), count)


def _parts(rows: Tensor, count: int) -> Sequence[Tensor]:
    """The parts in which the rows of a batch pass through the network, none of them empty; one part is the batch."""
    count = min(count, len(rows))
    return rows.tensor_split(count) if count > 1 else (rows,)


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
    """Rows in the order in which they lie on disk, then brought into the order that is wanted.

    A few pages of the files are in memory at once, also where the rows are spread over all of them.
    """
    rising, place = rows.cpu().sort()
    back = torch.empty_like(place)
    back[place] = torch.arange(len(place))
    span = max(1, _SPAN_BYTES // max(_row_bytes(inputs), 1))
    counts = (rising // span).unique_consecutive(return_counts=True)[1].tolist()
    pieces = rising.split(counts) if counts else [rising]
    found: list[list[Tensor]] = []
    for piece in pieces:
        found.append([x[piece] for x in inputs])
        let_go()
    return [torch.cat(some)[back].to(rows.device) for some in zip(*found, strict=True)]


def _row_bytes(inputs: Sequence[Tensor]) -> int:
    return sum(x[:1].nbytes for x in inputs)
