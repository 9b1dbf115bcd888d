import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from vouch.contracts.optimizers import SGD
from vouch.contracts.recipe import Recipe
from vouch.errors import TrainingError
from vouch.nets.cnn import CNN
from vouch.nets.mlp import MLP
from vouch.nets.network import Network
from vouch.objectives import Supervised, make_objective
from vouch.tasks import Regression
from vouch.training.checkpoint import Checkpoints
from vouch.training.loop import Job, train

TASK = Regression(0.0, 1.0, -3.0, 3.0)
RECIPE = Recipe(epochs=6, batch_size=16, patience=0, learning_rate=1e-2, clip=1.0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1))

    def forward(self, x):
        return self.layers(x).unsqueeze(1)


class Still(nn.Module):
    """Answers 0, and learns next to nothing."""

    def __init__(self):
        super().__init__()
        self.zero = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return self.zero.expand(len(x)).view(-1, 1, 1)


def job(recipe=RECIPE, folder=None, progress=lambda *_, **__: None, net: Callable[[], nn.Module] = Net):
    torch.manual_seed(0)
    x = torch.randn(100, 3)
    y = x @ torch.tensor([1.0, -2.0, 0.5])
    network = net()

    def evaluate(network):
        with torch.no_grad():
            return float(TASK.loss(network(x[80:]), y[80:]).mean())

    return Job(
        network, [x], y, torch.arange(80), Supervised(TASK), lambda batch, _: batch, evaluate, recipe,
        Checkpoints(folder, every=0.0), progress,
    )  # fmt: skip


def weights(one):
    return torch.cat([p.detach().flatten() for p in one.network.parameters()])


def test_training_lowers_the_loss_and_tells_every_epoch():
    told = []
    one = job(progress=lambda _, /, **facts: told.append(facts["epoch"]))
    history = train(one)
    assert history[-1].loss < history[0].loss
    assert told == [1, 2, 3, 4, 5, 6]


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    first, second, other = job(), job(), job(replace(RECIPE, seed=1))
    for one in (first, second, other):
        train(one)
    assert torch.equal(weights(first), weights(second))
    assert not torch.equal(weights(first), weights(other))


@pytest.mark.parametrize("recipe", [RECIPE, replace(RECIPE, averaging=0.9), replace(RECIPE, optimizer=SGD())])
def test_an_interrupted_run_that_is_resumed_ends_with_the_same_bits(tmp_path, recipe):
    whole = job(recipe)
    train(whole)

    def stop(_, /, **facts):
        if facts["epoch"] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(job(recipe, tmp_path / "checkpoint", stop))
    resumed = job(recipe, tmp_path / "checkpoint")
    history = train(resumed)
    assert [epoch.epoch for epoch in history] == [1, 2, 3, 4, 5, 6]
    assert torch.equal(weights(whole), weights(resumed))


def test_with_everything_mixed_an_interrupted_run_ends_with_the_same_bits(tmp_path):
    class Numbers(nn.Module):
        features = 3

        def forward(self, x):
            return x

    def mixed(folder, progress=lambda *_, **__: None):
        torch.manual_seed(0)
        recipe = replace(RECIPE, mixup=0.4, cutmix=1.0, l1=1e-4)
        base = job(recipe, folder, progress, lambda: Network([Numbers()], MLP(3, 8, 1, 0.1), 1))
        return replace(base, objective=make_objective(TASK, recipe, base.target), weights=torch.rand(100))

    def stop(_, /, **facts):
        if facts["epoch"] == 3:
            raise KeyboardInterrupt

    whole = mixed(None)
    train(whole)
    with pytest.raises(KeyboardInterrupt):
        train(mixed(tmp_path / "checkpoint", stop))
    resumed = mixed(tmp_path / "checkpoint")
    train(resumed)
    assert torch.equal(weights(whole), weights(resumed))


def test_a_row_that_counts_nothing_is_not_learned_from():
    counts = (torch.arange(100) % 4 > 0).float()
    plain, spoiled = (replace(job(), weights=counts) for _ in range(2))
    spoiled.target[counts == 0] += 100
    held = replace(spoiled, evaluate=lambda _: 0.0)
    first, second = train(replace(plain, evaluate=lambda _: 0.0)), train(held)
    assert torch.equal(weights(plain), weights(spoiled))
    assert [epoch.loss for epoch in first] == [epoch.loss for epoch in second]


