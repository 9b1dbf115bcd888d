"""Kill fits at random instants as hard as the system can, resume them, and compare the weights bit by bit.

python benchmarks/resume.py
python benchmarks/resume.py --instants 2 --epochs 2     # to try it out

Half of the instants fall on a table, half on pictures. They are drawn evenly from the time that training takes, so that
most lie in mid-epoch, and some in the writing of a checkpoint.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from loop import idx, telco

SEED = 0


def pictures(folder: Path) -> list[str]:
    """3,000 pictures of Fashion-MNIST."""
    x, label = idx("train", 3000)
    np.savez(folder / "pictures.npz", x=x, label=label)
    return [str(folder / "pictures.npz"), "--target", "label", "--task", "multiclass"]


SETS: dict[str, tuple[Callable[[Path], list[str]], tuple[str, ...]]] = {
    "telco": (telco, ("patience=0", "averaging=0.99")),
    "pictures": (pictures, ("image_width=16", "augment=shift,erase")),
}


def command(data: list[str], out: Path, settings: list[str], *more: str) -> list[str]:
    """A fit as a user types it."""
    options = [word for setting in settings for word in ("--set", setting)]
    return [sys.executable, "-m", "vouch", "fit", *data, "--out", str(out), "--quiet", *options, *more]


def ran(arguments: list[str], out: Path, after: float | None = None) -> bool:
    """Run a fit to its end, unless it is killed so many seconds after it began to keep checkpoints."""
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    partial = out.with_name(out.name + ".partial")
    begun = None
    while process.poll() is None:
        begun = begun or (time.monotonic() if (partial / "run.json").exists() else None)
        if begun is not None and after is not None and time.monotonic() - begun >= after:
            process.kill()
            process.communicate()
            return False
        time.sleep(0.002)
    _, said = process.communicate()
    if process.returncode:
        raise SystemExit(said)
    return True


def measure(name: str, instants: int, epochs: int, folder: Path) -> int:
    """How many of the killed and resumed fits end with the bits of one that was not."""
    make, extra = SETS[name]
    data, settings = make(folder), [f"epochs={epochs}", *extra]
    whole = folder / f"{name}.vouch"
    ran(command(data, whole, settings), whole)
    lasted = json.loads((whole / "model.json").read_text())["model"]["run"]["seconds"]["train"]
    drawn, identical = random.Random(SEED), 0
    for number in range(instants):
        out = folder / f"{name}{number}.vouch"
        after = drawn.uniform(0.0, lasted)
        while ran(command(data, out, settings), out, after):
            after /= 2  # it was quicker this time, and over before it was to be killed
        ran(command(data, out, settings, "--resume"), out)
        files = (place / "weights.safetensors" for place in (whole, out))
        same = len({file.read_bytes() for file in files}) == 1
        identical += same
        print(f"{name}: killed after {after:.2f} of {lasted:.2f} s: {'identical' if same else 'DIFFERENT'}", flush=True)
    return identical


def main() -> int:
    """Kill and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instants", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=8)
    asked = parser.parse_args()
    shares = [asked.instants - asked.instants // 2, asked.instants // 2]
    with tempfile.TemporaryDirectory() as folder:
        found = [measure(name, share, asked.epochs, Path(folder)) for name, share in zip(SETS, shares, strict=True)]
    print(f"{sum(found)} of {asked.instants} identical")
    return 0 if sum(found) == asked.instants else 1


if __name__ == "__main__":
    sys.exit(main())
