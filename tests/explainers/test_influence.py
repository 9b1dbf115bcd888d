"""Influence is what a step of gradient descent on the head does, by autograd and by doing it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vouch.explainers.influence import cosines, influences
from vouch.nets.network import MemberHead


def test_influence_is_the_change_of_the_answer_after_a_step_on_the_head() -> None:
    torch.manual_seed(0)
    head = MemberHead(3, 5, 4).double()
    vectors, others = torch.randn(2, 3, 5).double(), torch.randn(6, 3, 5).double()
    wanted, targets = torch.tensor([1, 3]), torch.randint(0, 4, (6,))

    def answers(outputs: torch.Tensor) -> torch.Tensor:
        return outputs.softmax(2).mean(1).gather(1, wanted[:, None])[:, 0]

    def losses(outputs: torch.Tensor) -> torch.Tensor:
        return -outputs.log_softmax(2).gather(2, targets[:, None, None].expand(-1, 3, 1))[..., 0].mean(1)

    asked, given = head(vectors).detach().requires_grad_(), head(others).detach().requires_grad_()
    (up,) = torch.autograd.grad(answers(asked).sum(), asked)
    (down,) = torch.autograd.grad(losses(given).sum(), given)
    found = influences(vectors.numpy(), up.numpy(), others.numpy(), down.numpy())
    before, rate, weights = answers(head(vectors)).detach(), 1e-6, list(head.parameters())
    for row in range(6):
        steps = torch.autograd.grad(losses(head(others))[row], weights)
        with torch.no_grad():
            for weight, step in zip(weights, steps, strict=True):
                weight -= rate * step
            moved = (answers(head(vectors)) - before) / rate
            for weight, step in zip(weights, steps, strict=True):
                weight += rate * step
        assert np.allclose(found[:, row], moved.numpy(), rtol=1e-3, atol=1e-5)


def test_cosines_are_those_of_the_angles() -> None:
    found = cosines(np.array([[1.0, 1.0], [0.0, 0.0]]), np.array([[0.0, 2.0], [-1.0, -1.0]]))
    assert found[0] == pytest.approx([np.sqrt(0.5), -1.0])
    assert found[1] == pytest.approx([0.0, 0.0])
