"""Learning from Fashion-MNIST without labels, then from one label in a hundred, against the same labels from scratch.

    python benchmarks/selfsup.py
    python benchmarks/selfsup.py --unlabelled --pictures 55000 --set epochs=10
    python benchmarks/selfsup.py --pictures 5000 --budget 60s --draws 1      # to see whether it runs

Pretrains on the training pictures, whose labels it does not look at, then fits on 600 labelled ones from scratch, and
from what was learned, for each of several draws of the 600 (stratified), and measures both on the 10,000 test pictures.
The difference is paired over rows and draws. With ``--unlabelled`` a third arm learns from the other training pictures
as well. ``--valid`` measures on the last 5,000 training pictures, of which nothing has learned, instead of the test
pictures; settings were looked for there, and ``--pictures 55000`` leaves these out.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from loop import idx

import vouch
from vouch.statistics.evidence import Truth
from vouch.statistics.paired import paired_difference
from vouch.tasks.metrics import BY_TASK

ACCURACY = next(spec for spec in BY_TASK["multiclass"] if spec.name == "accuracy")
HELD = 5000


def drawn(labels: npt.NDArray[np.int64], count: int, draw: int) -> npt.NDArray[np.int64]:
    """Numbers of so many pictures, as many of each class."""
    rng = np.random.default_rng(draw)
    each = count // len(np.unique(labels))
    rows = [rng.choice(np.flatnonzero(labels == k), each, replace=False) for k in np.unique(labels)]
    return np.sort(np.concatenate(rows))


def main() -> None:
    """Pretrain once, then fit every arm on every draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=60_000)
    parser.add_argument("--labels", type=int, default=600)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--budget", help="time to pretrain: 90s, 20m; the planned one when not given")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="settings of pretraining")
    parser.add_argument("--fit", action="append", default=[], metavar="KEY=VALUE", help="settings of both fits")
    parser.add_argument("--start", help="a pretrained folder, instead of pretraining")
    parser.add_argument("--out", help="where to leave the pretrained folder")
    parser.add_argument("--unlabelled", action="store_true")
    parser.add_argument("--valid", action="store_true")
    asked = parser.parse_args()
    (x, y), (x_test, y_test) = idx("train", asked.pictures), idx("t10k")
    if asked.valid:
        x, y, x_test, y_test = x[:-HELD], y[:-HELD], x[-HELD:], y[-HELD:]
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        start = Path(asked.start or asked.out or f"{folder}/fashion.vouch")
        if not asked.start:
            made = vouch.pretrain({"x": x}, budget=asked.budget, settings=pairs(asked.set), out=start)
            epochs, seconds = len(made.run.history), time.perf_counter() - started
            print(f"pretrained on {len(x):,} pictures: {epochs} epochs, {seconds:.0f} s", flush=True)
        test = {"x": x_test, "label": y_test.astype(str)}
        arms: dict[str, dict[str, Any]] = {"from scratch": {}, "pretrained": {"start": start, "proof": False}}
        if asked.unlabelled:
            arms["pretrained, unlabelled"] = {"start": start, "proof": False, "unlabelled": {"x": x}}
        said: dict[str, list[npt.NDArray[np.float64]]] = {name: [] for name in arms}
        truth = None
        for draw in range(asked.draws):
            rows = drawn(y, asked.labels, draw)
            data = {"x": x[rows], "label": y[rows].astype(str)}
            for name, options in arms.items():
                began = time.perf_counter()
                bundle = vouch.fit(data, "label", test=test, seed=draw, settings=pairs(asked.fit), **options)
                names = [f"probability[{one}]" for one in bundle.task.classes]
                said[name].append(bundle.predictions.select(names).to_numpy())
                truth = Truth("multiclass", bundle.task.classes, bundle.task.truth(bundle.predictions["truth"]))
                share = float(np.mean(said[name][-1].argmax(1) == truth.values))
                notes = "; ".join(note.text for note in bundle.run.notes if "labelled" in note.text)
                print(f"draw {draw}, {name}: {share:.4f} in {time.perf_counter() - began:.0f} s {notes}", flush=True)
    assert truth is not None
    for name in list(arms)[1:]:
        moved = paired_difference(truth, said[name], said["from scratch"], metric=ACCURACY).estimate
        means = [float(np.mean([one.argmax(1) == truth.values for one in said[arm]])) for arm in ("from scratch", name)]
        ends = f"{moved.value:+.4f} [{moved.low:+.4f}, {moved.high:+.4f}]"
        print(f"{name}: accuracy {means[0]:.4f} to {means[1]:.4f}, {ends} on {truth.rows:,} rows", flush=True)


def pairs(texts: list[str]) -> dict[str, object]:
    """``KEY=VALUE`` texts as settings."""
    return {text.split("=", 1)[0]: text.split("=", 1)[1] for text in texts}


if __name__ == "__main__":
    main()
