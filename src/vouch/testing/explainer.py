"""What every explainer must keep."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from vouch.contracts.explaining import Attribution, Explainer, Question

_EXACT = 1e-5


def check_explainer(explainer: Explainer, question: Question) -> None:
    """Hold an explainer to its protocol on a question that it applies to.

    Args:
        explainer: to be checked.
        question: of two rows at least where its rows have the same parts, else of one.

    Raises:
        AssertionError: a promise is broken; the message says which.
    """
    assert not explainer.applies(question), f"{explainer.name} does not apply: {explainer.applies(question)}"
    network = question.bundle.network
    before = _state(network)
    found = explainer.attribute(question)
    _check_shapes(explainer, question, found)
    assert _same(before, _state(network)), f"{explainer.name} changes the network"
    again = explainer.attribute(question)
    assert np.array_equal(found.values, again.values), f"{explainer.name} gives other contributions the second time"
    if found.adds_up:
        span = max(float(np.abs(found.answers).max()), 1.0)
        miss = np.abs(found.values.sum(1) + found.base - found.answers).max()
        assert miss <= max(_EXACT * span, found.misses), f"{explainer.name} misses the answer by {miss}"
    _check_interrupted(explainer, question)
    _check_alone(explainer, question, found)


def _check_shapes(explainer: Explainer, question: Question, found: Attribution) -> None:
    shape = (question.rows, len(question.names))
    assert found.values.shape == shape, f"{explainer.name} gives contributions of shape {found.values.shape}"
    assert found.errors.shape == shape, f"{explainer.name} gives errors of shape {found.errors.shape}"
    assert found.base.shape == found.answers.shape == shape[:1], f"{explainer.name} gives another number of answers"
    for values in (found.values, found.base, found.answers, found.errors):
        assert np.isfinite(values).all(), f"{explainer.name} gives what is no number"
        assert values.dtype == np.float64, f"{explainer.name} gives {values.dtype}"
    assert (found.errors >= 0).all(), f"{explainer.name} gives a negative error"


def _check_interrupted(explainer: Explainer, question: Question) -> None:
    """An exception on the way leaves no hook and no other mode behind."""
    network = question.bundle.network
    before, calls = _hooks(network), [0]

    def stop(*_: object) -> None:
        calls[0] += 1
        if calls[0] > 1:
            raise KeyboardInterrupt

    handles = [part.register_forward_pre_hook(stop) for part in network.modules() if not list(part.children())]
    modes = [part.training for part in network.modules()]
    with suppress(KeyboardInterrupt):
        explainer.attribute(question)
    for handle in handles:
        handle.remove()
    assert calls[0], f"{explainer.name} does not ask the network"
    assert _hooks(network) == before, f"{explainer.name} leaves a hook behind when it is stopped"
    assert [part.training for part in network.modules()] == modes, f"{explainer.name} leaves another mode behind"


def _check_alone(explainer: Explainer, question: Question, found: Attribution) -> None:
    """The first row alone is explained as it is among others, up to what is drawn at random."""
    if question.rows < 2:
        return
    alone = replace(question, inputs=tuple(x[:1] for x in question.inputs), wanted=question.wanted[:1])
    other = explainer.attribute(alone)
    room = 4 * (found.errors[0] + other.errors[0]) + 1e-5
    assert (np.abs(other.values[0] - found.values[0]) <= room).all(), f"{explainer.name}: a row depends on the others"


def _state(network: nn.Module) -> tuple[dict[str, torch.Tensor], list[bool], int, list[torch.Tensor | None]]:
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    gradients = [None if p.grad is None else p.grad.clone() for p in network.parameters()]
    return weights, [part.training for part in network.modules()], _hooks(network), gradients


def _same(one: tuple, other: tuple) -> bool:  # type: ignore[type-arg]
    same = all(torch.equal(one[0][name], other[0][name]) for name in one[0])
    gradients = zip(one[3], other[3], strict=True)
    return same and one[1:3] == other[1:3] and all((a is None) == (b is None) for a, b in gradients)


def _hooks(network: nn.Module) -> int:
    kinds: tuple[Callable[[nn.Module], dict], ...] = (  # type: ignore[type-arg]
        lambda part: part._forward_hooks,
        lambda part: part._forward_pre_hooks,
        lambda part: part._backward_hooks,
    )
    return sum(len(kind(part)) for part in network.modules() for kind in kinds)
