"""Ratios of speed and memory, each from one run on one machine: imports, and CSV to tensors.

python benchmarks/speed.py start
python benchmarks/speed.py csv
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl


def start() -> None:
    """What ``import vouch`` and ``vouch --help`` take over bare Python, in seconds."""
    bare = [sys.executable, "-c", "pass"]
    for name, command in (
        ("import vouch", [sys.executable, "-c", "import vouch"]),
        ("vouch --help", [sys.executable, "-m", "vouch", "--help"]),
    ):
        gaps = [_seconds(command) - _seconds(bare) for _ in range(15)]
        print(f"{name}: {statistics.median(gaps):.3f} s over bare Python (smallest {min(gaps):.3f})")


def csv() -> None:
    """2 000 000 rows of 30 numbers: seconds over polars' own reading, peak memory over the float32 array."""
    rows, columns = 2_000_000, 30
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "large.csv"
        _write_large(file, rows, columns)
        ratios, peaks = [], []
        for _ in range(3):
            plain, _ = _child("plain", file)
            seconds, peak = _child("tensors", file)
            _, floor = _child("nothing", file)
            ratios.append(seconds / plain)
            peaks.append((peak - floor) / (rows * columns * 4))
        print(f"CSV to tensors: {statistics.median(ratios):.2f} of polars.read_csv {[round(r, 2) for r in ratios]}")
        print(f"peak memory: {statistics.median(peaks):.2f} of the float32 array {[round(p, 2) for p in peaks]}")


def _write_large(file: Path, rows: int, columns: int) -> None:
    rng = np.random.default_rng(0)
    with file.open("wb") as handle:
        for i in range(0, rows, 200_000):
            block = {f"x{k}": rng.normal(size=200_000).round(5) for k in range(columns)}
            pl.DataFrame(block).write_csv(handle, include_header=i == 0)


def _child(what: str, file: Path) -> tuple[float, float]:
    """Seconds and peak bytes of one piece of work in a process of its own."""
    out = subprocess.run(
        [sys.executable, __file__, "child", "--what", what, "--file", str(file)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return float(out[0]), float(out[1])


def child(what: str, file: str) -> None:
    """Do one piece of work and print its seconds and the peak memory of the process."""
    from vouch.contracts.recipe import Recipe
    from vouch.contracts.split import Split
    from vouch.data.clean import clean
    from vouch.data.encode import encode, fit_encoders
    from vouch.data.read import read
    from vouch.data.schema import Hints, infer

    started = time.perf_counter()
    if what == "plain":
        pl.read_csv(file)
    elif what == "tensors":
        dataset = read(file)
        schema = infer(dataset, Hints("x0"))
        canonical = clean(dataset, schema)
        del dataset
        rows = np.arange(canonical.frame.height)
        split = Split(rows, rows[:0], rows[:0], "random", "")
        encode(canonical.frame, fit_encoders(canonical, schema, split, Recipe(), None))
    seconds = time.perf_counter() - started
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def _seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    """Run what is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=["start", "csv", "child"])
    parser.add_argument("--what")
    parser.add_argument("--file")
    asked = parser.parse_args()
    if asked.name == "child":
        child(asked.what, asked.file)
    else:
        {"start": start, "csv": csv}[asked.name]()


if __name__ == "__main__":
    main()
