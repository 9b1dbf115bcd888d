"""Quality on real data sets, with default settings, on each set's own test rows.

    python benchmarks/quality.py adult --seeds 0 1 2
    python benchmarks/quality.py fashion --budget 40m

The data is looked for in ``../shared/data`` or in the folder that VOUCH_DATA names. Each run prints one line a fit and
one line of means, with the simple methods that were fitted on the same rows beside them.
"""

from __future__ import annotations

import argparse
import gzip
import os
import statistics
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.model_selection import KFold, RepeatedStratifiedKFold, train_test_split

import vouch

DATA = Path(os.environ.get("VOUCH_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
ADULT = [
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education-num",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital-gain",
    "capital-loss",
    "hours-per-week",
    "native-country",
    "income",
]


NEWS = ["class", "title", "description"]


@dataclass(frozen=True)
class Fit:
    """One fit: data to learn from, data to seal, and what to say of them."""

    data: object
    test: object
    target: str | None
    seed: int
    columns: list[str] | None = None
    drop: tuple[str, ...] = ()


def adult(seeds: list[int]) -> Iterator[Fit]:
    """The official split."""
    for seed in seeds:
        yield Fit(DATA / "adult/adult-train.csv.gz", DATA / "adult/adult-test.csv.gz", "income", seed, ADULT)


def california(seeds: list[int]) -> Iterator[Fit]:
    """80/20, drawn by scikit-learn with each seed."""
    with gzip.open(DATA / "california-housing/housing.csv.gz") as file:
        frame = pl.read_csv(file.read())
    for seed in seeds:
        train, test = train_test_split(np.arange(frame.height), test_size=0.2, random_state=seed)
        yield Fit(frame[train], frame[test], "median_house_value", seed)


def telco(seeds: list[int]) -> Iterator[Fit]:
    """Repeated stratified folds, five for each seed."""
    frame = pl.read_csv(DATA / "telco-churn/Telco-Customer-Churn.csv", schema_overrides={"TotalCharges": pl.String})
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=len(seeds), random_state=0)
    for i, (train, test) in enumerate(folds.split(frame, frame["Churn"])):
        yield Fit(frame[train], frame[test], "Churn", i)


def salaries(seeds: list[int]) -> Iterator[Fit]:
    """Five folds for each seed."""
    with zipfile.ZipFile(DATA / "dirty-categories/employee_salaries.zip") as archive:
        name = next(name for name in archive.namelist() if name.endswith(".csv"))
        frame = pl.read_csv(archive.read(name), infer_schema_length=None)
    for seed in seeds:
        for train, test in KFold(5, shuffle=True, random_state=seed).split(np.arange(frame.height)):
            yield Fit(frame[train], frame[test], "current_annual_salary", seed)


def fashion(seeds: list[int]) -> Iterator[Fit]:
    """The official split, as the IDX files say."""
    for seed in seeds:
        yield Fit(DATA / "fashion-mnist", None, "label", seed)


def clothing(seeds: list[int]) -> Iterator[Fit]:
    """600 photos to learn from, 372 to test, in class folders."""
    for seed in seeds:
        yield Fit(DATA / "clothing-small/train", DATA / "clothing-small/test", None, seed)


def news(seeds: list[int]) -> Iterator[Fit]:
    """A quarter of the training rows of AG News, the whole official test set."""
    for seed in seeds:
        yield Fit(DATA / "ag-news/train-subset.csv.gz", DATA / "ag-news/test.csv.gz", "class", seed, NEWS)


def sms(seeds: list[int]) -> Iterator[Fit]:
    """Exact duplicates dropped, stratified 80/20 with each seed."""
    text = (DATA / "sms-spam/sms.tsv").read_text(encoding="utf-8")
    rows = sorted({tuple(line.split("\t", 1)) for line in text.splitlines() if "\t" in line})
    frame = pl.DataFrame(rows, schema=["label", "message"], orient="row")
    for seed in seeds:
        train, test = train_test_split(
            np.arange(frame.height), test_size=0.2, random_state=seed, stratify=frame["label"].to_list()
        )
        yield Fit(frame[train], frame[test], "label", seed)


SETS: dict[str, Callable[[list[int]], Iterator[Fit]]] = {
    function.__name__: function for function in (adult, california, telco, salaries, fashion, clothing, news, sms)
}
FOLDS = ("telco", "salaries")
SHOWN = ("accuracy", "balanced_accuracy", "f1", "roc_auc", "rmse", "r2")


def main() -> None:
    """Fit, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(SETS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--budget")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    asked = parser.parse_args()
    settings = dict(pair.split("=", 1) for pair in asked.set)
    found: dict[str, dict[str, list[float]]] = {}
    for i, one in enumerate(SETS[asked.name](asked.seeds)):
        started = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            bundle = vouch.fit(
                one.data, one.target, test=one.test, columns=one.columns, drop=one.drop, seed=one.seed,
                budget=asked.budget, settings=settings, out=Path(folder) / "bench.vouch",
            )  # fmt: skip
        seconds = time.perf_counter() - started
        methods = {"network": bundle.evidence.metrics, **bundle.evidence.baselines}
        figures = {name: {m.name: m.value for m in metrics if m.name in SHOWN} for name, metrics in methods.items()}
        for method, values in figures.items():
            for name, value in values.items():
                found.setdefault(method, {}).setdefault(name, []).append(value)
        own = ", ".join(f"{name} {value:.4f}" for name, value in figures["network"].items())
        print(
            f"{asked.name} fit {i} seed {one.seed}: {own}; {len(bundle.run.history)} epochs, {seconds:.0f} s",
            flush=True,
        )
    for method, values in found.items():
        print(f"{asked.name} mean {method:<20}", ", ".join(_mean(name, every) for name, every in values.items()))
    if asked.name in FOLDS:
        _paired(asked.name, found)


def _mean(name: str, values: list[float]) -> str:
    spread = f" ±{statistics.stdev(values):.4f}" if len(values) > 1 else ""
    return f"{name} {statistics.fmean(values):.4f}{spread}"


def _paired(name: str, found: dict[str, dict[str, list[float]]]) -> None:
    """Differences network − method over the same folds, with a 95 % interval corrected for overlapping training rows.

    Source: Nadeau and Bengio, Inference for the generalization error (2003).
    """
    from scipy import stats

    for method in found:
        if method == "network":
            continue
        for metric, values in found["network"].items():
            other = found[method].get(metric, [])
            if len(other) != len(values):
                continue
            gaps = np.array(values) - np.array(other)
            error = gaps.std(ddof=1) * np.sqrt(1 / len(gaps) + 0.25)
            reach = stats.t.ppf(0.975, len(gaps) - 1) * error
            middle = gaps.mean()
            ends = f"[{middle - reach:+.4f}, {middle + reach:+.4f}]"
            print(f"{name} network − {method} {metric}: {middle:+.4f} {ends}")


if __name__ == "__main__":
    main()
