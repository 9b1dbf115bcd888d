"""Deep learning you can vouch for: train on raw data, measure on sealed rows, keep the evidence.

Example:
    >>> import vouch
    >>> rows = {"size": [float(i) for i in range(60)], "large": ["no"] * 30 + ["yes"] * 30}
    >>> bundle = vouch.fit(rows, "large", settings={"epochs": 2})
    >>> bundle.predict({"size": [1.0]}).shape
    (1,)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vouch.api import Bundle, audit, explain, fit, fix, label, load, predict, pretrain, recipe, tune
    from vouch.contracts.case import Challenge
    from vouch.contracts.explaining import Explained
    from vouch.contracts.finding import Estimate, Finding
    from vouch.contracts.proof import Audit, Proof
    from vouch.contracts.recipe import Recipe
    from vouch.contracts.schema import Column, Schema
    from vouch.errors import VouchError
    from vouch.estimators import VouchClassifier, VouchRegressor

_HOMES = {
    "Audit": "vouch.contracts.proof",
    "Bundle": "vouch.api",
    "Challenge": "vouch.contracts.case",
    "Column": "vouch.contracts.schema",
    "Estimate": "vouch.contracts.finding",
    "Explained": "vouch.contracts.explaining",
    "Finding": "vouch.contracts.finding",
    "Proof": "vouch.contracts.proof",
    "Recipe": "vouch.contracts.recipe",
    "Schema": "vouch.contracts.schema",
    "VouchClassifier": "vouch.estimators",
    "VouchError": "vouch.errors",
    "VouchRegressor": "vouch.estimators",
    "audit": "vouch.api",
    "explain": "vouch.api",
    "fit": "vouch.api",
    "fix": "vouch.api",
    "label": "vouch.api",
    "load": "vouch.api",
    "predict": "vouch.api",
    "pretrain": "vouch.api",
    "recipe": "vouch.api",
    "tune": "vouch.api",
}

__all__ = [
    "Audit",
    "Bundle",
    "Challenge",
    "Column",
    "Estimate",
    "Explained",
    "Finding",
    "Proof",
    "Recipe",
    "Schema",
    "VouchClassifier",
    "VouchError",
    "VouchRegressor",
    "audit",
    "explain",
    "fit",
    "fix",
    "label",
    "load",
    "predict",
    "pretrain",
    "recipe",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'vouch' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
