"""What every task must keep."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from vouch.store.values import from_plain, to_plain


def check_task(task: Any, series: pl.Series) -> None:
    """Hold a task to its protocol on a target column of its own kind.

    Args:
        task: the class, such as ``Classification``.
        series: at least 20 canonical target cells.

    Raises:
        AssertionError: a promise is broken; the message says which.

    Example:
        >>> from vouch.tasks import Regression
        >>> check_task(Regression, pl.Series([float(i) for i in range(20)]))
    """
    found = task.recognise(series)
    assert found is not None, "the task does not recognise its own target"
    assert found.kind in task.names, "the task does not recognise its own target"
    assert found.why, "the task does not recognise its own target"
    fitted = task.fit(series)
    target, truth = fitted.encode(series), fitted.truth(series)
    assert len(target) == len(truth) == len(series), "a target was lost"
    assert fitted.name in task.names, "the task has a name that it does not list"
    _check_loss(fitted, target)
    _check_decoding(fitted, truth, len(series))
    plain = to_plain(fitted, {}, "task")
    assert from_plain(task, plain, {}, "task") == fitted, "a stored task is another one"


def _check_loss(fitted: Any, target: Tensor) -> None:
    """One finite loss for each row, of that row alone, with a gradient; members count alike; learning lowers it."""
    torch.manual_seed(0)
    output = torch.randn(len(target), 1, fitted.outputs, requires_grad=True)
    loss = fitted.loss(output, target, 0.0)
    assert loss.shape == (len(target),), "there is not one finite loss for each row"
    assert loss.isfinite().all(), "there is not one finite loss for each row"
    (gradient,) = torch.autograd.grad(loss.mean(), output)
    assert gradient.isfinite().all(), "the loss has no gradient"
    assert gradient.abs().sum() > 0, "the loss has no gradient"
    lower = fitted.loss(output - 0.1 * gradient / gradient.norm(), target, 0.0)
    assert lower.mean() < loss.mean(), "a step against the gradient does not lower the loss"
    doubled = fitted.loss(output.expand(-1, 2, -1), target, 0.0)
    assert torch.allclose(doubled, loss, atol=1e-5), "two equal members have another loss than one"
    alone = torch.cat([fitted.loss(output[i : i + 1], target[i : i + 1], 0.0) for i in range(len(target))])
    assert torch.allclose(alone, loss, atol=1e-4), "the loss of a row depends on the rows beside it"
    assert fitted.loss(output, target, 0.1).shape == loss.shape, "with smoothing there is not one loss for each row"


def _check_decoding(fitted: Any, truth: Any, rows: int) -> None:
    """What is decoded has a row for each row, scores better when it is right, and is shown as a table."""
    torch.manual_seed(0)
    decoded = fitted.decode(torch.randn(rows, 3, fitted.outputs))
    assert len(decoded) == rows, "decoding lost rows"
    assert np.isfinite(decoded).all(), "decoding lost rows"
    losses = fitted.losses(decoded, truth)
    assert losses.shape == (rows,), "there is not one loss, zero or more, for each row"
    assert (losses >= 0).all(), "there is not one loss, zero or more, for each row"
    output = torch.zeros(rows, 1, fitted.outputs, requires_grad=True)
    optimizer = torch.optim.Adam([output], lr=0.3)
    target = fitted.encode(fitted.frame(decoded)["prediction"].alias("target"))
    for _ in range(60):
        optimizer.zero_grad()
        fitted.loss(output, target, 0.0).mean().backward()
        optimizer.step()
    right = fitted.decode(output.detach())
    own = fitted.truth(fitted.frame(decoded)["prediction"].alias("target"))
    assert fitted.score(right, own) < fitted.score(fitted.decode(torch.zeros_like(output).detach()), own), (
        "a prediction that was trained to be right scores no better than an empty one"
    )
    frame = fitted.frame(decoded)
    assert frame.height == rows, "the table of predictions has no prediction"
    assert "prediction" in frame.columns, "the table of predictions has no prediction"
