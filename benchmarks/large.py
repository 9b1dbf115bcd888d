"""Tables of up to 1e7 rows of 30 columns, folders of many pictures: peak memory and time of the whole ``vouch fit``.

    python benchmarks/large.py csv parquet
    python benchmarks/large.py csv --rows 1e5 1e6
    python benchmarks/large.py pictures --rows 1e4 1e5

One epoch, all else by default (of pictures a small net, so that reading them is what takes the time). Each fit runs in
a process of its own; memory is the peak of that process over what it held when the libraries were loaded. The files
are made one after the other and removed: 1e7 rows take 2.2 GB as CSV, 1 GB as Parquet, and 2.4 GB of temporary files
while they are worked on. Pictures are links to a thousand files, so that a million of them take no space.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from PIL import Image

COLUMNS, BLOCK = 30, 100_000
BYTES = {"csv": 700, "parquet": 500, "pictures": 4_000}
SETTINGS: dict[str, dict[str, int | str]] = {
    "csv": {"epochs": 1},
    "parquet": {"epochs": 1},
    "pictures": {"epochs": 1, "network": "cnn", "image_width": 8},
}
FILES = 1_000
SIDE = 28


def main() -> None:
    """Make the data, fit, and print memory and time by the number of rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="+", choices=[*BYTES, "child"])
    parser.add_argument("--rows", nargs="+", type=float, default=[1e5, 1e6, 1e7])
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="more settings")
    parser.add_argument("--data")
    asked = parser.parse_args()
    # Ended from outside, it still removes its files.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    more = dict(text.split("=", 1) for text in asked.set)
    if asked.kinds == ["child"]:
        child(asked.data, more)
        return
    for kind in asked.kinds:
        found = {int(rows): measured(kind, int(rows), more) for rows in sorted(asked.rows)}
        for rows, one in found.items():
            parts = ", ".join(f"{name} {seconds:.0f}" for name, seconds in one["parts"].items())
            figures = f"peak {one['peak'] / 2**30:.2f} GiB over the libraries, {one['seconds']:.0f} s ({parts})"
            print(f"{kind} {rows:>10,} rows: {figures}, {one['seconds'] / rows * 1e6:.0f} µs a row", flush=True)
        sizes = list(found)
        for small, large in pairwise(sizes):
            ratio = found[large]["seconds"] / found[small]["seconds"]
            print(f"{kind} {large:,} ÷ {small:,} rows: {ratio:.1f} times the time", flush=True)


def measured(kind: str, rows: int, more: dict[str, str]) -> dict:
    """Peak bytes over the libraries, seconds, and seconds by station, of one fit."""
    folder = Path(tempfile.mkdtemp(prefix="vouch-large-", dir=os.environ.get("TMPDIR") or "/var/tmp"))
    try:
        free, needed = shutil.disk_usage(folder).free, rows * BYTES[kind]
        if free < needed:
            sys.exit(f"{rows:,} rows need {needed / 1e9:.1f} GB in {folder.parent}, and {free / 1e9:.1f} GB are free")
        data = {"csv": table, "parquet": table, "pictures": pictures}[kind](folder / f"data.{kind}", rows)
        settings = [f"{key}={value}" for key, value in {**SETTINGS[kind], **more}.items()]
        run = [sys.executable, __file__, "child", "--data", str(data), *(x for one in settings for x in ("--set", one))]
        there = {**os.environ, "TMPDIR": str(folder)}
        out = subprocess.run(run, stdout=subprocess.PIPE, text=True, check=True, env=there)
        return json.loads(out.stdout.splitlines()[-1])
    finally:
        shutil.rmtree(folder)


def child(data: str, settings: dict[str, str]) -> None:
    """Fit, and print how much more memory was held at most than with the libraries alone."""
    import scipy.sparse.csgraph
    import sklearn.ensemble
    import sklearn.linear_model

    import vouch
    from vouch import api, report

    del scipy, sklearn, api, report
    before = peak()
    target = None if Path(data).is_dir() else "y"
    bundle = vouch.fit(data, target, settings=settings, out=f"{data}.vouch")
    parts = dict(bundle.run.seconds)
    print(json.dumps({"peak": peak() - before, "seconds": sum(parts.values()), "parts": parts}))


def peak() -> int:
    """Bytes that this process held in memory at most, mapped files included."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024


def table(file: Path, rows: int) -> Path:
    """Numbers and a target of two classes that follows from some of them."""
    if file.suffix == ".csv":
        with file.open("wb") as handle:
            for number, block in enumerate(blocks(rows)):
                block.write_csv(handle, include_header=number == 0)
        return file
    writer = None
    for block in blocks(rows):
        arrow = block.to_arrow(compat_level=pl.CompatLevel.oldest())
        writer = writer or pq.ParquetWriter(file, arrow.schema)
        writer.write_table(arrow)
    assert writer is not None
    writer.close()
    return file


def blocks(rows: int) -> Iterator[pl.DataFrame]:
    """The table, some rows at a time."""
    rng = np.random.default_rng(0)
    for start in range(0, rows, BLOCK):
        size = min(BLOCK, rows - start)
        x = rng.normal(size=(size, COLUMNS - 1)).astype(np.float32).round(4)
        score = x[:, 0] + np.sin(2 * x[:, 1]) + x[:, 2] * x[:, 3] + rng.normal(size=size) / 2
        columns = {f"x{k}": x[:, k] for k in range(COLUMNS - 1)}
        yield pl.DataFrame({**columns, "y": np.where(score > 0, "yes", "no")})


def pictures(folder: Path, rows: int) -> Path:
    """Two class folders of grey pictures, each file a link to one of a thousand."""
    rng = np.random.default_rng(0)
    made = folder.with_name("made")
    made.mkdir()
    for number in range(FILES):
        pixels = rng.integers(0, 150 + 100 * (number % 2), (SIDE, SIDE)).astype(np.uint8)
        Image.fromarray(pixels).save(made / f"{number}.png")
    for name in ("dark", "light"):
        (folder / name).mkdir(parents=True)
    for number in range(rows):
        os.link(made / f"{number % FILES}.png", folder / ("dark", "light")[number % 2] / f"{number}.png")
    return folder


if __name__ == "__main__":
    main()
