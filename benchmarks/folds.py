"""The time of ``vouch fit --folds 5`` and ``--ensemble 10`` over that of one fit: the whole command, and its training.

    python benchmarks/folds.py telco
    python benchmarks/folds.py adult --rounds 5 --set epochs=10 patience=0

The commands run one after the other, each in a process of its own, in an order that turns from round to round; a ratio
is taken within a round. The net is the plain multilayer perceptron.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from loop import SETS, vouch

WAYS: dict[str, tuple[str, ...]] = {"one": (), "folds 5": ("--folds", "5"), "ensemble 10": ("--ensemble", "10")}
TABLES = ("telco", "adult")
ROUNDS = 3


def main() -> None:
    """Print both ratios of each way with their spread."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="SET", help=", ".join(TABLES))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    asked = parser.parse_args()
    if unknown := [name for name in asked.names if name not in TABLES]:
        parser.error(f"there is no {unknown}; there is: {', '.join(TABLES)}")
    settings = [word for pair in ("network=mlp", *asked.set) for word in ("--set", pair)]
    for name in asked.names or TABLES:
        with tempfile.TemporaryDirectory() as folder:
            rounds = [one_round(name, i, settings, Path(folder)) for i in range(asked.rounds)]
        for way in (way for way in WAYS if way != "one"):
            whole, training = ([found[way][i] / found["one"][i] for found in rounds] for i in range(2))
            print(f"{name} {way}: {_said(whole)} of one fit, {_said(training)} of its training", flush=True)


def one_round(name: str, number: int, settings: Sequence[str], folder: Path) -> dict[str, tuple[float, float]]:
    """Each way once: seconds of the whole command, and of its training."""
    ways = list(WAYS)
    shift = number % len(ways)
    return {way: timed(name, WAYS[way], settings, folder) for way in ways[shift:] + ways[:shift]}


def timed(name: str, way: Sequence[str], settings: Sequence[str], folder: Path) -> tuple[float, float]:
    """One command: its wall time, and the part of it that is training."""
    model = folder / "bench.vouch"
    _, seconds = vouch("fit", *SETS[name](folder), *settings, *way, "--out", str(model))
    run = json.loads((model / "model.json").read_text())["model"]["run"]
    return seconds, run["seconds"]["train"]


def _said(ratios: Sequence[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


if __name__ == "__main__":
    main()
