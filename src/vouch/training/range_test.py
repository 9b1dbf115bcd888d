"""Find a learning rate before training: raise it step by step until the loss does."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import torch
from torch import Generator

from vouch.contracts.schedules import Constant
from vouch.errors import TrainingError
from vouch.training.checkpoint import Checkpoints
from vouch.training.loop import Job, begun, own_draws, train_epoch

_LOWEST, _HIGHEST = 1e-5, 1.0
_STEPS = 100
_SMOOTHING = 0.9
_DIVERGED = 2.0
_SAFETY = 5.0


def rate_found(job: Job) -> float:
    """A fifth of the rate at which the smoothed training loss is lowest, while the rate rises from 10⁻⁵ to 1.

    Args:
        job: the run as planned; it is left untouched. Validation rows are not looked at.

    Returns:
        A peak rate, to two digits.

    Source:
        Smith, Cyclical learning rates for training neural networks (2017).
    """
    recipe = replace(
        job.recipe, learning_rate=_LOWEST, schedule=Constant(), warmup=0.0, averaging=0.0, swa=0.0, probe=0.0,
        unfreezing=0.0,
    )  # fmt: skip
    probe = replace(
        job, network=copy.deepcopy(job.network), recipe=recipe, checkpoints=Checkpoints(None), steps=1
    )  # fmt: skip
    state = begun(probe)
    growth = (_HIGHEST / _LOWEST) ** (1 / (_STEPS - 1))
    peaks = [group["peak"] for group in state.optimizer.param_groups]
    rows = job.rows[torch.randperm(len(job.rows), generator=Generator().manual_seed(recipe.seed)).to(job.device)]
    batches = rows.tensor_split(job.steps_in_epoch)
    running, lowest, best = 0.0, math.inf, _LOWEST
    with own_draws(job.device):
        for step in range(_STEPS):
            for group, peak in zip(state.optimizer.param_groups, peaks, strict=True):
                group["peak"] = peak * growth**step
            try:
                loss = train_epoch(replace(probe, rows=batches[step % len(batches)]), state)
            except TrainingError:
                break
            running = _SMOOTHING * running + (1 - _SMOOTHING) * loss
            smooth = running / (1 - _SMOOTHING ** (step + 1))
            if smooth > _DIVERGED * lowest:
                break
            if step and smooth < lowest:
                lowest, best = smooth, _LOWEST * growth**step
    return float(f"{best / _SAFETY:.2g}")
