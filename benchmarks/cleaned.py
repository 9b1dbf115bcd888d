"""What a remedy for label errors is worth on news with a fifth of wrong labels, tested on clean ones.

    python benchmarks/cleaned.py --remedy downweight_label_errors --strength 0.05

The remedy is held against doing nothing, and against leaving as many rows out at random, over the same seeds.
``vouch fix`` chooses remedy and strength; ``python benchmarks/loop.py noisy --fix data_quality`` says which.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from loop import noisy

import vouch
from vouch.api.measuring import truth_of
from vouch.challenges.data_quality.labelling import DOWNWEIGHT, PRUNE, RELABEL
from vouch.contracts.case import Lesson
from vouch.statistics.paired import paired_difference
from vouch.tasks.metrics import BY_TASK
from vouch.testing import case_for


def main() -> None:
    """Train without, with, and with a random removal, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--remedy", default="downweight_label_errors")
    parser.add_argument("--strength", type=float, default=0.05)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data, _, target, _, test, *_ = noisy(Path(folder))
        bundle = vouch.fit(data, target, test=test, task="multiclass", types={"text": "text"})
    case = case_for(bundle, trainings=100.0, seconds=36_000).under("data_quality")
    remedy = next(one for one in (RELABEL, PRUNE, DOWNWEIGHT) if one.name == asked.remedy)
    lesson, rows = case.lesson, case.split.test
    count = round(asked.strength * len(np.unique(lesson.train)))
    left = np.random.default_rng(0).permutation(lesson.train)[count:]
    lessons = {
        "nothing": lesson,
        "random removal": replace(lesson, train=np.sort(left)),
        asked.remedy: remedy.treat(case, lesson, asked.strength),
    }
    said = {name: [case.retrain(_seeded(one, k), rows) for k in range(asked.seeds)] for name, one in lessons.items()}
    truth, accuracy = truth_of(case.bundle, case.dataset, rows, "test"), BY_TASK["multiclass"][0]
    for name, runs in said.items():
        figures = [float((run.argmax(axis=1) == truth.values).mean()) for run in runs]
        print(f"{name}: accuracy {np.mean(figures):.4f} ({', '.join(f'{one:.4f}' for one in figures)})", flush=True)
    for other in ("nothing", "random removal"):
        found = paired_difference(truth, said[asked.remedy], said[other], metric=accuracy).estimate
        print(f"{asked.remedy} ({count} rows) − {other}: {found.value:+.4f} [{found.low:+.4f}, {found.high:+.4f}]")


def _seeded(lesson: Lesson, seed: int) -> Lesson:
    return replace(lesson, recipe=replace(lesson.recipe, seed=seed))


if __name__ == "__main__":
    main()