def test_the_loss_of_an_epoch_is_the_mean_under_the_weights():
    one = replace(job(replace(RECIPE, epochs=1, batch_size=7, learning_rate=1e-9), net=Still), weights=torch.rand(100))
    told = train(one)[0].loss
    rows = TASK.loss(torch.zeros(80, 1, 1), one.target[:80])
    assert one.weights is not None
    assert told == pytest.approx(float(rows @ one.weights[:80] / one.weights[:80].sum()), rel=1e-4)


def test_the_weights_of_the_best_validation_score_are_kept():
    scores = iter([5.0, 1.0, 3.0, 4.0])
    kept = []
    one = job(replace(RECIPE, epochs=4))

    def evaluate(network):
        kept.append(torch.cat([p.detach().flatten() for p in network.parameters()]))
        return next(scores)

    train(replace(one, evaluate=evaluate))
    assert torch.equal(weights(one), kept[1])


def test_patience_stops_a_run_that_no_longer_improves():
    one = replace(job(replace(RECIPE, epochs=50, patience=3)), evaluate=lambda _: 1.0)
    assert len(train(one)) == 4


def test_a_loss_that_is_not_a_number_is_refused_with_advice():
    one = job()
    one.inputs[0][0, 0] = math.nan
    with pytest.raises(TrainingError, match="learning_rate"):
        train(one)


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    train(job(replace(RECIPE, epochs=1), tmp_path / "checkpoint"))

    class Wider(Net):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 1))

    with pytest.raises(TrainingError, match="cannot be resumed"):
        train(job(RECIPE, tmp_path / "checkpoint", net=Wider))


def test_a_damaged_checkpoint_is_refused(tmp_path):
    train(job(replace(RECIPE, epochs=1), tmp_path / "checkpoint"))
    (tmp_path / "checkpoint" / "state.safetensors").write_bytes(b"\x00" * 20)
    with pytest.raises(TrainingError, match="without --resume"):
        train(job(RECIPE, tmp_path / "checkpoint"))


def test_moments_come_back_in_the_memory_layout_of_their_weights(tmp_path):
    class Pictures(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = CNN(1, (8, 8), width=16).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
            self.head = nn.Linear(self.net.features, 1)

        def forward(self, x):
            return self.head(self.net(x)).unsqueeze(1)

    def pictures(folder, progress=lambda *_, **__: None):
        base = job(replace(RECIPE, epochs=3), folder, progress, Pictures)
        x = torch.randn(100, 1, 8, 8)
        return replace(base, inputs=[x], evaluate=lambda network: network(x[80:]).square().mean().item())

    def stop(_, /, **facts):
        if facts["epoch"] == 2:
            raise KeyboardInterrupt

    whole = pictures(None)
    train(whole)
    with pytest.raises(KeyboardInterrupt):
        train(pictures(tmp_path / "checkpoint", stop))
    resumed = pictures(tmp_path / "checkpoint")
    train(resumed)
    assert torch.equal(weights(whole), weights(resumed))


def test_kill_9_in_mid_training_then_resume_gives_the_same_bits(tmp_path):
    """The whole command, killed as hard as the system can, at three instants."""
    data = tmp_path / "rows.csv"
    rows = "\n".join(f"{i % 17},{(i * 7) % 23},{'yes' if (i % 17) * 2 > (i * 7) % 23 else 'no'}" for i in range(391))
    data.write_text("a,b,y\n" + rows)

    def command(out, *more):
        settings = ["--set", "epochs=80", "--set", "patience=0", "--set", "members=4", "--set", "width=32"]
        return [sys.executable, "-m", "vouch", "fit", str(data), "--target", "y", "--out", str(out), *settings, *more]

    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    whole = tmp_path / "whole.vouch"
    subprocess.run(command(whole), check=True, capture_output=True, env=environment)
    killed = tmp_path / "killed.vouch"
    process = subprocess.Popen(command(killed), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    checkpoint = tmp_path / "killed.vouch.partial" / "checkpoint" / "state.json"
    _wait_for(checkpoint, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not killed.exists()
    subprocess.run(command(killed, "--resume"), check=True, capture_output=True, env=environment)
    assert (killed / "weights.safetensors").read_bytes() == (whole / "weights.safetensors").read_bytes()
    assert not checkpoint.exists()


def _wait_for(file, process, limit=120.0):
    started = time.monotonic()
    while not file.exists():
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() - started < limit
        time.sleep(0.01)
