"""What the bench of peers needs no peer for: the nets, Vouch's own work, and what it says of the others' reports."""

from __future__ import annotations

import importlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[2]
SIZES = {"mlp": {"columns": 5}, "resnet": {"channels": 1}, "transformer": {"vocabulary": 20, "tokens": 6}}


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT)
    return importlib.import_module("benchmarks.peers.__main__")


@pytest.fixture
def nets(bench: ModuleType) -> ModuleType:
    del bench
    return importlib.import_module("benchmarks.peers.nets")


@pytest.fixture
def work(bench: ModuleType) -> ModuleType:
    del bench
    return importlib.import_module("benchmarks.peers.work")


def rows(net: str, count: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    if net == "transformer":
        return rng.integers(1, 20, (count, 6))
    return rng.normal(size=(count, 5) if net == "mlp" else (count, 1, 28, 28)).astype(np.float32)


@pytest.mark.parametrize("net", ["mlp", "resnet", "transformer"])
def test_vouch_trains_as_many_weights_as_the_plain_net_has(nets, work, net):
    with_vouch = importlib.import_module("benchmarks.peers.with_vouch")
    asked = work.Work(net, SIZES[net], 3, 1, 8)
    network = with_vouch.network_for(asked)
    plain = nets.classifier(net, SIZES[net], 3, 0)
    assert sum(p.numel() for p in network.parameters()) == sum(p.numel() for p in plain.parameters())
    x = torch.from_numpy(rows(net, 4))
    with torch.no_grad():
        network.head.weight.copy_(plain.head.weight.T.unsqueeze(0))
        network.head.bias.copy_(plain.head.bias.unsqueeze(0))
        assert torch.allclose(network.eval()(x)[:, 0], plain.eval()(x), atol=1e-4)


def test_padding_changes_nothing_in_a_text(nets):
    net = nets.classifier("transformer", SIZES["transformer"], 3, 0).eval()
    text = torch.tensor([[4, 9, 2, 0, 0, 0]])
    assert torch.allclose(net(text), net(text[:, :3]), atol=1e-5)


def test_vouch_does_the_work_in_a_folder_and_reports_it(work, tmp_path):
    asked = work.Work("mlp", SIZES["mlp"], 2, 2, 8)
    x = rows("mlp", 50)
    y = (x[:, 0] > 0).astype(np.int64)
    asked.write(tmp_path, {"x_train": x[:40], "y_train": y[:40], "x_valid": x[40:], "y_valid": y[40:]})
    command = [sys.executable, "-m", "benchmarks.peers.with_vouch", str(tmp_path)]
    report = work.read_report(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    assert len(report.ends) == 3
    assert report.steps == 3 * 5
    assert report.seconds > 0
    assert report.loss < 0.8


def test_the_mean_loss_is_cross_entropy(work):
    logits, wanted = torch.randn(7, 3, generator=torch.manual_seed(0)), torch.tensor([0, 1, 2, 2, 1, 0, 1])
    expected = torch.nn.functional.cross_entropy(logits, wanted).item()
    assert work.mean_loss(logits.numpy(), wanted.numpy()) == pytest.approx(expected, rel=1e-5)


def test_who_did_less_is_named(bench, work):
    ours = work.Report([1.0, 2.0, 3.0], 10, 99, 0.5, "vouch")
    alike = replace(ours, ends=[1.0, 4.0, 9.0], loss=0.52)
    assert bench.differences({"vouch": ours, "lightning": alike}) == []
    for change in ({"steps": 9}, {"parameters": 98}, {"loss": 0.9}, {"ends": [1.0, 2.0]}):
        (said,) = bench.differences({"vouch": ours, "lightning": replace(alike, **change)})
        assert said.startswith("lightning")
    (line,) = bench.lines("table", [{"vouch": ours, "lightning": alike}])
    assert line.startswith("table: 0.250 of vouch's time (0.250 to 0.250 over 1 rounds)")


def test_everybody_begins_a_round(bench):
    names = {name: Path(name) for name in ("vouch", "lightning", "keras", "skorch")}
    first = [next(iter(bench.turned(names, i))) for i in range(8)]
    assert set(first) == set(names)
    assert all(bench.turned(names, i) == names for i in range(8))
