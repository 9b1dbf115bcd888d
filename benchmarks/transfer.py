"""A network of Fashion-MNIST as the start of another: photos of clothes in grey, and handwritten digits.

    python benchmarks/transfer.py
    python benchmarks/transfer.py --pictures 2000 --epochs 2 --draws 1      # to see whether it runs

The source is fitted on training pictures of Fashion-MNIST, 28 x 28 pixels in grey. The targets are clothing-small (600
photos to learn from, 372 to test, brought to 28 x 28 pixels in grey) and scikit-learn's digits (200 to learn from,
1,597 to test). Each is fitted from the source with the proof against scratch, with several seeds; the last line joins
them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from loop import idx
from quality import DATA
from sklearn.datasets import load_digits

import vouch

Target = tuple[object, object, str | None]


def clothing(seed: int) -> Target:
    """Photos of ten kinds of clothes, in class folders."""
    del seed
    return DATA / "clothing-small/train", DATA / "clothing-small/test", None


def digits(seed: int) -> Target:
    """Digits of 8 x 8 pixels."""
    found = load_digits()
    x, y = (found.images * 15.9).astype(np.uint8), found.target.astype(str)
    order = np.random.default_rng(seed).permutation(len(x))
    learn, test = order[:200], order[200:]
    return {"x": x[learn], "digit": y[learn]}, {"x": x[test], "digit": y[test]}, "digit"


TARGETS: dict[str, Callable[[int], Target]] = {"clothing": clothing, "digits": digits}


def main() -> None:
    """Fit the source, then every target from it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *TARGETS])
    parser.add_argument("--pictures", type=int, default=60_000)
    parser.add_argument("--epochs", type=int, help="of the source and of the targets; as planned when not given")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--source", help="a bundle of Fashion-MNIST, instead of fitting one")
    parser.add_argument("--out", help="where to leave the source")
    asked = parser.parse_args()
    settings: dict[str, Any] = {} if asked.epochs is None else {"epochs": asked.epochs}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(asked.source or asked.out or f"{folder}/fashion.vouch")
        if not asked.source:
            x, y = idx("train", asked.pictures)
            began = time.perf_counter()
            vouch.fit({"x": x, "label": y.astype(str)}, "label", settings=settings, out=source)
            print(f"source: {asked.pictures:,} pictures in {time.perf_counter() - began:.0f} s", flush=True)
        for name in asked.names or TARGETS:
            gains = []
            for seed in range(asked.draws):
                data, test, target = TARGETS[name](seed)
                began = time.perf_counter()
                bundle = vouch.fit(data, target, test=test, start=source, seed=seed, settings=settings)
                assert bundle.audit is not None
                proof = bundle.audit.proofs[0]
                gains.append(proof.differences[0].value)
                print(f"{name} seed {seed}: {proof.headline} ({time.perf_counter() - began:.0f} s)", flush=True)
            if len(gains) > 1:
                error = float(np.std(gains, ddof=1) / np.sqrt(len(gains)))
                print(f"{name}: {np.mean(gains):+.4f} ± {error:.4f} (standard error over seeds)", flush=True)


if __name__ == "__main__":
    main()
