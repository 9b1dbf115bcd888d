"""Batches of rows on disk are those of rows in memory; they come in an order that is random in blocks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from vouch.data import encode
from vouch.data.shelf import Room
from vouch.nets.network import outputs_of
from vouch.training import feed
from vouch.training.feed import batches_of, extended, on_disk, outputs_at, shuffled, taken

ROWS = 1_000


@pytest.fixture
def inputs(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """Two encoded blocks on disk, in blocks of 10 rows, of which 4 make a window."""
    row = 3 * 4 + 8
    monkeypatch.setattr(feed, "BLOCK_BYTES", 10 * row)
    monkeypatch.setattr(feed, "WINDOW_BLOCKS", 4)
    return [mapped(torch.randn(ROWS, 3)), mapped(torch.arange(ROWS))]


def test_rows_in_memory_are_shuffled_as_a_whole() -> None:
    rows = torch.arange(0, 100, 2)
    found = shuffled(rows, [torch.zeros(100, 3)], torch.Generator().manual_seed(0))
    assert torch.equal(found, rows[torch.randperm(50, generator=torch.Generator().manual_seed(0))])


def test_rows_on_disk_that_fit_into_a_window_come_in_the_order_of_rows_in_memory(inputs: list[Tensor]) -> None:
    rows = torch.arange(40)
    found = shuffled(rows, inputs, torch.Generator().manual_seed(0))
    assert torch.equal(found, shuffled(rows, [x.clone() for x in inputs], torch.Generator().manual_seed(0)))


def test_every_row_comes_once_in_an_order_that_follows_from_the_seed(inputs: list[Tensor]) -> None:
    rows = torch.arange(3, ROWS, 2)
    found = [shuffled(rows, inputs, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert torch.equal(found[0].sort().values, rows)
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_a_window_holds_rows_of_few_blocks_from_all_over_the_disk(inputs: list[Tensor]) -> None:
    found = shuffled(torch.arange(ROWS), inputs, torch.Generator().manual_seed(0))
    windows = [window for window in found.split(40) if len(window) == 40]
    assert all(len(torch.unique(window // 10)) == 4 for window in windows)
    assert sum(bool((window.diff() > 0).all()) for window in windows) == 0
    # Blocks are drawn from everywhere: neighbours seldom share a window.
    neighbours = [int((torch.unique(window // 10).diff() == 1).sum()) for window in windows]
    assert sum(neighbours) < len(windows)


@pytest.mark.parametrize("ahead", [1, 100, 10**6])
def test_batches_read_ahead_are_those_that_are_indexed(
    inputs: list[Tensor], ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_AHEAD_BYTES", ahead)
    batches = torch.randperm(ROWS).tensor_split(33)
    found = [(rows, list(parts)) for rows, parts in batches_of(inputs, batches)]
    assert [rows for rows, _ in found] == list(batches)
    for rows, ((part, encoded),) in found:
        assert part is rows
        assert all(torch.equal(one, x[rows]) for one, x in zip(encoded, inputs, strict=True))
        assert not on_disk(encoded)


def test_no_batches_are_none(inputs: list[Tensor]) -> None:
    assert list(batches_of(inputs, [])) == []


def test_what_goes_wrong_ahead_is_raised(inputs: list[Tensor]) -> None:
    with pytest.raises(IndexError):
        list(batches_of(inputs, [torch.tensor([ROWS])]))


def test_reading_ahead_ends_with_the_loop(inputs: list[Tensor]) -> None:
    feeding = batches_of(inputs, torch.arange(ROWS).tensor_split(50))
    next(feeding)
    feeding.close()


def test_taken_rows_are_copies_in_their_order(inputs: list[Tensor]) -> None:
    rows = torch.tensor([5, 3, 3, 900])
    assert all(torch.equal(one, x[rows]) for one, x in zip(taken(inputs, rows), inputs, strict=True))


@pytest.mark.parametrize("kept", ["memory", "disk"])
def test_the_parts_of_a_batch_are_the_batch(inputs: list[Tensor], kept: str) -> None:
    inputs = inputs if kept == "disk" else [x.clone() for x in inputs]
    rows = torch.randperm(ROWS)[:10]
    ((whole, passes),) = batches_of(inputs, [rows], 3)
    parts = list(passes)
    assert whole is rows
    assert [len(some) for some, _ in parts] == [4, 3, 3]
    assert torch.equal(torch.cat([some for some, _ in parts]), rows)
    for place, x in enumerate(inputs):
        assert torch.equal(torch.cat([encoded[place] for _, encoded in parts]), x[rows])
    ((_, few),) = batches_of(inputs, [rows[:2]], 5)
    assert [len(some) for some, _ in few] == [1, 1]


def test_outputs_of_rows_on_disk_are_those_in_memory(inputs: list[Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "_ANSWERED", 64)
    monkeypatch.setattr(feed, "_AHEAD_BYTES", 3000)
    network = Sums()
    rows = torch.randperm(ROWS)[:500]
    whole = outputs_of(network, [x[rows] for x in inputs], 64)
    network.seen.clear()
    assert torch.equal(outputs_at(network, inputs, rows), whole)
    assert network.seen == [64] * 7 + [52]
    assert outputs_at(network, inputs, rows[:0]).shape == (0, 1, 1)


@pytest.mark.parametrize("first", ["memory", "disk"])
@pytest.mark.parametrize("second", ["memory", "disk"])
def test_rows_of_others_follow_those_that_are_there(inputs: list[Tensor], first: str, second: str) -> None:
    own = inputs if first == "disk" else [x.clone() for x in inputs]
    others = inputs if second == "disk" else [x.clone() for x in inputs]
    rows = torch.tensor([7, 2, 900])
    found = extended(own, others, rows)
    assert on_disk(found) == (first == "disk")
    assert all(torch.equal(one, torch.cat([x, x[rows]])) for one, x in zip(found, inputs, strict=True))


def test_what_becomes_too_large_goes_to_disk(inputs: list[Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encode, "RESIDENT_BYTES", 100)
    monkeypatch.setattr(encode, "CHUNK_BYTES", 500)
    own = [x.clone() for x in inputs]
    rows = torch.arange(0, ROWS, 3)
    found = extended(own, inputs, rows)
    assert on_disk(found)
    assert all(torch.equal(one, torch.cat([x, x[rows]])) for one, x in zip(found, inputs, strict=True))


class Sums(nn.Module):
    """The sum of all that it is given, and how many rows that were."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def forward(self, numbers: Tensor, codes: Tensor) -> Tensor:
        self.seen.append(len(numbers))
        return (numbers.sum(1) + codes)[:, None, None]


def mapped(x: Tensor) -> Tensor:
    room = Room()
    start = room.append(x.numpy())
    return torch.frombuffer(room.mapped(), dtype=x.dtype, count=x.numel(), offset=start).view(x.shape)
