"""Clean tables, writings and pictures, from which each test plants one failing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

_NOUNS = """
time year people way day man thing woman life child world school state family student group country problem hand part
place case week company system program question work government number night point home water room mother
"""
WORDS = _NOUNS.split()


@dataclass(frozen=True)
class Plain:
    """Columns, classes, and what a fair network would say."""

    columns: dict[str, Any]
    classes: npt.NDArray[np.int64]
    said: npt.NDArray[np.float64]

    def rows(self, at: npt.NDArray[np.int64]) -> Plain:
        columns = {name: cells[torch.from_numpy(at)] if isinstance(cells, Tensor) else cells[at]
                   for name, cells in self.columns.items()}  # fmt: skip
        return Plain(columns, self.classes[at], self.said[at])

    def copied(self, rng: np.random.Generator, share: float) -> tuple[Plain, int]:
        """The same with its last rows copied from the others, and how many those are."""
        n = len(self.classes)
        k = int(share * n)
        return self.rows(np.concatenate([np.arange(n - k), rng.permutation(n - k)[:k]])), k


def table(rng: np.random.Generator, n: int = 500) -> Plain:
    """Quantities, one of them with heavy tails, and values out of a set."""
    z = rng.normal(size=(n, 3))
    chance = 1 / (1 + np.exp(-1.7 * (z[:, 0] + 0.7 * z[:, 1])))
    columns = {
        "plain": 3 * z[:, 0] + 10,
        "skewed": np.exp(0.8 * z[:, 1]),
        "tailed": rng.standard_t(2.5, n),
        "age": rng.integers(18, 80, n).astype(float),
        "region": rng.choice(np.array(["north", "south", "east", "west"], dtype=object), n),
        "work": rng.choice(
            np.array(["private", "public", "family", "federal"], dtype=object), n, p=[0.4, 0.2, 0.2, 0.2]
        ),
    }
    return Plain(columns, (rng.random(n) < chance).astype(np.int64), np.stack([1 - chance, chance], 1))


def writings(rng: np.random.Generator, n: int = 400) -> Plain:
    """Sentences of random words, of two classes with words of their own."""
    classes = rng.integers(0, 2, n)
    texts = [" ".join(rng.choice(WORDS[12 * k : 12 * k + 24], rng.integers(20, 40))) for k in classes]
    return Plain({"said": np.array(texts, dtype=object)}, classes, np.eye(2)[classes] * 0.9 + 0.05)


def drawings(rng: np.random.Generator, n: int = 300, side: int = 20) -> Plain:
    """Discs and squares of random place, size and light, under noise."""
    classes = rng.integers(0, 2, n)
    y, x = np.mgrid[:side, :side] / side
    made = []
    for k in classes:
        a, b, r = rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.7), rng.uniform(0.12, 0.3)
        far = np.hypot(y - a, x - b) if k else np.maximum(abs(y - a), abs(x - b))
        light = (far < r) * rng.uniform(120, 220) + rng.uniform(10, 60) + rng.uniform(-40, 40) * y
        made.append(np.clip(light + rng.normal(0, 12, (side, side)), 0, 255))
    pictures = torch.from_numpy(np.array(made).astype(np.uint8))[:, None]
    return Plain({"drawn": pictures}, classes, np.eye(2)[classes] * 0.9 + 0.05)
