"""Power and false alarms of every check, by simulation.

    python -m benchmarks plants
    python -m benchmarks.plants --only exact_duplicates near_duplicates --seeds 10

For each plant it prints the share of cases that were warned of, at three strengths (* is the one that the
documentation promises to find), the false alarms on clean twins with Wilson's interval, and how often nothing could be
told; then one line for each check.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import torch

from benchmarks.plants.plant import MADE, Plant, Tally, line, summary
from benchmarks.plants.registry import ALL


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the plants of all checks, or of those that are named."""
    names = list(dict.fromkeys(plant.name for plant in ALL))
    parser = argparse.ArgumentParser(description="Power and false alarms of every check.")
    parser.add_argument("--seeds", type=int, default=30, help="cases of each strength")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--only", nargs="+", choices=names, help="names of checks")
    parser.add_argument("--list", action="store_true", help="only name the plants")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    started = time.process_time()
    plants = [plant for plant in ALL if not asked.only or plant.name in asked.only]
    if asked.list:
        print("\n".join(f"{plant.name} {plant.modality} {plant.made} {plant.kind}" for plant in plants))
        return 0
    tallies = measured(plants, range(asked.first, asked.first + asked.seeds))
    print("\n".join(f"{made}: {says}" for made, says in MADE.items()), end="\n\n")
    print("\n".join(line(tally) for tally in tallies), end="\n\n")
    by_check = [[tally for tally in tallies if tally.plant.name == name] for name in names]
    lines = [summary(some) for some in by_check if some]
    print("\n".join(lines))
    short = sum("<-" in one for one in lines)
    print(f"{len(lines) - short} of {len(lines)} checks keep what they promise; {time.process_time() - started:.0f} s")
    return 0


def measured(plants: Sequence[Plant], seeds: Sequence[int]) -> list[Tally]:
    """Verdicts of each plant on each seed; all plants of a seed share its clean networks."""
    tallies = [Tally(plant) for plant in plants]
    for seed in seeds:
        for tally in tallies:
            tally.add(seed)
        print(f"seed {seed}: {time.process_time():.0f} s", file=sys.stderr, flush=True)
    return tallies


if __name__ == "__main__":
    sys.exit(main())
