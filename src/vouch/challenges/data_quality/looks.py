"""Near copies among pictures: perceptual hashes find candidates, the pixels confirm them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import bdtrc
from torch import Tensor

from vouch.challenges.data_quality.neighbours import CHANCE, Pairs, no_pairs

Bits = npt.NDArray[np.uint64]
Small = npt.NDArray[np.float32]

_SIDE = 32
_LOW = 8
_ORDERS = 12
_NEXT = 8
_MOST_BITS = 10
_CHUNK = 4096
_MOST_CONFIRMED = 2000
_NEARER = 0.5
# Pictures differ in three ways at least, so that of all nearest neighbours one in eight is half as near as the next.
_BY_CHANCE = 0.125
FURTHEST = 0.15


def grey(pictures: Tensor) -> Tensor:
    """Pictures (B, C, H, W) as brightness from 0 to 1 (B, H, W)."""
    plain = pictures.float().mean(dim=1)
    if pictures.dtype == torch.uint8:
        return plain / 255
    low, high = plain.min(), plain.max()
    return (plain - low) / (high - low).clamp_min(1e-9)


def shrunk(pictures: Tensor, side: int = _SIDE) -> Small:
    """Pictures (B, C, H, W) as small grey ones (B, side, side), without their mean."""
    chunks = []
    for some in pictures.split(_CHUNK):
        small = torch.nn.functional.interpolate(grey(some)[:, None], size=(side, side), mode="area")[:, 0]
        chunks.append(small - small.mean(dim=(1, 2), keepdim=True))
    return torch.cat(chunks).numpy()


def perceptual_hash(small: Small) -> Bits:
    """64 bits for each picture: which low frequencies are above their median (pHash: Zauner, 2010).

    Args:
        small: grey pictures (B, S, S).

    Returns:
        The bits (B,).

    Example:
        >>> ramp = np.linspace(0, 1, 32, dtype=np.float32) * np.ones((2, 32, 1), np.float32)
        >>> len(set(perceptual_hash(ramp).tolist()))
        1
    """
    from scipy.fft import dctn

    low = np.asarray(dctn(small, axes=(1, 2), norm="ortho"))[:, :_LOW, :_LOW].reshape(len(small), -1)
    above = low > np.median(low[:, 1:], axis=1, keepdims=True)
    return np.packbits(above, axis=1).view(">u8").astype(np.uint64).reshape(-1)


def near_pictures(pictures: Tensor) -> Pairs:
    """Pictures that look alike but for size, compression, brightness or small changes, and are not equal.

    Candidates have nearly the same perceptual hash: the bits are put in twelve random orders, sorted, and each picture
    is compared with the next eight. A candidate is confirmed when its pixels, brought to 16 × 16 and to the same
    contrast, differ by little, and by far less than those of other candidates: like pictures of one class do not count.

    Args:
        pictures: bytes (B, C, H, W).

    Returns:
        The pairs; none when chance explains them.

    Example:
        >>> from torch import randint
        >>> some = randint(0, 255, (60, 1, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
        >>> some[20:40] = (some[:20] * 0.9).to(torch.uint8)
        >>> sorted(near_pictures(some).first.tolist()) == list(range(20))
        True
    """
    small = shrunk(pictures)
    size = small.reshape(len(small), -1).std(axis=1)
    rows = np.flatnonzero(size > 0.01)
    if len(rows) < 3:
        return no_pairs()
    looks = small[rows].reshape(len(rows), 16, 2, 16, 2).mean(axis=(2, 4)).reshape(len(rows), -1)
    looks = looks / np.maximum(np.linalg.norm(looks, axis=1, keepdims=True), 1e-9)
    a, b = _candidates(perceptual_hash(small[rows]))
    gaps = np.linalg.norm(looks[a] - looks[b], axis=1) if len(a) else np.zeros(0)
    best = np.argsort(gaps, kind="stable")[: min(int((gaps <= FURTHEST).sum()), _MOST_CONFIRMED)]
    a, b, gaps = a[best], b[best], gaps[best].astype(np.float64)
    differ = np.array([not torch.equal(pictures[rows[i]], pictures[rows[j]]) for i, j in zip(a, b, strict=True)], bool)
    a, b, gaps = a[differ], b[differ], gaps[differ]
    apart = gaps <= _NEARER * _next_nearest(looks, a, b)
    p_value = 1.0
    for reach in (FURTHEST, FURTHEST / 3):
        # Few copies among many pictures that are merely alike are seen only where those are rare.
        close = gaps <= reach
        kept = apart & close
        p_value = min(1.0, 2 * float(bdtrc(kept.sum() - 1, close.sum(), _BY_CHANCE))) if kept.any() else 1.0
        if p_value <= CHANCE:
            return Pairs(rows[a[kept]], rows[b[kept]], 1 - gaps[kept] ** 2 / 2, p_value)
    return no_pairs(p_value)


def _candidates(bits: Bits) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pairs of pictures whose hashes differ in few bits (first, second)."""
    spelt = np.unpackbits(bits.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    rng, found = np.random.default_rng(0), []
    for _ in range(_ORDERS):
        shuffled = np.packbits(np.ascontiguousarray(spelt[:, rng.permutation(64)]), axis=1).view(">u8").reshape(-1)
        order = np.argsort(shuffled, kind="stable")
        for step in range(1, min(_NEXT, len(order) - 1) + 1):
            i, j = order[:-step], order[step:]
            near = np.bitwise_count(bits[i] ^ bits[j]) <= _MOST_BITS
            found.append(np.minimum(i, j)[near] * len(bits) + np.maximum(i, j)[near])
    pairs = np.unique(np.concatenate(found))
    return pairs // len(bits), pairs % len(bits)


def _next_nearest(looks: Small, a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """How far the nearest third picture is from either of each pair (P,)."""
    out = np.full(len(a), np.inf)
    for start in range(0, len(a), 256):
        some = slice(start, start + 256)
        for one in (a[some], b[some]):
            nearness = looks[one] @ looks.T
            nearness[np.arange(len(one)), a[some]] = nearness[np.arange(len(one)), b[some]] = -1
            gap = np.sqrt(np.maximum(2 - 2 * nearness.max(axis=1), 0)).astype(np.float64)
            out[some] = np.minimum(out[some], gap)
    return out
