"""How long one explanation takes in a process that holds the bundle: of a row, a text, a picture, and all together.

    python benchmarks/interactive.py
    python benchmarks/interactive.py --only sms

Networks of default size are trained for an epoch, since what they have learned does not change the time. Each row is
explained as ``vouch explain`` does by default, and by every other method that applies; the fastest of three is printed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from quality import SETS

import vouch
from vouch.demo import mixed
from vouch.errors import UsageError
from vouch.explainers import ALL

KINDS = {"telco": "a row of 19 columns", "sms": "a text", "clothing": "a picture of 64 × 64", "mixed": "all together"}
_REPEATS = 3


def fitted(name: str, folder: Path) -> tuple[vouch.Bundle, object]:
    """A network after one epoch, and its data."""
    if name == "mixed":
        data: object = mixed(folder, rows=700)
        return vouch.fit(data, "damaged", settings={"epochs": 1}), data
    one = next(iter(SETS[name]([0])))
    bundle = vouch.fit(
        one.data, one.target, test=one.test, columns=one.columns, drop=one.drop, settings={"epochs": 1}
    )  # fmt: skip
    return bundle, one.data


def seconds(bundle: vouch.Bundle, data: object) -> Iterator[tuple[str, float]]:
    """Each method that applies, and the seconds that explaining the first row takes."""
    for method in ALL:
        best = float("inf")
        try:
            for _ in range(_REPEATS):
                began = time.perf_counter()
                vouch.explain(bundle, data, rows="0", method=method.name)
                best = min(best, time.perf_counter() - began)
        except UsageError:
            continue
        yield method.name, best


def main() -> None:
    """Every kind of row, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(KINDS), default=list(KINDS))
    for name in parser.parse_args().only:
        with tempfile.TemporaryDirectory() as folder:
            bundle, data = fitted(name, Path(folder))
            times = ", ".join(f"{method} {took:.2f} s" for method, took in seconds(bundle, data))
        print(f"{KINDS[name]}: {times}", flush=True)


if __name__ == "__main__":
    main()
