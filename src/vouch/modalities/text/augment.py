"""Random changes to a batch of encoded texts: pieces left out, exchanged with a neighbour, or replaced.

Every function is pure: piece numbers (B, T), 0 where a text is over, and a generator in; new ones out. A text keeps its
pieces together at the front and its padding at the end, and is never emptied.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import torch
from torch import Generator, Tensor

SHARE = 0.1


def augment(ids: Tensor, names: Collection[str], generator: Generator) -> Tensor:
    """Texts with the named changes, in the order of ``CHANGES``, each made to one piece in ten.

    Args:
        ids: piece numbers, (B, T).
        names: of changes; others are passed over.
        generator: source of all randomness.

    Returns:
        New piece numbers, (B, T), of the same type; the same ones where no change is named.

    Source:
        Wei and Zou, EDA: Easy data augmentation techniques (2019), for the share.

    Example:
        >>> ids = torch.tensor([[5, 9, 2, 0]], dtype=torch.int32)
        >>> augment(ids, ("token_swap",), torch.Generator().manual_seed(0)).sort().values.tolist()
        [[0, 2, 5, 9]]
    """
    for name, change in CHANGES.items():
        ids = change(ids, generator) if name in names else ids
    return ids


def drop_tokens(ids: Tensor, generator: Generator) -> Tensor:
    """Texts (B, T) with a share of their pieces left out, the others closed up; one that would be empty stays as it is.

    Source: Iyyer et al., Deep unordered composition rivals syntactic methods for text classification (2015).
    """
    kept = (ids > 0) & ~_chosen(ids, generator)
    left = kept.any(1, keepdim=True)
    # Sorting by whether a place is empty, in a stable way, closes the gaps.
    order = (~kept).to(torch.uint8).argsort(dim=1, stable=True)
    return torch.where(left, ids.where(kept, 0).gather(1, order), ids)


def swap_tokens(ids: Tensor, generator: Generator) -> Tensor:
    """Texts (B, T) in which a share of the pieces has changed places with a neighbour, each at most once."""
    place = torch.arange(ids.shape[1], device=ids.device).expand(ids.shape)
    odd = torch.randint(2, (len(ids), 1), generator=generator, device=ids.device)
    partner = torch.where((place + odd) % 2 == 0, place + 1, place - 1)
    inside = (partner >= 0) & (partner < ids.shape[1])
    partner = partner.where(inside, place)
    moved = _chosen(ids, generator).gather(1, torch.minimum(place, partner))
    # A piece that changes places with padding would leave a gap.
    both = (ids > 0) & (ids.gather(1, partner) > 0)
    return ids.gather(1, torch.where(moved & both, partner, place))


def replace_tokens(ids: Tensor, generator: Generator) -> Tensor:
    """Texts (B, T) with a share of their pieces replaced by any piece of the batch, so that frequent ones come often.

    Source: Xie et al., Data noising as smoothing in neural network language models (2017).
    """
    flat = ids.flatten()
    pieces = (flat == 0).to(torch.uint8).argsort(stable=True)
    count = (flat > 0).sum()
    drawn = (torch.rand(ids.shape, generator=generator, device=ids.device) * count).long()
    # A share just below 1 may be rounded up to the whole.
    drawn = torch.minimum(drawn, count - 1).clamp_min(0)
    return torch.where((ids > 0) & _chosen(ids, generator), flat[pieces[drawn]], ids)


def _chosen(ids: Tensor, generator: Generator) -> Tensor:
    """Where a change is made (B, T)."""
    return torch.rand(ids.shape, generator=generator, device=ids.device) < SHARE


CHANGES: dict[str, Callable[[Tensor, Generator], Tensor]] = {
    "token_dropout": drop_tokens,
    "token_swap": swap_tokens,
    "token_noise": replace_tokens,
}
