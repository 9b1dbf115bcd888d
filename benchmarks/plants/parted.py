"""Sealed rows that are not like the others: labelled otherwise, or harder."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from benchmarks.plants.bases import edited, table
from benchmarks.plants.drawn import PlantedCase, Said, drawn
from benchmarks.plants.generalising import six, values
from benchmarks.plants.plant import Make, Promise, rng_of, sow
from vouch.api.casing import LiveCase
from vouch.challenges import data_quality as dq

DQ = "data_quality"


Law = Callable[[np.random.Generator, int, float], Said]


def _harder(law: Law, good: float, worse: Callable[[float], float]) -> Make:
    """Sealed rows that are so much harder, in the law's own measure."""

    def make(seed: int, strength: float) -> PlantedCase:
        rng = rng_of(seed, f"harder {law.__name__}")
        return drawn(law(rng, 850, good), law(rng, 150, good), law(rng, 500, worse(strength)), DQ)

    return make


def _otherwise(name: str) -> Make:
    """A table whose sealed rows bear another class so much more often than the network was right about them."""

    def make(seed: int, strength: float) -> LiveCase:
        case = table(name, seed, 2500)
        rng, sealed = rng_of(seed, f"otherwise {name}"), case.split.test
        test = case.scored("test")
        right = test.decoded.argmax(axis=1) == test.truth
        chosen = sealed[right][: round(strength * len(sealed))]
        target, classes = case.dataset.frame["target"], list(case.bundle.task.classes)
        cells = target.to_list()
        for row in rng.permutation(chosen).tolist():
            cells[row] = classes[(classes.index(cells[row]) + 1) % len(classes)]
        return edited(case, case.dataset.frame.with_columns(pl.Series("target", cells, dtype=target.dtype)))

    return make


PLANTS = (
    *sow(
        Promise(dq.scores_across_parts, DQ, (0.1, 0.2, 0.3), 0.2),
        ("six classes, called right less often", "predictions", "drawn", _harder(six, 0.85, lambda x: 0.85 - x)),
        ("loans that others decided on", "table", "edited", _otherwise("loans")),
        ("patients that others diagnosed", "table", "edited", _otherwise("patients")),
    ),
    *sow(
        Promise(dq.scores_across_parts, DQ, (0.4, 0.8, 1.2), 0.8),
        ("values, further off", "predictions", "drawn", _harder(values, 0.3, lambda x: 0.3 * (1 + x))),
    ),
)
