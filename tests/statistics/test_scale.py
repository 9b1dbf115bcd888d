"""One factor for all outputs, found on rows that were not learned from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import softmax

from vouch.statistics.recalibration import fit_calibrator
from vouch.statistics.scale import borne_out
from vouch.tasks import Classification

TASK = Classification(("a", "b", "c"))


def said(rows: int, louder: float, seed: int = 0) -> tuple[torch.Tensor, np.ndarray]:
    """Outputs that are too large by a factor, and what happened."""
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.normal(size=(rows, 3))
    truth = np.array([rng.choice(3, p=p) for p in softmax(logits, axis=1)])
    return torch.from_numpy(louder * logits)[:, None], truth


@pytest.mark.parametrize("louder", [0.5, 1.0, 4.0])
def test_a_known_factor_is_found(louder: float) -> None:
    factor, _ = borne_out(TASK, *said(20_000, louder))
    assert factor == pytest.approx(1 / louder, rel=0.05)


def test_it_agrees_with_temperature_scaling() -> None:
    """Another search, on probabilities and not on outputs; of many rows neither prior is felt."""
    outputs, truth = said(20_000, 3.0)
    factor, score = borne_out(TASK, outputs, truth)
    temperature = fit_calibrator("temperature", TASK.decode(outputs), truth).parameters[1][0]
    assert factor == pytest.approx(1 / temperature, rel=1e-3)
    assert score == pytest.approx(TASK.score(TASK.decode(outputs / temperature), truth), abs=1e-6)


def test_a_handful_of_rows_that_are_all_right_does_not_run_away() -> None:
    outputs = torch.tensor([[[1.0, 0.0, 0.0]]]).repeat(5, 1, 1)
    assert borne_out(TASK, outputs, np.zeros(5, int))[0] < 10


def test_the_score_of_two_that_know_as_much_is_the_same_however_loud_they_are() -> None:
    outputs, truth = said(5000, 1.0)
    low, high = (borne_out(TASK, outputs * factor, truth)[1] for factor in (0.3, 5.0))
    assert low == pytest.approx(high, abs=1e-4)
