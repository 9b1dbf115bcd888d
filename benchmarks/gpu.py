"""Steps on an accelerator over those of a bare bfloat16 loop, and the share of the measured matrix rate.

python benchmarks/gpu.py            # all, needs CUDA
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vouch.contracts.recipe import Recipe
from vouch.nets.mlp import MLP
from vouch.nets.network import Flat, Network, Straight
from vouch.nets.resnet import ResNet
from vouch.nets.transformer import SequenceEncoder
from vouch.objectives import Supervised
from vouch.tasks import Classification
from vouch.training.checkpoint import Checkpoints
from vouch.training.loop import Job, begun, train_epoch
from vouch.training.precision import fast_products

REPEATS, CLASSES = 9, 10


@dataclass(frozen=True)
class Setting:
    """One net with data of its size."""

    name: str
    net: Callable[[], Network]
    inputs: Callable[[int], Tensor]
    batch: int
    steps: int


def settings() -> list[Setting]:
    """From one that keeps the device busy to one that only starts kernels."""

    def table(width: int, depth: int) -> Network:
        block = Flat(nn.Unflatten(1, (512, 1)), columns=512, features=1)
        return Network([block], MLP(512, width, depth, 0.0), CLASSES)

    def pictures() -> Network:
        net = ResNet(3, (64, 64), width=64)
        whole = Network([net], Straight([net.features], 1, 0.0), CLASSES)
        return whole.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def texts() -> Network:
        net = SequenceEncoder(20_000, 128, features=512, depth=8, dropout=0.0)
        return Network([net], Straight([net.features], 1, 0.0), CLASSES)

    return [
        Setting("MLP, 103 M weights", lambda: table(4096, 7), lambda n: torch.randn(n, 512), 8192, 40),
        Setting("ResNet, 64 x 64 pixels", pictures, lambda n: torch.randn(n, 3, 64, 64), 512, 30),
        Setting("transformer, 27 M weights", texts, lambda n: torch.randint(1, 20_000, (n, 128)), 64, 30),
        Setting("MLP, 0.1 M weights", lambda: table(128, 2), lambda n: torch.randn(n, 512), 256, 100),
    ]


def measure(one: Setting, rate: float) -> None:
    """Print the ratio of a step, taken in turn with the bare loop's, and the share of the matrix rate."""
    device = torch.device("cuda")
    rows = one.batch * one.steps
    x, y = one.inputs(rows).to(device), torch.randint(0, CLASSES, (rows,), device=device)
    recipe = Recipe(batch_size=one.batch, precision="bfloat16", averaging=0.0, clip=0.0, epochs=10_000, dropout=0.0)
    ours, bare = one.net().to(device), one.net().to(device)
    weights = sum(weight.numel() for weight in ours.parameters())
    task = Classification(tuple("abcdefghij"))
    job = Job(
        ours, [x], y, torch.arange(rows, device=device), Supervised(task), lambda inputs, _: inputs, lambda _: 0.0,
        recipe, Checkpoints(None), lambda *_, **__: None,
    )  # fmt: skip
    state = begun(job)
    optimizer = torch.optim.AdamW(bare.parameters(), lr=recipe.learning_rate, fused=True)

    def by_hand() -> None:
        bare.train()
        for part in torch.randperm(rows, device=device).split(one.batch):
            with torch.autocast("cuda", torch.bfloat16):
                loss = nn.functional.cross_entropy(bare(x[part])[:, 0], y[part])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    ratios, seconds = [], []
    with fast_products(device):
        for repeat in range(REPEATS + 2):
            mine, other = (_seconds(f) for f in (lambda: train_epoch(job, state), by_hand))
            if repeat >= 2:
                ratios.append(mine / other)
                seconds.append((mine / one.steps, other / one.steps))
    mine, other = (statistics.median(some) for some in zip(*seconds, strict=True))
    # The weights of the embedding of texts are looked up, not multiplied.
    flops = 6 * weights * one.batch
    told = f"{flops / mine / rate:.2f} of the matrix rate, bare {flops / other / rate:.2f}" if "MLP" in one.name else ""
    spread = f"{min(ratios):.3f} to {max(ratios):.3f}"
    print(
        f"{one.name}: step {statistics.median(ratios):.3f} of a bare bf16 loop ({spread}), {mine * 1e3:.2f} ms; {told}"
    )


def matrix_rate(size: int = 8192, products: int = 20) -> float:
    """Operations a second of a bfloat16 matrix product on random data."""
    a, b = (torch.randn(size, size, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        torch.mm(a, b)
    seconds = _seconds(lambda: [torch.mm(a, b) for _ in range(products)])
    return 2 * size**3 * products / seconds


def _seconds(work: Callable[[], object]) -> float:
    torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - started


def main() -> int:
    """Measure every setting."""
    if not torch.cuda.is_available():
        print("there is no CUDA device here")
        return 2
    rate = matrix_rate()
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}: {rate / 1e12:.0f} TFLOP/s in bf16 products")
    for one in settings():
        measure(one, rate)
    return 0


if __name__ == "__main__":
    sys.exit(main())
