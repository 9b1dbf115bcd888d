"""Random changes to pieces of texts keep the texts' shape; how much they change is held by the conformance suite."""

from __future__ import annotations

import pytest
import torch
from torch import Generator, Tensor

from vouch.modalities.text.augment import CHANGES, augment


def generator(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def texts(rows: int = 200, longest: int = 9) -> Tensor:
    """Piece numbers (B, T) of texts of any length, none too."""
    ids = torch.randint(1, 30, (rows, longest), generator=generator(1), dtype=torch.int32)
    ends = torch.randint(0, longest + 1, (rows, 1), generator=generator(2))
    return ids * (torch.arange(longest) < ends)


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("seed", range(5))
def test_padding_stays_at_the_end_and_no_text_is_emptied(name: str, seed: int) -> None:
    before = texts()
    after = augment(before, (name,), generator(seed))
    assert after.dtype == before.dtype
    assert after.shape == before.shape
    assert ((after > 0).int().diff(dim=1) <= 0).all()
    assert torch.equal((after > 0).any(1), (before > 0).any(1))
    assert (after[before == 0] == 0).all()


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (0, 4), (2, 5)])
def test_texts_without_pieces_stay_without(name: str, shape: tuple[int, int]) -> None:
    empty = torch.zeros(shape, dtype=torch.int32)
    assert torch.equal(augment(empty, (name,), generator()), empty)


def test_the_only_piece_of_a_text_is_not_dropped() -> None:
    one = torch.tensor([[7, 0, 0]], dtype=torch.int32).repeat(300, 1)
    assert torch.equal(augment(one, ("token_dropout",), generator()), one)


def test_a_piece_does_not_change_places_with_padding() -> None:
    two = torch.tensor([[7, 8, 0, 0]], dtype=torch.int32).repeat(300, 1)
    found = augment(two, ("token_swap",), generator()).unique(dim=0).tolist()
    assert found == [[7, 8, 0, 0], [8, 7, 0, 0]]


def test_what_replaces_a_piece_occurs_in_the_batch() -> None:
    before = texts(40)
    after = augment(before, ("token_noise",), generator())
    assert (after != before).any()
    assert torch.isin(after, before).all()


def test_changes_are_made_one_after_the_other_and_strange_names_passed_over() -> None:
    before = texts()
    both = augment(before, ("column_swap", "token_noise", "token_dropout"), generator())
    shared = generator()
    assert torch.equal(both, CHANGES["token_noise"](CHANGES["token_dropout"](before, shared), shared))
    assert augment(before, ("flip",), generator()) is before
