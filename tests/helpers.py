"""Small data for tests, made on the spot."""

from __future__ import annotations

import numpy as np
import polars as pl

FAST = {"epochs": 3, "members": 4, "width": 32}


def rows(n: int = 120, seed: int = 0, task: str = "binary") -> pl.DataFrame:
    """A table with a number, a category, a date and a target that follows from them."""
    rng = np.random.default_rng(seed)
    size, kind = rng.normal(size=n), rng.choice(["red", "green", "blue"], n)
    days = pl.date_range(pl.date(2020, 1, 1), pl.date(2030, 1, 1), "1d", eager=True).sample(n, seed=seed, shuffle=True)
    score = 2 * size + (kind == "red") * 2 + rng.normal(size=n) * 0.3
    target = {
        "binary": np.where(score > 0.5, "yes", "no"),
        "multiclass": np.array(["low", "middle", "high"])[np.digitize(score, [-0.5, 1.5])],
        "regression": score,
    }[task]
    return pl.DataFrame({"size": size, "kind": kind, "day": days.dt.to_string("%Y-%m-%d"), "y": target})
