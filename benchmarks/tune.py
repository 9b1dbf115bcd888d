"""``vouch tune`` against simple methods on the same sealed rows: every difference with its interval.

    python benchmarks/tune.py adult --budget 20m
    python benchmarks/tune.py telco --fits 5

Beside the tuned network stand the simple methods of the bundle (on the network's own encoding), and others by hand on
the cleaned columns: a linear model on median-imputed, scaled and one-hot columns, boosted trees at the defaults of
scikit-learn with category columns, and LightGBM at its defaults where it is installed. All learn from every row that
is not sealed. Telco is five folds; with ``--fits 5`` all of its rows were sealed once, and figures are of all of them.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from quality import SETS, Fit

import vouch
from vouch.api.casing import LiveCase
from vouch.api.measuring import truth_of
from vouch.statistics.evidence import Truth
from vouch.statistics.paired import paired_difference
from vouch.tasks.metrics import BY_TASK
from vouch.testing import case_for
from vouch.training.baselines import Block, baselines

NAMES = ("adult", "california", "telco")
SHOWN = ("roc_auc", "accuracy", "log_loss", "rmse", "mae")
Values = np.ndarray[Any, np.dtype[np.float64]]


def tuned(one: Fit, budget: str, workers: int) -> vouch.Bundle:
    """A search on one of the sets, told in a few lines."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        bundle = vouch.tune(
            one.data, one.target, test=one.test, columns=one.columns, drop=one.drop, seed=one.seed, budget=budget,
            workers=workers, out=Path(folder) / "bench.vouch",
        )  # fmt: skip
    search, audit = bundle.search, bundle.audit
    if search is None or audit is None:
        raise SystemExit("the search left nothing behind")
    states = ", ".join(
        f"{sum(a.state == state for a in search.attempts)} {state}" for state in ("done", "pruned", "failed")
    )
    print(f"{search.said} {states}; {time.perf_counter() - started:.0f} s", flush=True)
    print(f"  {audit.proofs[0].headline}", flush=True)
    if search.best is not None:
        print(f"  {dict(search.best.settings)}", flush=True)
    for note in dict.fromkeys((*search.notes, *audit.proofs[0].notes)):
        print(f"  note: {note}", flush=True)
    return bundle


def beside(case: LiveCase) -> dict[str, Values]:
    """What every other method says of the sealed rows."""
    split, task = case.split, case.bundle.task.name
    truth = case.bundle.task.truth(case.dataset.frame[case.bundle.schema.target.name])
    learned = np.concatenate([split.train, split.valid])
    blocks = [
        Block(block.encoded[:, : len(sizes)] if sizes else block.encoded, block.capabilities, sizes)
        for block, sizes in (
            (b, getattr(e, "cardinalities", None)) for b, e in zip(case.blocks, case.bundle.encoders, strict=True)
        )
    ]
    found = baselines(blocks, truth, task, learned, split.test, case.bundle.recipe.seed)
    frame = case.dataset.frame.select(column.name for column in case.bundle.schema.features)
    for name, method in by_hand(frame, task == "regression").items():
        model = method().fit(frame[learned].to_pandas(), truth[learned])
        sealed = frame[split.test].to_pandas()
        found.predictions[name] = model.predict(sealed) if task == "regression" else model.predict_proba(sealed)
    return {name: np.asarray(said, np.float64) for name, said in found.predictions.items()}


def by_hand(frame: pl.DataFrame, quantity: bool) -> dict[str, Callable[[], Any]]:
    """Methods on the cleaned columns as they are."""
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    numbers = [name for name, kind in frame.schema.items() if kind.is_numeric()]
    # More values than trees take as categories tell nothing that generalises.
    others = [name for name in frame.columns if name not in numbers and frame[name].n_unique() <= 250]
    spread = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore"), others),
    )
    codes = make_column_transformer(
        ("passthrough", numbers),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan), others),
    )
    categories = list(range(len(numbers), len(numbers) + len(others)))
    trees = HistGradientBoostingRegressor if quantity else HistGradientBoostingClassifier
    methods: dict[str, Callable[[], Any]] = {
        "linear, one-hot": lambda: make_pipeline(spread, Ridge() if quantity else LogisticRegression(max_iter=2000)),
        "trees, defaults": lambda: make_pipeline(codes, trees(categorical_features=categories, random_state=0)),
    }
    if importlib.util.find_spec("lightgbm") is not None:
        import lightgbm  # type: ignore[import-not-found]

        one = lightgbm.LGBMRegressor if quantity else lightgbm.LGBMClassifier
        methods["LightGBM, defaults"] = lambda: make_pipeline(codes, one(verbose=-1, random_state=0))
    return methods


def compare(name: str, truth: Truth, mine: Values, theirs: dict[str, Values]) -> None:
    """A line for each method and figure: tuned less the other, and whether the tuned network is at least as good."""
    for spec in (one for one in BY_TASK[truth.task] if one.name in SHOWN):
        own = float(spec.function(truth.values, mine, np.ones((1, truth.rows)))[0])
        for method, said in theirs.items():
            other = float(spec.function(truth.values, said, np.ones((1, truth.rows)))[0])
            found = paired_difference(truth, [mine], [said], metric=spec).estimate
            sign = 1 if spec.higher_is_better else -1
            level = "at least as good" if sign * found.value >= 0 else "short"
            ends = f"{found.value:+.5g} [{found.low:+.5g}, {found.high:+.5g}]"
            print(f"{name} {spec.name}: tuned {own:.5g}, {method} {other:.5g}: {ends}, {level}", flush=True)


def main() -> None:
    """Tune, and compare on the sealed rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--budget", default="20m")
    parser.add_argument("--fits", type=int, default=1, help="folds of Telco; other sets have one")
    parser.add_argument("--workers", type=int, default=1)
    asked = parser.parse_args()
    fits = islice(SETS[asked.name]([0]), asked.fits if asked.name == "telco" else 1)
    truths, mine, theirs = [], [], []
    for number, one in enumerate(fits):
        print(f"{asked.name} {number}, budget {asked.budget}: ", end="", flush=True)
        bundle = tuned(one, asked.budget, asked.workers)
        case = case_for(bundle)
        truths.append(truth_of(bundle, case.dataset, case.split.test, "test"))
        mine.append(case.scored("test").decoded)
        theirs.append(beside(case))
    whole = Truth(truths[0].task, truths[0].classes, np.concatenate([one.values for one in truths]))
    joined = {method: np.concatenate([said[method] for said in theirs]) for method in theirs[0]}
    compare(asked.name, whole, np.concatenate(mine), joined)


if __name__ == "__main__":
    main()
