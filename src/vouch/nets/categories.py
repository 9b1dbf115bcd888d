"""Category columns as vectors: one table for all columns, values never seen before, and strings by their n-grams."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from zlib import crc32

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vouch.nets.drawing import uniform

UNSEEN = 0
MISSING = 1


class CategoryEmbedding(nn.Module):
    """Embed every category column by one shared table; in training, rare values are at times hidden as unseen.

    A value that c training rows hold is hidden with probability 1 / (c + 1), as the chance that the next value is a
    new one falls with what was seen (Good and Turing), so the vector of "unseen" is trained on the values most like it.

    Args:
        cardinalities: number of codes of each column, the reserved codes 0 (unseen) and 1 (missing) included (N,).
        features: size D of a column's embedding.
        counts: how often each code occurs in the training rows, columns one after the other (sum of cardinalities,);
            without it no value is hidden (when weights are loaded afterwards).

    Example:
        >>> embedding = CategoryEmbedding([3, 5], features=4)
        >>> embedding(torch.tensor([[2, 4], [0, 1]])).shape
        torch.Size([2, 2, 4])
    """

    offsets: Tensor
    hiding: Tensor

    def __init__(self, cardinalities: Sequence[int], features: int, counts: Tensor | None = None) -> None:
        super().__init__()
        sizes = torch.tensor(list(cardinalities), dtype=torch.int64)
        total = sum(cardinalities)
        hiding = torch.zeros(total) if counts is None else 1 / (counts.float() + 1)
        self.register_buffer("offsets", sizes.cumsum(0) - sizes)
        self.register_buffer("hiding", hiding)
        self.weight = nn.Parameter(torch.randn(total, features))
        self.columns, self.features = len(sizes), features

    def forward(self, codes: Tensor) -> Tensor:
        """Embed codes (B, N) as (B, N, D)."""
        rows = codes + self.offsets
        if self.training:
            chance = self.hiding[rows]
            rows = torch.where(uniform(chance) < chance, self.offsets, rows)
        return F.embedding(rows, self.weight)


class NgramEmbedding(nn.Module):
    """Embed short dirty strings by the sum of their hashed n-grams, so that misspelt and unseen ones have a place.

    Args:
        columns: number of columns N.
        buckets: rows of a column's table; bucket 0 is padding.
        features: size D of a column's embedding.

    Source:
        Bojanowski et al., Enriching word vectors with subword information (2017).

    Example:
        >>> embedding = NgramEmbedding(columns=1, buckets=512, features=4)
        >>> embedding(hash_ngrams(["fire fighter", "firefigther"], buckets=512).unsqueeze(1)).shape
        torch.Size([2, 1, 4])
    """

    offsets: Tensor

    def __init__(self, columns: int, buckets: int, features: int) -> None:
        super().__init__()
        self.register_buffer("offsets", torch.arange(columns).unsqueeze(-1) * buckets)
        self.weight = nn.Parameter(torch.randn(columns * buckets, features))
        self.columns, self.features = columns, features

    def forward(self, grams: Tensor) -> Tensor:
        """Embed bucket numbers (B, N, G), padded by 0, as (B, N, D)."""
        present = (grams > 0).unsqueeze(-1)
        vectors = F.embedding(grams + self.offsets, self.weight) * present
        return vectors.sum(dim=-2) / present.sum(dim=-2).clamp_min(1).sqrt()


def hash_ngrams(strings: Sequence[str | None], buckets: int, grams: int = 32) -> Tensor:
    """Hash the words and the character 3- and 4-grams of strings into buckets, the same on every machine.

    Args:
        strings: the values (B); none where missing.
        buckets: number of buckets; 0 is kept for padding.
        grams: most n-grams G kept of a string, those of the smallest hashes (a fair sample: Broder, 1997).

    Returns:
        Bucket numbers (B, G), int64, 0 where a string has fewer.

    Example:
        >>> hash_ngrams(["abc", None], buckets=100, grams=4).count_nonzero(dim=1).tolist()
        [4, 0]
    """
    known = sorted({string for string in strings if string is not None})
    rows = {string: row for row, string in enumerate(known, start=1)}
    table = torch.zeros(len(known) + 1, grams, dtype=torch.int64)
    for string, row in rows.items():
        hashes = sorted(crc32(gram.encode()) for gram in _ngrams(string))[:grams]
        table[row, : len(hashes)] = torch.tensor(hashes, dtype=torch.int64) % (buckets - 1) + 1
    return table[torch.tensor([0 if string is None else rows[string] for string in strings], dtype=torch.int64)]


def _ngrams(string: str) -> set[str]:
    words = string.casefold().split()
    padded = [f"<{word}>" for word in words]
    pieces = {word[i : i + n] for word in padded for n in (3, 4) for i in range(len(word) - n + 1)}
    return pieces | set(padded) | {f"{a} {b}" for a, b in pairwise(padded)}
