"""Batches of similar length: every row once, as many batches, little padding, and the same answers."""

from __future__ import annotations

import polars as pl
import pytest
import torch
from torch import Generator, Tensor, nn

import vouch
from vouch.contracts.recipe import Recipe
from vouch.contracts.schema import Column
from vouch.modalities.text.modality import Text
from vouch.nets.bag import TextCNN
from vouch.nets.transformer import SequenceEncoder
from vouch.training.lengths import cut, lengths_of, reaches, similar

WORDS = ("red", "blue", "cat", "dog", "runs", "sleeps", "fast", "slowly")


def batches(rows: int = 1000, size: int = 32) -> tuple[list[Tensor], Tensor]:
    order = torch.randperm(rows, generator=Generator().manual_seed(1))
    lengths = torch.randint(0, 100, (rows,), generator=Generator().manual_seed(2))
    return list(order.tensor_split(-(-rows // size))), lengths


def computed(some: list[Tensor], lengths: Tensor) -> int:
    reach = reaches(some, {0: lengths})
    return sum(len(batch) * most[0] for batch, most in zip(some, reach, strict=True))


def texts(rows: int) -> list[str]:
    draw = Generator().manual_seed(0)
    counts = torch.randint(1, 30, (rows,), generator=draw).tolist()
    return [" ".join(WORDS[i] for i in torch.randint(8, (count,), generator=draw)) for count in counts]


def watched(monkeypatch: pytest.MonkeyPatch, net: type[nn.Module]) -> list[int]:
    """Filled with the lengths of the batches that a net learns from."""
    seen, forward = [], net.forward

    def kept(self: nn.Module, ids: Tensor) -> Tensor:
        if self.training and torch.is_grad_enabled():
            seen.append(ids.shape[1])
        return forward(self, ids)

    monkeypatch.setattr(net, "forward", kept)
    return seen


def fitted(network: str) -> None:
    some = texts(300)
    data = {"text": some, "y": ["yes" if "cat" in text else "no" for text in some]}
    vouch.fit(data, "y", settings={"epochs": 3, "batch_size": 16, "network": f"none,{network}"})


def test_every_row_comes_once_in_batches_of_the_same_sizes() -> None:
    plain, lengths = batches()
    found = similar(plain, {0: lengths}, Generator().manual_seed(0))
    assert torch.equal(torch.cat(found).sort().values, torch.arange(1000))
    assert sorted(map(len, found)) == sorted(map(len, plain))


def test_most_of_the_padding_is_gone() -> None:
    plain, lengths = batches()
    found = similar(plain, {0: lengths}, Generator().manual_seed(0))
    assert computed(found, lengths) < 0.65 * computed(plain, lengths)
    assert computed(found, lengths) < 1.2 * int(lengths.sum())


def test_the_length_of_a_batch_tells_nothing_of_the_next_one() -> None:
    plain, lengths = batches(20_000)
    found = similar(plain, {0: lengths}, Generator().manual_seed(0))
    mean = torch.stack([lengths[batch].float().mean() for batch in found])
    assert abs(float(torch.corrcoef(torch.stack([mean[:-1], mean[1:]]))[0, 1])) < 0.1


def test_without_lengths_batches_and_draws_are_what_they_were() -> None:
    plain, _ = batches()
    generator = Generator().manual_seed(0)
    assert all(a is b for a, b in zip(similar(plain, {}, generator), plain, strict=True))
    assert torch.equal(torch.rand(3, generator=generator), torch.rand(3, generator=Generator().manual_seed(0)))


def test_two_inputs_are_cut_each_at_its_own_longest() -> None:
    lengths = {1: torch.tensor([3, 1, 0]), 2: torch.tensor([0, 0, 0])}
    (reach,) = reaches([torch.tensor([0, 1])], lengths)
    found = cut([torch.zeros(2, 4), torch.zeros(2, 5), torch.zeros(2, 6)], reach)
    assert [tuple(x.shape) for x in found] == [(2, 4), (2, 3), (2, 1)]


@pytest.mark.parametrize("network", ["bag", "textcnn", "transformer"])
def test_a_net_says_the_same_of_texts_that_are_cut(network: str) -> None:
    frame = pl.DataFrame({"text": [*texts(60), None]})
    recipe = Recipe(network=("none", network))
    encoder = Text().fit(frame, [Column("text", "text", "feature", "")], recipe, None)
    x = encoder.encode(frame)
    length = encoder.lengths(x)
    assert length[-1] == 0
    for row, end in zip(x[:-1], length.tolist(), strict=False):
        assert row[end - 1] > 0
        assert not row[end:].any()
    rows = length.argsort()[:20]
    (short,) = cut([x[rows]], reaches([rows], {0: length})[0])
    assert short.shape[1] < 0.6 * x.shape[1]
    net = encoder.embed(recipe).eval()
    torch.testing.assert_close(net(short), net(x[rows]), rtol=1e-5, atol=1e-6)


def test_inputs_whose_rows_are_alike_are_left_alone() -> None:
    frame = pl.DataFrame({"text": [" ".join(WORDS)] * 30})
    recipe = Recipe(network=("none", "transformer"))
    encoder = Text().fit(frame, [Column("text", "text", "feature", "")], recipe, None)
    assert lengths_of([encoder], [encoder.embed(recipe)], [encoder.encode(frame)]) == {}


def test_a_fit_learns_from_batches_that_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = watched(monkeypatch, SequenceEncoder)
    fitted("transformer")
    assert min(seen) < 0.5 * max(seen)
    assert sum(seen) < 0.75 * max(seen) * len(seen)


def test_a_net_that_sums_over_places_learns_from_batches_of_any_length(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = watched(monkeypatch, TextCNN)
    fitted("textcnn")
    assert len(set(seen)) == 1
