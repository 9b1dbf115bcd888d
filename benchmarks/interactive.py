"""How long one explanation takes in a process that holds the bundle: of a row, a text, a picture, and all together.

    python benchmarks/interactive.py
    python benchmarks/interactive.py --only sms

Networks are trained as ``vouch fit`` does by default, and not audited. The first row is explained as ``vouch explain``
does by default, and by every method that applies; the fastest of three is printed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from quality import SETS

import vouch
from vouch.demo import mixed
from vouch.errors import UsageError
from vouch.explainers import ALL

KINDS = {"telco": "a row of 19 columns", "sms": "a text", "clothing": "a picture of 64 × 64", "mixed": "all together"}
_REPEATS = 3


def fitted(name: str, folder: Path) -> tuple[vouch.Bundle, object]:
    """A trained network, and its data."""
    if name == "mixed":
        data: object = mixed(folder, rows=700)
        return vouch.fit(data, "damaged"), data
    one = next(iter(SETS[name]([0])))
    bundle = vouch.fit(one.data, one.target, test=one.test, columns=one.columns, drop=one.drop)
    return bundle, one.data


def seconds(bundle: vouch.Bundle, data: object) -> Iterator[tuple[str, float]]:
    """What is taken by default, each method that applies, and the seconds that explaining the first row takes."""
    for name in (None, *(method.name for method in ALL)):
        asked: dict[str, Any] = {} if name is None else {"method": name}
        best, taken = float("inf"), ""
        try:
            for _ in range(_REPEATS):
                began = time.perf_counter()
                taken = vouch.explain(bundle, data, rows="0", **asked).method
                best = min(best, time.perf_counter() - began)
        except UsageError:
            continue
        yield (f"by default {taken}" if name is None else taken), best


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
