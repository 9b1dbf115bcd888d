"""Every plant of the bench."""

from __future__ import annotations

from benchmarks.plants import (
    cells,
    copies,
    generalising,
    hidden,
    labels,
    leaks,
    learning,
    looks,
    missing,
    parted,
    promises,
    strange,
    unexplained,
    unfair,
)
from benchmarks.plants.plant import Plant

ALL: tuple[Plant, ...] = (
    *missing.PLANTS, *copies.PLANTS, *leaks.PLANTS, *cells.PLANTS, *looks.PLANTS, *labels.PLANTS,
    *parted.PLANTS, *learning.PLANTS, *generalising.PLANTS, *promises.PLANTS, *strange.PLANTS,
    *unexplained.PLANTS,
    *unfair.PLANTS, *hidden.PLANTS,
)  # fmt: skip
