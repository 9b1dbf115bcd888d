"""Near copies among writings: MinHash over shingles of characters, confirmed by the share of shingles in common."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from vouch.challenges.data_quality.neighbours import Pairs, no_pairs

LIKE = 0.8
WIDTH = 5
_SHORTEST = 20
_HASHES = 32
_IN_A_BAND = 4
_NEXT = 3
_CHUNK = 4_000_000
_LONGEST = 4_000
_WORTH_A_LOOK = 0.55
_MOST_CONFIRMED = 60_000

Codes = npt.NDArray[np.uint64]


def near_writings(texts: Sequence[str | None], like: float = LIKE) -> Pairs:
    """Writings that share at least ``like`` of their shingles, but are not equal; case and spaces do not count.

    Candidates are rows that agree in a band of MinHash values (Broder, 1997), each compared with the next few in its
    bucket, so that the work grows with the rows and not with their square. Writings under 20 characters are left out:
    those are alike by chance.

    Args:
        texts: one for each row; None where missing.
        like: smallest share of shingles in common (Jaccard).

    Returns:
        The pairs.

    Example:
        >>> one = "the quick brown fox jumps over the lazy dog and runs far away"
        >>> found = near_writings([one, "something else, long enough to count", one + "!"])
        >>> found.first.tolist(), found.second.tolist()
        ([0], [2])
    """
    plain = [" ".join(text.casefold().split())[:_LONGEST] if text else "" for text in texts]
    rows = np.array([row for row, text in enumerate(plain) if len(text) >= _SHORTEST], dtype=np.int64)
    if len(rows) < 2:
        return no_pairs()
    codes, starts = _shingles([plain[row] for row in rows])
    a, b = _candidates(_signatures(codes, starts))
    likeness = np.array([_jaccard(codes, starts, i, j) for i, j in zip(a.tolist(), b.tolist(), strict=True)])
    pairs = zip(rows[a].tolist(), rows[b].tolist(), strict=True)
    differ = np.array([texts[i] != texts[j] for i, j in pairs], dtype=bool)
    kept = (likeness >= like) & differ if len(a) else np.zeros(0, bool)
    return Pairs(rows[a[kept]], rows[b[kept]], likeness[kept] if len(a) else likeness)


def _shingles(texts: Sequence[str]) -> tuple[Codes, npt.NDArray[np.int64]]:
    """Hashes of all windows of five bytes of all texts, one after the other, and where each text starts (n + 1,)."""
    encoded = [text.encode("utf-8", "replace") for text in texts]
    lengths = np.array([len(one) for one in encoded], dtype=np.int64)
    joined: Codes = np.frombuffer(b"".join(encoded), np.uint8).astype(np.uint64)
    windows = int(lengths.sum()) - WIDTH + 1
    codes = np.zeros(windows, dtype=np.uint64)
    for at in range(WIDTH):
        codes = codes * np.uint64(257) + joined[at : at + windows]
    ends: npt.NDArray[np.int64] = np.cumsum(lengths)
    inside = np.ones(windows, dtype=bool)
    for back in range(1, WIDTH):
        inside[ends[:-1] - back] = False
    starts = np.concatenate([[0], np.cumsum(lengths - WIDTH + 1)])
    return _scattered(codes[inside]), starts


def _signatures(codes: Codes, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
    """The smallest of each of 32 hashes over the shingles of each text (n, 32)."""
    rng = np.random.default_rng(0)
    odd = rng.integers(1, 2**32, _HASHES, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    out = np.empty((len(starts) - 1, _HASHES), dtype=np.uint32)
    for begin, end in _chunks(starts):
        some = codes[int(starts[begin]) : int(starts[end])]
        at = starts[begin:end] - starts[begin]
        for k in range(_HASHES):
            out[begin:end, k] = np.minimum.reduceat(((some * odd[k]) >> np.uint64(32)).astype(np.uint32), at)
    return out


def _chunks(starts: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Ranges of texts with a few million shingles each."""
    last, borders = len(starts) - 1, [0]
    while borders[-1] < last:
        further = int(np.searchsorted(starts, starts[borders[-1]] + _CHUNK, side="right")) - 1
        borders.append(min(max(further, borders[-1] + 1), last))
    return list(pairwise(borders))


def _candidates(signatures: npt.NDArray[np.uint32]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pairs of texts that agree in a band, each with the next few of its bucket."""
    found = []
    for band in range(0, _HASHES, _IN_A_BAND):
        key = np.zeros(len(signatures), dtype=np.uint64)
        for k in range(band, band + _IN_A_BAND):
            key = _scattered(key + signatures[:, k])
        order = np.argsort(key, kind="stable")
        for step in range(1, _NEXT + 1):
            same = key[order[:-step]] == key[order[step:]]
            found.append(np.stack([order[:-step][same], order[step:][same]], axis=1))
    both = np.concatenate(found)
    keys = np.unique(both.min(axis=1) * len(signatures) + both.max(axis=1))
    a, b = keys // len(signatures), keys % len(signatures)
    alike = (signatures[a] == signatures[b]).mean(axis=1)
    # What is alike in few of the 32 is hardly alike in eight tenths; of very many, the likeliest are confirmed.
    kept = np.flatnonzero(alike >= _WORTH_A_LOOK)
    kept = kept[np.argsort(-alike[kept], kind="stable")[: min(2 * len(signatures), _MOST_CONFIRMED)]]
    return a[kept], b[kept]


def _jaccard(codes: Codes, starts: npt.NDArray[np.int64], i: int, j: int) -> float:
    a, b = (np.unique(codes[slice(*starts[k : k + 2].tolist())]) for k in (i, j))
    common = len(a) + len(b) - len(np.union1d(a, b))
    return common / max(len(a) + len(b) - common, 1)


def _scattered(x: Codes) -> Codes:
    x = (x ^ (x >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)
    return x ^ (x >> np.uint64(29))
