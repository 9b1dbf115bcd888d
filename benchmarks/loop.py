"""The whole loop as a user types it: fit, audit, fix each failing, on real data; bundles and reports stay in --out.

    python benchmarks/loop.py telco --out loops
    python benchmarks/loop.py noisy --fix data_quality

Prints one line for each step, from the verbs' own JSON. "audit ÷ training" divides the audit's wall time by that of the
training it audits, both from the same process of runs.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from quality import ADULT, DATA

CHALLENGES = ("calibration", "data_quality", "overfitting")


def telco(folder: Path) -> list[str]:
    """Customers who leave, of 7,043."""
    del folder
    return [str(DATA / "telco-churn/Telco-Customer-Churn.csv"), "--target", "Churn"]


def clothing(folder: Path) -> list[str]:
    """600 photos of ten kinds of clothes, and 372 to test."""
    del folder
    return [str(DATA / "clothing-small/train"), "--test", str(DATA / "clothing-small/test")]


def noisy(folder: Path) -> list[str]:
    """10,000 news texts of which a fifth are mislabelled, tested on the clean test set of AG News."""
    with gzip.open(DATA / "noisy-ag-news/samples10000valMed.csv.gz") as file:
        rows = pl.read_csv(file.read())
    rows.select("text", "label").write_csv(folder / "noisy.csv")
    with gzip.open(DATA / "ag-news/test.csv.gz") as file:
        test = pl.read_csv(file.read(), has_header=False, new_columns=["class", "title", "description"])
    text = pl.concat_str("title", "description", separator=" . ")
    test.select(text.alias("text"), (pl.col("class") - 1).alias("label")).write_csv(folder / "clean.csv")
    return [
        str(folder / "noisy.csv"), "--target", "label", "--test", str(folder / "clean.csv"),
        "--task", "multiclass", "--type", "text=text",
    ]  # fmt: skip


def adult(folder: Path) -> list[str]:
    """The official split."""
    del folder
    return [
        str(DATA / "adult/adult-train.csv.gz"), "--target", "income", "--test", str(DATA / "adult/adult-test.csv.gz"),
        "--columns", ",".join(ADULT),
    ]  # fmt: skip


def news(folder: Path) -> list[str]:
    """A quarter of the training rows of AG News, the whole official test set."""
    del folder
    return [
        str(DATA / "ag-news/train-subset.csv.gz"), "--target", "class", "--test", str(DATA / "ag-news/test.csv.gz"),
        "--columns", "class,title,description",
    ]  # fmt: skip


def fashion(folder: Path) -> list[str]:
    """10,000 training pictures of Fashion-MNIST, and the official test set, as arrays."""
    x_train, label_train = idx("train", 10_000)
    x_test, label_test = idx("t10k")
    np.savez(
        folder / "fashion.npz", x_train=x_train, label_train=label_train, x_test=x_test, label_test=label_test
    )  # fmt: skip
    return [str(folder / "fashion.npz"), "--target", "label", "--task", "multiclass"]


def idx(part: str, most: int = 60_000) -> tuple[np.ndarray, np.ndarray]:
    """The first pictures and labels of a part of Fashion-MNIST; the files are in random order."""
    place = DATA / "fashion-mnist"
    pixels = np.frombuffer(gzip.decompress((place / f"{part}-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16)
    labels = np.frombuffer(gzip.decompress((place / f"{part}-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)
    return pixels.reshape(-1, 28, 28)[:most], labels[:most].astype(np.int64)


SETS: dict[str, Callable[[Path], list[str]]] = {
    one.__name__: one for one in (telco, clothing, noisy, adult, news, fashion)
}


def vouch(*arguments: str) -> tuple[dict[str, Any], float]:
    """One verb in a process of its own: its JSON and its wall time."""
    started = time.perf_counter()
    ran = subprocess.run([sys.executable, "-m", "vouch", *arguments, "--json", "-q"], capture_output=True, text=True)
    if ran.returncode != 0:
        raise SystemExit(f"vouch {' '.join(arguments)}: {ran.stderr}")
    return json.loads(ran.stdout), time.perf_counter() - started


def main() -> None:
    """Run the loop on one set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(SETS))
    parser.add_argument("--out", type=Path, default=Path("loops"))
    parser.add_argument("--fix", nargs="*", default=[], choices=CHALLENGES)
    parser.add_argument("--budget", help="time for the fit, and so for each training that follows: 90s")
    asked = parser.parse_args()
    folder = asked.out / asked.name
    folder.mkdir(parents=True, exist_ok=True)
    model = str(folder / f"{asked.name}.vouch")
    budget = ["--budget", asked.budget] if asked.budget else []
    fitted, _ = vouch("fit", *SETS[asked.name](folder), "--out", model, *budget)
    print(f"{asked.name} fit: {fitted['rows']}, {fitted['seconds']:.0f} s; {fitted['verdict']}", flush=True)
    found, seconds = vouch("audit", model)
    for one in found["findings"]:
        print(f"{asked.name} audit {one['challenge']}: {one['verdict']}: {one['headline']}", flush=True)
    training = json.loads((folder / f"{asked.name}.vouch" / "model.json").read_text())["model"]["run"]["seconds"][
        "train"
    ]
    print(f"{asked.name} audit ÷ training: {seconds / training:.2f} ({seconds:.0f} s, {training:.0f} s)", flush=True)
    for challenge in asked.fix:
        proved, seconds = vouch("fix", model, challenge)
        print(f"{asked.name} fix {challenge}: {proved['proof']['headline']} ({seconds:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
