"""Vouch inside scikit-learn: two estimators for pipelines, cross-validation and grids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_feature_names, _check_n_features, check_is_fitted, validate_data

from vouch import api

_TARGET = "target"


class _Settings(BaseEstimator):
    """What both estimators can be told."""

    def __init__(
        self, budget: str | float | None = None, settings: Mapping[str, object] | None = None, seed: int = 0
    ) -> None:
        self.budget = budget
        self.settings = settings
        self.seed = seed

    def __sklearn_tags__(self) -> Any:
        """Missing values are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class VouchClassifier(ClassifierMixin, _Settings):
    """A deep network that sorts rows into classes.

    No rows are sealed: whoever cross-validates holds rows out already. A share of the rows given to ``fit`` decides
    when to stop.

    Args:
        budget: time to spend, in seconds or as "5m"; none lets the size of the data decide.
        settings: recipe keys and values.
        seed: fixes everything that is drawn at random.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> VouchClassifier(settings={"epochs": 5}).fit(X, y).predict(X).shape
        (150,)
    """

    def fit(self, X: Any, y: Any) -> VouchClassifier:
        """Train on rows X (B, N), an array or a frame, and their classes y (B,)."""
        table, y = _training_table(self, X, y, numeric=False)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"Classifier can't train when only one class is present: {self.classes_[0]!r}.")
        names = np.array([str(code) for code in codes], dtype=object)
        task = "binary" if len(self.classes_) == 2 else "multiclass"
        self.bundle_ = _fit(self, table, names, task)
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Probabilities (B, K) in the order of ``classes_``."""
        check_is_fitted(self)
        frame = api.predict(self.bundle_, _table(self, X, reset=False))
        found = np.zeros((frame.height, len(self.classes_)))
        for name in frame.columns:
            if name.startswith("probability["):
                found[:, int(name[len("probability[") : -1])] = frame[name].to_numpy()
        return found

    def predict(self, X: Any) -> npt.NDArray[np.generic]:
        """The most probable class of each row (B,)."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]


class VouchRegressor(RegressorMixin, _Settings):
    """A deep network that predicts a quantity.

    Args:
        budget: time to spend, in seconds or as "5m"; none lets the size of the data decide.
        settings: recipe keys and values.
        seed: fixes everything that is drawn at random.

    Example:
        >>> from sklearn.datasets import load_diabetes
        >>> X, y = load_diabetes(return_X_y=True)
        >>> VouchRegressor(settings={"epochs": 2}).fit(X, y).predict(X[:3]).shape
        (3,)
    """

    def fit(self, X: Any, y: Any) -> VouchRegressor:
        """Train on rows X (B, N), an array or a frame, and their values y (B,)."""
        table, y = _training_table(self, X, y, numeric=True)
        self.bundle_ = _fit(self, table, np.asarray(y, dtype=np.float64), "regression")
        return self

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """The value of each row (B,)."""
        check_is_fitted(self)
        return api.predict(self.bundle_, _table(self, X, reset=False))["prediction"].to_numpy()


def _training_table(
    estimator: BaseEstimator, X: Any, y: Any, *, numeric: bool
) -> tuple[dict[str, Any], npt.NDArray[np.generic]]:
    """Columns by name, and the target checked against them."""
    if hasattr(X, "columns"):
        table = _table(estimator, X, reset=True)
        return table, np.asarray(y).ravel()
    X, y = validate_data(
        estimator,
        X,
        y,
        reset=True,
        dtype="numeric",
        ensure_all_finite="allow-nan",
        y_numeric=numeric,
        multi_output=False,
        ensure_min_samples=2,
    )
    return _columns(X), y


def _table(estimator: BaseEstimator, X: Any, *, reset: bool) -> dict[str, Any]:
    """Columns by name: those of a frame, or x0, x1, … of an array."""
    if hasattr(X, "columns"):
        _check_feature_names(estimator, X, reset=reset)
        _check_n_features(estimator, X, reset=reset)
        return {str(name): X[name].to_numpy() for name in X.columns}
    return _columns(validate_data(estimator, X, reset=reset, dtype="numeric", ensure_all_finite="allow-nan"))


def _columns(X: npt.NDArray[np.generic]) -> dict[str, Any]:
    return {f"x{i}": X[:, i].astype(np.float64) for i in range(X.shape[1])}


def _fit(estimator: Any, table: dict[str, Any], y: npt.NDArray[np.generic], task: str) -> api.Bundle:
    """Train with no sealed rows; columns of an array are all quantities."""
    target = _TARGET
    while target in table:
        target += "_"
    types = {name: "number" for name, cells in table.items() if np.asarray(cells).dtype.kind == "f"}
    settings = {"test_fraction": 0.0, **(estimator.settings or {})}
    return api.fit(
        {**table, target: y}, target, task=task, types=types, budget=estimator.budget, settings=settings,
        seed=estimator.seed, fewest_rows=2,
    )  # fmt: skip
