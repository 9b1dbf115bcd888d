"""Pictures that show little: dark, of one colour, blurred, or of an odd size."""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.ndimage import gaussian_filter

from benchmarks.plants.bases import pictures, pixels, repainted
from benchmarks.plants.media import PICTURES
from benchmarks.plants.plant import Made, Make, Promise, rng_of, sow
from vouch.api.casing import LiveCase
from vouch.challenges import data_quality as dq

DQ = "data_quality"
Pixels: TypeAlias = npt.NDArray[np.uint8]
Sizes: TypeAlias = npt.NDArray[np.int64]
Rng = np.random.Generator


def _painted(name: str, paint: Callable[[Rng, Pixels], npt.NDArray[np.float64]]) -> Make:
    """So many pictures painted over."""

    def make(seed: int, strength: float) -> LiveCase:
        rng, case = rng_of(seed, f"painted {name}"), pictures(name, seed)
        drawn = pixels(case)
        rows = rng.permutation(500)[: round(strength * 500)]
        if not len(rows):
            return case
        drawn[rows] = np.clip(paint(rng, drawn[rows]), 0, 255).astype(np.uint8)
        return repainted(case, drawn)

    return make


def _dimmed(rng: Rng, drawn: Pixels) -> npt.NDArray[np.float64]:
    """A tenth of the light."""
    del rng
    return drawn.astype(np.float64) * 0.1


def _flat(rng: Rng, drawn: Pixels) -> npt.NDArray[np.float64]:
    """One colour each."""
    return np.broadcast_to(rng.integers(0, 256, (len(drawn), 1, 1, drawn.shape[3])), drawn.shape).astype(np.float64)


def _blurred(rng: Rng, drawn: Pixels) -> npt.NDArray[np.float64]:
    """A Gaussian of three pixels."""
    del rng
    return gaussian_filter(drawn.astype(float), (0, 3, 3, 0))


def _filed(name: str, law: Callable[[Rng], Sizes], odd: Callable[[Sizes], Sizes]) -> Make:
    """Files of sizes from a law, of which so many are odd."""

    def make(seed: int, strength: float) -> LiveCase:
        rng, case = rng_of(seed, f"files {name}"), pictures("shapes", seed)
        sizes = law(rng)
        rows = rng.permutation(500)[: round(strength * 500)]
        sizes[rows] = odd(sizes[rows])
        cells = pl.Series("image", [_file(max(w, 1), max(h, 1)) for w, h in sizes.tolist()])
        raw = replace(case.raw, frame=case.raw.frame.with_columns(cells), root=_folder())
        return replace(case, raw=raw)

    return make


@lru_cache(maxsize=1)
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="plants-"))


@lru_cache(maxsize=20_000)
def _file(width: int, height: int) -> str:
    """The name of a PNG file that has a size and no picture; only headers are read."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + head
    name = f"{width}x{height}.png"
    end = struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + end
    (_folder() / name).write_bytes(data)
    return name


def _alike(rng: Rng) -> Sizes:
    return np.full((500, 2), 224) + 4 * rng.integers(-2, 3, (500, 2))


def _photos(rng: Rng) -> Sizes:
    """Photos of several makes, upright or not."""
    made = np.array([[640, 480], [800, 600], [960, 720]])[rng.integers(0, 3, 500)]
    return np.where(rng.random((500, 1)) < 0.2, made[:, ::-1], made)


def _scans(rng: Rng) -> Sizes:
    """Scans that were cut by hand."""
    return (np.array([300, 420]) * np.exp(0.12 * rng.normal(size=(500, 2)))).round().astype(np.int64)


def _narrow(sizes: Sizes) -> Sizes:
    """A third of the width."""
    return np.stack([sizes[:, 0] // 3, sizes[:, 1]], axis=1)


_FEW, _SOFT = (0.01, 0.02, 0.05), (0.015, 0.03, 0.06)


def _each(how: str, paint: Callable[[Rng, Pixels], npt.NDArray[np.float64]]) -> list[tuple[str, str, Made, Make]]:
    """Every sort of pictures, painted over in one way."""
    return [(f"{name} {how}", "pictures", "edited", _painted(name, paint)) for name in PICTURES]


PLANTS = (
    *sow(
        Promise(dq.dark_pictures, DQ, _FEW, 0.02),
        *_each("in a tenth of the light", _dimmed),
    ),
    *sow(
        Promise(dq.uniform_pictures, DQ, _FEW, 0.02),
        *_each("of one colour", _flat),
    ),
    *sow(
        Promise(dq.blurred_pictures, DQ, _SOFT, 0.03),
        *_each("under a blur of 3 pixels", _blurred),
    ),
    *sow(
        Promise(dq.odd_sizes, DQ, _FEW, 0.02),
        ("narrow files among squares", "pictures", "edited", _filed("alike", _alike, _narrow)),
        ("narrow files among photos", "pictures", "edited", _filed("photos", _photos, _narrow)),
        ("narrow files among scans", "pictures", "edited", _filed("scans", _scans, _narrow)),
    ),
)
