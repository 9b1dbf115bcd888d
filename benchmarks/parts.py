"""Does one network over table, picture and text beat each part alone, where each part carries signal?

    python benchmarks/parts.py --rows 1500 --seeds 0 1 2

The data is the demo's parcels, made on the spot; all networks are measured on the same sealed rows.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import vouch
from vouch.demo import mixed

PARTS = {
    "all": (),
    "table": ("photo", "note"),
    "picture": ("weight_kg", "carrier", "note"),
    "text": ("weight_kg", "carrier", "photo"),
}


def compare(rows: int, seed: int, settings: dict[str, object] | None = None) -> dict[str, float]:
    """ROC-AUC on the sealed rows of the whole and of each part alone."""
    with tempfile.TemporaryDirectory() as folder:
        table = mixed(Path(folder), rows=rows, seed=seed)
        fits = {
            name: vouch.fit(table, "damaged", drop=drop, seed=seed, settings=settings or {})
            for name, drop in PARTS.items()
        }
    scores = {name: {m.name: m.value for m in bundle.evidence.metrics} for name, bundle in fits.items()}
    return {name: found["roc_auc"] for name, found in scores.items()}


def main() -> None:
    """Print the figures of each seed, and their means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1500)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    asked = parser.parse_args()
    runs = [compare(asked.rows, seed) for seed in asked.seeds]
    for seed, run in zip(asked.seeds, runs, strict=True):
        print(f"seed {seed}: " + ", ".join(f"{name} {value:.4f}" for name, value in run.items()), flush=True)
    print("mean: " + ", ".join(f"{name} {statistics.fmean(run[name] for run in runs):.4f}" for name in PARTS))


if __name__ == "__main__":
    main()
