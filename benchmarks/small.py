"""``vouch fix overfitting`` on small data, and whether five fresh seeds agree with its verdict.

    python benchmarks/small.py fashion
    python benchmarks/small.py adult
    python benchmarks/small.py telco
    python benchmarks/small.py california
    python benchmarks/small.py salaries

500 pictures of Fashion-MNIST, 1,000 rows of each table; tested on the official test rows, or on all other rows. The
fresh seeds train with and without the remedy anew, with other seeds than the proof's. With ``--plain`` the network is
one without what is there by default against overfitting: one member, no dropout, no averaging, no stopping early.
"""

from __future__ import annotations

import argparse
import gzip
from dataclasses import fields

import numpy as np
import polars as pl
from loop import idx
from quality import ADULT, DATA
from quality import salaries as _salaries

import vouch

FRESH = range(100, 105)
PLAIN = {"members": 1, "dropout": 0.0, "averaging": 0.0, "patience": 0}


def fashion(rng: np.random.Generator) -> tuple[object, object, str]:
    """500 training pictures."""
    (x, y), (x_test, y_test) = idx("train"), idx("t10k")
    rows = rng.choice(len(x), 500, replace=False)
    return {"x": x[rows], "label": y[rows].astype(str)}, {"x": x_test, "label": y_test.astype(str)}, "label"


def adult(rng: np.random.Generator) -> tuple[object, object, str]:
    """1,000 rows of the training file."""
    parts = []
    for part in ("train", "test"):
        with gzip.open(DATA / f"adult/adult-{part}.csv.gz") as file:
            parts.append(pl.read_csv(file.read(), has_header=False, new_columns=ADULT))
    return parts[0][rng.choice(parts[0].height, 1000, replace=False)], parts[1], "income"


def telco(rng: np.random.Generator) -> tuple[object, object, str]:
    """1,000 customers, tested on the 6,043 others."""
    frame = pl.read_csv(DATA / "telco-churn/Telco-Customer-Churn.csv", schema_overrides={"TotalCharges": pl.String})
    rows = rng.permutation(frame.height)
    return frame[rows[:1000]], frame[rows[1000:]], "Churn"


def california(rng: np.random.Generator) -> tuple[object, object, str]:
    """1,000 districts, tested on the 19,640 others."""
    with gzip.open(DATA / "california-housing/housing.csv.gz") as file:
        frame = pl.read_csv(file.read())
    rows = rng.permutation(frame.height)
    return frame[rows[:1000]], frame[rows[1000:]], "median_house_value"


def salaries(rng: np.random.Generator) -> tuple[object, object, str]:
    """1,000 employees, tested on the 8,228 others."""
    one = next(iter(_salaries([0])))
    frame = pl.concat([part for part in (one.data, one.test) if isinstance(part, pl.DataFrame)])
    rows = rng.permutation(frame.height)
    return frame[rows[:1000]], frame[rows[1000:]], str(one.target)


SETS = {one.__name__: one for one in (fashion, adult, telco, california, salaries)}


def main() -> None:
    """Fit, fix, and train anew with fresh seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(SETS))
    parser.add_argument("--draw", type=int, default=0, help="which rows are drawn")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--budget")
    parser.add_argument("--plain", action="store_true")
    asked = parser.parse_args()
    data, test, target = SETS[asked.name](np.random.default_rng(asked.draw))
    bundle = vouch.fit(data, target, test=test, settings=PLAIN if asked.plain else {})
    proof = vouch.fix(bundle, "overfitting", seeds=asked.seeds, budget=asked.budget)
    for trial in proof.trials:
        mark = "*" if trial.chosen else " "
        print(f"{asked.name} {mark} {trial.remedy} {trial.strength}: {trial.score:.4f} ± {trial.error:.4f}", flush=True)
    print(f"{asked.name}: {proof.headline} Seeds {len(proof.seeds)}, {proof.seconds:.0f} s.", flush=True)
    for one in proof.price:
        if one.verdict != "no evidence":
            print(f"{asked.name} price: {one.name} {one.value:+.4f} [{one.low:+.4f}, {one.high:+.4f}] {one.verdict}")
    if not proof.seeds:
        return
    gains = []
    for seed in FRESH:
        figures = [loss(data, test, target, recipe_of(one), seed, proof.criterion) for one in (bundle, proof.bundle)]
        gains.append(figures[0] - figures[1])
        said = f"{proof.criterion} {figures[0]:.4f} without, {figures[1]:.4f} with"
        print(f"{asked.name} fresh seed {seed}: {said}", flush=True)
    mean, error = float(np.mean(gains)), float(np.std(gains, ddof=1) / np.sqrt(len(gains)))
    print(f"{asked.name} fresh seeds: gain {mean:+.4f} ± {error:.4f} (standard error), proof said {proof.verdict}")


def recipe_of(bundle: vouch.Bundle) -> dict[str, object]:
    """Every setting of a bundle."""
    return {one.name: getattr(bundle.recipe, one.name) for one in fields(bundle.recipe)}


def loss(data: object, test: object, target: str, recipe: dict[str, object], seed: int, name: str) -> float:
    """A metric on the test rows after a fit with another seed; the split of the other rows changes with it."""
    fitted = vouch.fit(data, target, test=test, recipe=recipe, seed=seed)
    return next(one.value for one in fitted.evidence.metrics if one.name == name)


if __name__ == "__main__":
    main()
