"""Integrated gradients against an independent implementation, on every kind of column."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explainers.asked import asked
from vouch.explainers.integrated_gradients import STEPS, IntegratedGradients
from vouch.explainers.leaves import Leaves


@pytest.mark.parametrize("network", ["table", "wide", "text", "transformer", "picture", "mixed"])
def test_contributions_are_those_of_captum(network: str) -> None:
    attr = pytest.importorskip("captum.attr")
    question = asked(network)[0]
    leaves = Leaves(question)
    own, base = leaves.own(0), [x.mean(0) for x in leaves.behind()]

    def answer(*values: torch.Tensor) -> torch.Tensor:
        return leaves.answers(values, 0)

    theirs = attr.IntegratedGradients(answer).attribute(
        tuple(x[None] for x in own), tuple(x[None] for x in base), n_steps=STEPS, method="gausslegendre"
    )
    by_part = leaves.by_part(list(theirs))[0].numpy()
    ours = IntegratedGradients().attribute(question).values[0]
    assert np.allclose(ours, by_part, atol=1e-5 * max(1.0, np.abs(ours).max()))


def test_the_way_ends_at_the_answer() -> None:
    found = IntegratedGradients().attribute(asked("wide")[0])
    span = max(1.0, float(np.abs(found.answers).max()))
    assert np.abs(found.values.sum(1) + found.base - found.answers).max() < 0.02 * span
