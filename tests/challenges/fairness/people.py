"""People of two sexes and three towns, of whom one group is called "yes" more often; made on the spot."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl

import vouch
from helpers import FAST
from vouch.api.casing import LiveCase
from vouch.testing import case_for

QUICK = {**FAST, "epochs": 6, "patience": 0}


def people(n: int = 1600, seed: int = 0, task: str = "binary") -> pl.DataFrame:
    """A skill that decides, on which men start ahead, and a town that says little."""
    rng = np.random.default_rng(seed)
    sex, town = rng.choice(["f", "m"], n), rng.choice(["north", "south", "west"], n, p=[0.6, 0.3, 0.1])
    skill = rng.normal(size=n) + 0.9 * (sex == "m")
    score = 1.5 * skill + 0.3 * (town == "west") + rng.logistic(size=n) - 1
    target = {
        "binary": np.where(score > 0, "yes", "no"),
        "multiclass": np.array(["low", "middle", "high"])[np.digitize(score, [-1.0, 1.0])],
        "multilabel": np.array([f"{'a|' if s > 0 else ''}{'b' if s > 1 else 'c'}" for s in score]),
        "regression": score,
    }[task]
    return pl.DataFrame({"skill": skill, "sex": sex, "town": town, "y": target})


@cache
def bundle(task: str = "binary", sensitive: tuple[str, ...] = ("sex",), drop: tuple[str, ...] = ()) -> vouch.Bundle:
    """A network that knows them."""
    return vouch.fit(
        people(task=task), "y", sensitive=sensitive, drop=drop, settings=QUICK,
        task="multilabel" if task == "multilabel" else None,
    )  # fmt: skip


def case(
    task: str = "binary", criterion: str = "", sensitive: tuple[str, ...] = ("sex",), drop: tuple[str, ...] = ()
) -> LiveCase:
    """The case of such a network, judged by a criterion."""
    return case_for(bundle(task, sensitive, drop), trainings=20.0).under("fairness", criterion)
