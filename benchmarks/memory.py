"""Estimated memory of a training run over the measured peak, each net in a process of its own.

python benchmarks/memory.py
python benchmarks/memory.py --scale 0.25     # smaller batches
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vouch.contracts.optimizers import AdamW, Muon, Optimizer
from vouch.contracts.recipe import Recipe
from vouch.modalities.image.modality import PictureEmbedding
from vouch.nets.ensemble import ParameterSharingEnsemble
from vouch.nets.mlp import MLP
from vouch.nets.network import Flat, Network, Straight, outputs_of
from vouch.nets.numbers import PiecewiseLinearEmbedding
from vouch.nets.resnet import ResNet
from vouch.nets.transformer import SequenceEncoder
from vouch.objectives import Supervised
from vouch.tasks import Classification
from vouch.training.checkpoint import Checkpoints
from vouch.training.loop import Job, train
from vouch.training.memory import memory_of
from vouch.training.meter import Meter

CLASSES = 4
COLUMNS, BINS, EMBEDDING = 20, 64, 16
STEPS = 6
_ADAMW = AdamW()


@dataclass(frozen=True)
class Setting:
    """A net with data of its size."""

    net: Callable[[], Network]
    inputs: Callable[[int], Tensor]
    batch: int
    optimizer: Optimizer = _ADAMW


def numbers() -> Flat:
    """The embedding of a table of numbers."""
    edges = torch.linspace(-2, 2, BINS + 1).repeat(COLUMNS, 1)
    return Flat(PiecewiseLinearEmbedding(edges, EMBEDDING), columns=COLUMNS, features=EMBEDDING)


def pictures() -> Network:
    """A net of grey pictures, as fits use it."""
    net = PictureEmbedding(ResNet(1, (28, 28), 32), torch.zeros(1), torch.ones(1), mirror=True)
    return Network([net], Straight([net.features], 1, 0.0), CLASSES)


def texts() -> Network:
    """A net of pieces of text."""
    return Network([SequenceEncoder(8000, 64, 64, depth=2, dropout=0.1)], Straight([64], 1, 0.1), CLASSES)


def table(rows: int) -> Tensor:
    """Numbers, some of them missing."""
    return torch.randn(rows, COLUMNS).masked_fill(torch.rand(rows, COLUMNS) < 0.1, float("nan"))


WIDTH = COLUMNS * EMBEDDING
SETTINGS = {
    "MLP": Setting(lambda: Network([numbers()], MLP(WIDTH, 512, 3, 0.2), CLASSES), table, 8192),
    "ensemble": Setting(
        lambda: Network([numbers()], ParameterSharingEnsemble(WIDTH, 8, 128, 2, 0.2), CLASSES), table, 4096
    ),
    "ResNet": Setting(pictures, lambda rows: torch.randint(0, 256, (rows, 1, 28, 28)).byte(), 512, Muon()),
    "transformer": Setting(texts, lambda rows: torch.randint(1, 8000, (rows, 64)), 256),
    "wide MLP": Setting(lambda: Network([numbers()], MLP(WIDTH, 4096, 3, 0.0), CLASSES), table, 256),
}


def measure(name: str, scale: float, device: str) -> None:
    """Print one ratio."""
    one = SETTINGS[name]
    torch.manual_seed(0)
    batch = max(8, round(one.batch * scale))
    rows, held = STEPS * batch, batch
    x = one.inputs(rows + held).to(device)
    y = torch.randint(0, CLASSES, (rows + held,), device=device)
    recipe = Recipe(batch_size=batch, epochs=2, patience=0, optimizer=one.optimizer, precision="float32")
    valid = x[rows:]

    def evaluate(network: nn.Module) -> float:
        return float(outputs_of(network, [valid]).square().mean())

    job = Job(
        one.net().to(device), [x], y, torch.arange(rows, device=device), Supervised(Classification(tuple("abcd"))),
        lambda inputs, _: inputs, evaluate, recipe, Checkpoints(None), lambda *_, **__: None,
    )  # fmt: skip
    memory = memory_of([job], held)
    with Meter(x.device) as meter:
        train(job)
    measured = memory.resident + (meter.growth or 0)
    parts = f"resident {memory.resident / 1e6:.0f}, kept {memory.kept / 1e6:.0f}, step {memory.step / 1e6:.0f}"
    print(
        f"{name}, batch {batch}: estimate {memory.total / 1e6:.0f} MB ({parts}), "
        f"measured {measured / 1e6:.0f} MB, ratio {memory.total / measured:.2f}",
        flush=True,
    )


def main() -> None:
    """Measure every net, or the one that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", choices=sorted(SETTINGS))
    parser.add_argument("--scale", type=float, default=1.0, help="of the batches")
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    if asked.name:
        measure(asked.name, asked.scale, asked.device)
        return
    for name in SETTINGS:
        # What one net has left behind in the heap would be taken by the next.
        command = [sys.executable, __file__, name, "--scale", str(asked.scale), "--device", asked.device]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
