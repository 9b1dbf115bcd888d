"""Rows that end at different places: those of similar length share a batch, which is cut where the longest ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Generator, Tensor, nn

from vouch.contracts.roles import Encoder, Ragged

# For each input whose rows end at different places, by its number, how far they reach (N,).
Lengths = Mapping[int, Tensor]
WINDOW = 8
_WORTH = 0.9


def lengths_of(encoders: Sequence[Encoder], embedders: Sequence[nn.Module], inputs: Sequence[Tensor]) -> Lengths:
    """How far the rows of each input reach, where it pays off to bring together those of similar length.

    That is where the net lets all places of a row meet, which is most of its work, and where the rows end at places so
    different that a tenth is saved. A net that sums over places saves little, and learns a little worse from such
    batches.

    Args:
        encoders: one for each input.
        embedders: their nets.
        inputs: encoded rows (N, T, ...).
    """
    known = {
        number: one.lengths(x)
        for number, (one, net, x) in enumerate(zip(encoders, embedders, inputs, strict=True))
        if isinstance(one, Ragged) and getattr(net, "contextual", False) and len(x)
    }
    return {number: x for number, x in known.items() if float(x.float().mean()) <= _WORTH * int(x.max())}


def similar(batches: Sequence[Tensor], lengths: Lengths, generator: Generator) -> list[Tensor]:
    """Batches of one epoch, as many and each as large, in which rows of similar length come together.

    The rows of each 8 batches that follow one another are dealt among these by their length, and the order of all
    batches is drawn. So every row comes once, at a random time, and with others that were drawn at random but for their
    length.

    Args:
        batches: row numbers of each batch, in random order.
        lengths: of all rows; without any the batches are left as they are.
        generator: draws, on the device of the batches.

    Source:
        Khomenko et al., Accelerating recurrent neural network training using sequence bucketing and multi-GPU data
        parallelization (2016).

    Example:
        >>> batches = [torch.tensor([0, 1]), torch.tensor([2, 3])]
        >>> found = similar(batches, {0: torch.tensor([9, 2, 8, 3])}, Generator().manual_seed(0))
        >>> sorted(batch.tolist() for batch in found)
        [[1, 3], [2, 0]]
    """
    if not lengths:
        return list(batches)
    length, dealt = torch.stack(list(lengths.values())).sum(0), []
    for first in range(0, len(batches), WINDOW):
        window = batches[first : first + WINDOW]
        rows = torch.cat(list(window))
        dealt += rows[length[rows].argsort(stable=True)].split([len(batch) for batch in window])
    order = torch.randperm(len(dealt), generator=generator, device=generator.device)
    return [dealt[number] for number in order.tolist()]


def reaches(batches: Sequence[Tensor], lengths: Lengths) -> list[dict[int, int]]:
    """How far the longest row of each batch reaches, at least 1, by the number of the input.

    Example:
        >>> reaches([torch.tensor([0, 1])], {0: torch.tensor([9, 2, 30])})
        [{0: 9}]
    """
    found: list[dict[int, int]] = [{} for _ in batches]
    for number, length in lengths.items():
        longest = torch.stack([length[batch].max() for batch in batches]).clamp_min(1)
        for reach, most in zip(found, longest.tolist(), strict=True):
            reach[number] = most
    return found


def cut(inputs: Sequence[Tensor], reach: Mapping[int, int]) -> list[Tensor]:
    """Inputs (B, T, ...) without what is behind the end of all their rows.

    Example:
        >>> [tuple(x.shape) for x in cut([torch.zeros(2, 30), torch.zeros(2, 5)], {0: 9})]
        [(2, 9), (2, 5)]
    """
    return [x[:, : reach[number]] if number in reach else x for number, x in enumerate(inputs)]
