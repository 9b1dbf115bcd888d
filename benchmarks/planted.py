"""Explanations of networks whose truth is planted: how often what decides is ranked first.

    python benchmarks/planted.py
    python benchmarks/planted.py --only words --seeds 2

Tables whose target follows one column of eight, pictures with a bright patch somewhere, and texts with one of two
trigger words among others. A network is trained on each; rows of the sealed part that it gets right are explained as
``vouch explain`` does by default, and the part with the largest contribution is looked up.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from PIL import Image

import vouch
from vouch.contracts.explaining import Explanation
from vouch.statistics.intervals import wilson

Rng = np.random.Generator
_ROWS, _EXPLAINED, _SIDE, _PATCH = 1500, 60, 32, 4
_FILLERS = (
    "amber", "basin", "candle", "dune", "ember", "fjord", "grove", "hollow", "island", "jetty", "kiln", "ledge",
)  # fmt: skip
_TRIGGERS = ("zeppelin", "xylophone")


def columns(rng: Rng, folder: Path) -> tuple[object, list[str]]:
    """A table in which one column of eight decides, and its name for every row."""
    del folder
    x = rng.normal(size=(_ROWS, 8))
    which = int(rng.integers(8))
    target = np.where(x[:, which] > 0, "yes", "no")
    return pl.DataFrame({**{f"x{k}": x[:, k] for k in range(8)}, "target": target}), [f"x{which}"] * _ROWS


def patches(rng: Rng, folder: Path) -> tuple[object, list[str]]:
    """Pictures of noise, of which half have a bright patch, and the part that it lies in."""
    targets, places, names = [], [], []
    for k in range(_ROWS):
        pixels = rng.integers(60, 130, (_SIDE, _SIDE)).astype(np.uint8)
        top, left = (int(_PATCH * rng.integers(_SIDE // _PATCH)) for _ in range(2))
        bright = rng.random() < 0.5
        if bright:
            pixels[top : top + _PATCH, left : left + _PATCH] = 250
        names.append(f"{k}.png")
        Image.fromarray(pixels).save(folder / names[-1])
        targets.append("yes" if bright else "no")
        places.append(f"picture[{top}:{top + _PATCH},{left}:{left + _PATCH}]" if bright else "")
    pl.DataFrame({"picture": names, "target": targets}).write_csv(folder / "data.csv")
    return folder / "data.csv", places


def words(rng: Rng, folder: Path) -> tuple[object, list[str]]:
    """Sentences of which each holds one of two words that decide, and that word."""
    del folder
    texts, targets, triggers = [], [], []
    for _ in range(_ROWS):
        said = rng.choice(_FILLERS, 11).tolist()
        kind = int(rng.integers(2))
        said.insert(int(rng.integers(12)), _TRIGGERS[kind])
        texts.append(" ".join(said))
        targets.append("yes" if kind else "no")
        triggers.append(_TRIGGERS[kind])
    return pl.DataFrame({"text": texts, "target": targets}), triggers


PLANTS: dict[str, Callable[[Rng, Path], tuple[object, list[str]]]] = {
    "columns": columns, "patches": patches, "words": words,
}  # fmt: skip


def first(one: Explanation) -> str:
    """The part with the largest contribution to the class that is predicted."""
    best = one.shares[0]
    return best.cell if best.cell and best.part.endswith(f" {best.cell}") else best.part


def measured(name: str, seed: int) -> tuple[int, int, str]:
    """How many explanations rank the planted part first, out of how many, and by which method."""
    with tempfile.TemporaryDirectory() as place:
        data, truth = PLANTS[name](np.random.default_rng([seed, list(PLANTS).index(name)]), Path(place))
        settings: dict[str, Any] = {"epochs": 15, "learning_rate": 0.005}
        bundle = vouch.fit(data, "target", settings=settings, seed=seed)
        sealed = bundle.predictions.filter(pl.col("truth") == pl.col("prediction"))["row"].to_list()
        rows = [row for row in sealed if truth[row]][:_EXPLAINED]
        found = vouch.explain(bundle, data, rows=",".join(map(str, rows)))
    return sum(first(one) == truth[one.row] for one in found.explanations), len(rows), found.method


def main() -> None:
    """Every plant, over several seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=list(PLANTS), default=list(PLANTS))
    asked = parser.parse_args()
    for name in asked.only:
        each = [measured(name, seed) for seed in range(asked.seeds)]
        hits, rows = sum(one[0] for one in each), sum(one[1] for one in each)
        low, high = wilson(hits, rows)
        share = f"{hits / rows:.3f} [{low:.3f}, {high:.3f}]"
        print(f"{name}: ranked first in {hits} of {rows} = {share}, by {each[0][2]}", flush=True)


if __name__ == "__main__":
    main()
