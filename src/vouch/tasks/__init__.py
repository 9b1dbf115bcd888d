"""What is to be predicted: target, loss, decoding and metrics, one file for each task."""

import polars as pl

from vouch.tasks.classification import Classification
from vouch.tasks.multilabel import Multilabel
from vouch.tasks.regression import Regression

ALL = (Classification, Multilabel, Regression)


def fit_task(name: str, series: pl.Series) -> Classification | Multilabel | Regression:
    """The task of that name, fitted to canonical training targets.

    Raises:
        StopIteration: there is no such task.
    """
    return next(task for task in ALL if name in task.names).fit(series)


__all__ = ["ALL", "Classification", "Multilabel", "Regression", "fit_task"]
