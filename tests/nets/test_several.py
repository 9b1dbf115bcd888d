"""Whole networks side by side: each is itself, and the bundle that holds them answers with their mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import vouch
from helpers import FAST, rows
from vouch.nets.mlp import MLP
from vouch.nets.network import Network, outputs_of
from vouch.nets.several import DeepEnsemble, Several
from vouch.testing import case_for


@pytest.fixture(scope="module")
def bundle() -> vouch.Bundle:
    return vouch.fit(rows(200), "y", settings={**FAST, "networks": 3})


def test_each_network_answers_as_it_would_alone() -> None:
    torch.manual_seed(0)
    embedders = [[nn.Linear(2, 3), nn.Linear(1, 4)] for _ in range(3)]
    trunks = [MLP(7, width=8, depth=1, dropout=0.0) for _ in range(3)]
    several = [Several([pair[block] for pair in embedders], size) for block, size in enumerate((3, 4))]
    joint = Network(several, DeepEnsemble(trunks, [3, 4]), outputs=2)
    inputs = torch.randn(5, 2), torch.randn(5, 1)
    for k, (pair, trunk) in enumerate(zip(embedders, trunks, strict=True)):
        alone = Network(pair, trunk, outputs=2)
        with torch.no_grad():
            alone.head.weight.copy_(joint.head.weight[k : k + 1])
            alone.head.bias.copy_(joint.head.bias[k : k + 1])
        assert torch.allclose(joint(*inputs)[:, k], alone(*inputs)[:, 0], atol=1e-6)


def test_no_network_learns_from_another() -> None:
    torch.manual_seed(0)
    joint = DeepEnsemble([MLP(2, width=4, depth=1, dropout=0.0) for _ in range(2)], [2])
    joint(torch.randn(5, 4))[:, 0].sum().backward()
    assert any(parameter.grad.any() for parameter in joint.trunks[0].parameters() if parameter.grad is not None)
    assert all(not parameter.grad.any() for parameter in joint.trunks[1].parameters() if parameter.grad is not None)


def test_a_bundle_of_three_networks_differs_in_all_of_them_and_answers_with_their_mean(bundle) -> None:
    outputs = outputs_of(bundle.network, [block.encoded[:10] for block in case_for(bundle).blocks])
    assert outputs.shape[1] == 3 * FAST["members"]
    parts = [bundle.task.decode(part) for part in outputs.split(FAST["members"], dim=1)]
    assert bundle.task.decode(outputs) == pytest.approx(np.mean(parts, axis=0), abs=1e-6)
    assert not np.allclose(parts[0], parts[1], atol=1e-3)


def test_it_is_stored_and_read_again(bundle, tmp_path: Path) -> None:
    bundle.save(tmp_path / "three.vouch")
    again = vouch.load(tmp_path / "three.vouch")
    assert again.recipe.networks == 3
    assert (again.predict(rows(20, seed=5)) == bundle.predict(rows(20, seed=5))).all()
