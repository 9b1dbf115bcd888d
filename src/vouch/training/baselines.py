"""Simple methods on the same rows as the network: a constant, a linear model, and gradient-boosted trees."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from vouch.training.baseline_features import Block, Features, Rows, features

__all__ = ["Baselines", "Block", "baselines"]

_STEPS = 200
_TREES = 100
_FEWEST_TREES = 10
_FEWEST_ROWS = 5_000
_MOST_ROWS = 200_000
_LINEAR_WORK = 300_000_000
_TREE_WORK = 1_200_000_000
_ROWS_FOR_STOPPING = 10_000

Values: TypeAlias = npt.NDArray[np.float64]
# Either numpy or scipy.sparse; both index by rows and both are what scikit-learn takes.
Matrix: TypeAlias = Any


@dataclass(frozen=True, slots=True, eq=False)
class Baselines:
    """What the simple methods predict on the test rows, and what a reader must know of how.

    Args:
        predictions: by name of the method: probabilities (n, K), or numbers (n,).
        failures: by name of the method: why there is no prediction.
        notes: limits that were met, one sentence each.
    """

    predictions: dict[str, Values] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """What every simple method is given; ``target`` holds the training rows alone, ``outputs`` counts all classes."""

    target: npt.NDArray[np.generic]
    outputs: int
    task: str
    train: Rows
    test: Rows
    seed: int
    notes: list[str]


def baselines(
    blocks: Sequence[Block], target: npt.NDArray[np.generic], task: str, train: Rows, test: Rows, seed: int = 0
) -> Baselines:
    """Fit simple methods on the training rows and predict the test rows.

    Classification: "majority" (class shares), "logistic_regression", "boosted_trees". Regression: "mean", "ridge",
    "boosted_trees". Settings are scikit-learn's defaults, so that nothing is tuned on anyone's behalf; on large data
    rows, steps or trees are limited, which the notes say. A method that fails is listed with its reason.

    Args:
        blocks: encoded features of all rows (B).
        target: class codes (B,), labels (B, K) or numbers (B,).
        task: binary, multiclass, multilabel or regression.
        train: row numbers to learn from.
        test: row numbers to predict.
        seed: fixes every draw.

    Returns:
        Predictions on the test rows in the order given, failures and notes.

    Example:
        >>> import torch
        >>> from vouch.contracts.roles import Capabilities
        >>> x = torch.linspace(0, 1, 40)[:, None]
        >>> found = baselines([Block(x, Capabilities(continuous=True))], x[:, 0].numpy(), "regression",
        ...                   np.arange(0, 40, 2), np.arange(1, 40, 2))
        >>> sorted(found.predictions)
        ['boosted_trees', 'mean', 'ridge']
    """
    from sklearn import ensemble, linear_model
    from threadpoolctl import threadpool_limits

    del ensemble, linear_model  # only now are the pools loaded that are limited below
    rows = np.asarray(train, np.int64), np.asarray(test, np.int64)
    job = _Job(np.asarray(target)[rows[0]], _outputs(target, task), task, *rows, seed, [])
    # One thread: the same figures on any machine. Small steps wait for all threads, and on a busy machine two of them
    # took 5 to 30 times as long as one.
    with threadpool_limits(1):
        return _fit_all(blocks, job)


def _outputs(target: npt.NDArray[np.generic], task: str) -> int:
    """Classes or labels; 1 for a number."""
    if task == "regression":
        return 1
    return target.shape[1] if target.ndim == 2 else max(int(target.max()) + 1, 2)


def _fit_all(blocks: Sequence[Block], job: _Job) -> Baselines:
    regression = job.task == "regression"
    linear = "ridge" if regression else "logistic_regression"
    found = Baselines({("mean" if regression else "majority"): _constant(job)})
    methods: dict[str, Callable[[], Values]] = {}
    try:
        parts = [features(block, job.train, job.seed) for block in blocks]
        methods = {linear: lambda: _linear(parts, job), "boosted_trees": lambda: _trees(parts, job)}
    except Exception as error:
        found.failures.update({name: _reason(error) for name in (linear, "boosted_trees")})
    for name, method in methods.items():
        try:
            found.predictions[name] = method()
        except Exception as error:
            found.failures[name] = _reason(error)
    return Baselines(found.predictions, found.failures, tuple(job.notes))


def _constant(job: _Job) -> Values:
    """Class shares of the training rows (n, K), or their mean (n,)."""
    if job.task == "regression":
        return np.full(len(job.test), job.target.mean(dtype=np.float64))
    if job.target.ndim == 2:
        share = job.target.mean(axis=0, dtype=np.float64)
    else:
        share = np.bincount(job.target.astype(np.int64), minlength=job.outputs) / len(job.train)
    return np.tile(share, (len(job.test), 1))


def _linear(parts: list[Features], job: _Job) -> Values:
    from scipy import sparse
    from sklearn.linear_model import LogisticRegression, Ridge

    matrices: list[Matrix] = [part.linear for part in parts]
    is_sparse = any(sparse.issparse(matrix) for matrix in matrices)
    joined: Matrix = sparse.hstack(matrices, format="csr") if is_sparse else np.hstack(matrices)
    per_row = max((joined.nnz if is_sparse else joined.size) / joined.shape[0], 1) * job.outputs
    kept = _some_rows(job, "the linear model", _LINEAR_WORK / per_row)
    if job.task == "regression":
        ridge = Ridge(solver="sparse_cg" if is_sparse else "cholesky", random_state=job.seed)
        return np.asarray(ridge.fit(joined[job.train[kept]], job.target[kept]).predict(joined[job.test]), np.float64)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = LogisticRegression(max_iter=_STEPS, random_state=job.seed)
        found = _probabilities(model, joined[job.train[kept]], joined[job.test], job, kept)
    if any("converge" in str(warning.message) for warning in caught):
        job.notes.append(f"logistic_regression was stopped after {_STEPS} steps, before it had fully converged.")
    return found


def _trees(parts: list[Features], job: _Job) -> Values:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    joined = np.concatenate([part.trees for part in parts], axis=1)
    categorical = np.concatenate([part.categorical for part in parts])
    per_row = joined.shape[1] * job.outputs
    kept = _some_rows(job, "boosted_trees", _TREE_WORK / (per_row * _TREES))
    trees = int(np.clip(_TREE_WORK / (per_row * len(kept)), _FEWEST_TREES, _TREES))
    if trees < _TREES:
        job.notes.append(f"boosted_trees had {trees} rounds instead of {_TREES}.")
    kind = HistGradientBoostingRegressor if job.task == "regression" else HistGradientBoostingClassifier
    model = kind(
        max_iter=trees,
        categorical_features=categorical if categorical.any() else None,
        early_stopping=len(kept) > _ROWS_FOR_STOPPING and _splits(job, kept),
        random_state=job.seed,
    )
    if job.task != "regression":
        return _probabilities(model, joined[job.train[kept]], joined[job.test], job, kept)
    return np.asarray(model.fit(joined[job.train[kept]], job.target[kept]).predict(joined[job.test]), np.float64)


def _probabilities(model: Any, train: Matrix, test: Matrix, job: _Job, kept: Rows) -> Values:
    """Probabilities (n, K) of a scikit-learn classifier; labels of a multilabel task are fitted one by one."""
    wanted = job.target[kept].astype(np.int64)
    if wanted.ndim == 2:
        return np.stack([_classes(model, train, wanted[:, k], test, 2)[:, 1] for k in range(job.outputs)], axis=1)
    return _classes(model, train, wanted, test, job.outputs)


def _classes(model: Any, train: Matrix, wanted: Rows, test: Matrix, outputs: int) -> Values:
    """Probabilities with a column for every class, also for those that these rows do not hold."""
    found = np.zeros((test.shape[0], outputs))
    present = np.unique(wanted)
    if len(present) == 1:
        found[:, present[0]] = 1
        return found
    model.fit(train, wanted)
    found[:, present] = model.predict_proba(test)
    return found


def _some_rows(job: _Job, name: str, affordable: float) -> Rows:
    """Which of the training rows a method learns from: all, or a random part that keeps its time bounded."""
    most = int(np.clip(affordable, _FEWEST_ROWS, _MOST_ROWS))
    if len(job.train) <= most:
        return np.arange(len(job.train))
    job.notes.append(f"{name} learned from {most:,} of {len(job.train):,} training rows, drawn at random.")
    return np.sort(np.random.default_rng(job.seed).choice(len(job.train), most, replace=False))


def _splits(job: _Job, kept: Rows) -> bool:
    """Whether rows can be set aside for early stopping: every class has two at least."""
    if job.task == "regression":
        return True
    labels = job.target[kept].astype(np.int64)
    columns = labels.T if labels.ndim == 2 else [labels]
    return all(np.unique(column, return_counts=True)[1].min() > 1 for column in columns)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
