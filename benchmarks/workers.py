"""Two workers beside one process: the loss curve, the time of training, and what killing one of them costs.

    python benchmarks/workers.py adult
    python benchmarks/workers.py adult news fashion --epochs 3
    python benchmarks/workers.py --kill

The same global batch, seed and data. Times are those of training alone, without starting and reading; all of one run
of this script, one after the other. "One core" is a process with one thread, "all cores" one with as many as there are;
each of the two workers has half of them. A killed worker is one of two, by SIGKILL in mid-epoch: the time between the
last epoch that was kept and the kill is what has to be done again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from loop import SETS

INTERVAL = 2.0


def fitted(words: list[str], out: Path, threads: int, *more: str) -> dict[str, Any]:
    """What a fit in a process of its own has kept of its run."""
    command = [sys.executable, "-m", "vouch", "fit", *words, "--out", str(out), *more, "-q"]
    ran = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": str(threads)}
    )  # fmt: skip
    if ran.returncode != 0:
        raise SystemExit(f"vouch fit {' '.join(words)}: {ran.stderr}")
    return json.loads((out / "model.json").read_text())["model"]["run"]


def compared(name: str, folder: Path, epochs: int) -> None:
    """The loss curve and the time of two workers, beside those of one process."""
    cores = len(os.sched_getaffinity(0))
    words = [*SETS[name](folder), "--set", f"epochs={epochs}", "--set", "patience=0", "--device", "cpu"]
    one = fitted(words, folder / "one.vouch", 1)
    every = fitted(words, folder / "every.vouch", cores)
    two = fitted(words, folder / "two.vouch", max(1, cores // 2), "--workers", "2")
    apart, threads_apart = (farthest(one, other) for other in (two, every))
    times = [sum(epoch[3] for epoch in run["history"]) for run in (one, every, two)]
    print(
        f"{name}: {len(two['history'])} epochs, training loss and validation score of two workers differ from those "
        f"of one process by {apart:.1e} at most, and those of that process with one and with {cores} threads by "
        f"{threads_apart:.1e}; epochs of two workers take "
        f"{times[2] / times[0]:.2f} of those of one core, {times[2] / times[1]:.2f} of those of all {cores} cores",
        flush=True,
    )


def farthest(one: dict[str, Any], other: dict[str, Any]) -> float:
    """The largest difference of training losses and validation scores in the same epoch."""
    curves = zip(one["history"], other["history"], strict=True)
    return max(abs(a - b) for mine, theirs in curves for a, b in zip(mine[1:3], theirs[1:3], strict=True))


def killed(folder: Path) -> None:
    """What it costs when one of two workers is killed in mid-epoch."""
    out = folder / "killed.vouch"
    words = [*SETS["adult"](folder), "--set", "epochs=12", "--set", "patience=0", "--device", "cpu", "--workers", "2"]
    began: list[tuple[float, int]] = []
    gone, back = 0.0, 0.0
    with subprocess.Popen(
        [sys.executable, "-m", "vouch", "fit", *words, "--out", str(out)], stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        for line in process.stderr or ():
            now = time.monotonic()
            if found := re.match(r"epoch +(\d+)/", line):
                began.append((now, int(found[1])))
                back = now if gone and not back else back
                if not gone and len(began) == 4:
                    time.sleep((began[-1][0] - began[-2][0]) / 2)
                    os.kill(workers_under(process.pid)[-1], signal.SIGKILL)
                    gone = time.monotonic()
    if process.returncode != 0:
        raise SystemExit("the fit did not survive the loss of a worker")
    before = [(when, number) for when, number in began if when <= gone]
    again = next(number for when, number in began if when > gone)
    kept = max((when for when, number in before if number < again), default=before[0][0])
    print(
        f"killed: in epoch {before[-1][1] + 1} of 12; epoch {again} is the first that was done again, "
        f"{gone - kept:.1f} s of training (a checkpoint is written after a step every {INTERVAL:g} s); "
        f"{back - gone:.1f} s until its end",
        flush=True,
    )


def workers_under(parent: int) -> list[int]:
    """Process numbers of the workers under a command."""
    parents: dict[int, int] = {}
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(place.name)] = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            words = (place / "cmdline").read_bytes().split(b"\0")
            if b"vouch.api.working" in words and b"vouch.training.torchrun" not in words:
                found.append(int(place.name))

    def under(number: int) -> bool:
        return number == parent or (number in parents and under(parents[number]))

    return [number for number in sorted(found) if under(number)]


def main() -> None:
    """Run the comparisons that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], "adult", "news", "fashion"])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--kill", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.names:
            place = Path(folder, name)
            place.mkdir()
            compared(name, place, asked.epochs)
        if asked.kill:
            killed(Path(folder))


if __name__ == "__main__":
    main()
