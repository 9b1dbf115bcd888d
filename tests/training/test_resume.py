"""A run that is killed at any instant, and resumed, ends with the same bits as one that was not."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from training.jobs import RECIPE, job, weights
from vouch.contracts.optimizers import Muon
from vouch.training.loop import Job, train

RECIPE_OF_ALL = replace(
    RECIPE, epochs=4, dropout=0.3, averaging=0.9, clip=1.0, mixup=0.4, gradient_noise=0.05, optimizer=Muon(),
    warmup=0.2,
)  # fmt: skip
STEPS = 20
# Three instants of the run, the same ones each time, at which the process ends as if the power had failed.
INSTANTS = [f"step {step}" for step in random.Random(7).sample(range(2, STEPS), 3)]

CHILD = f"""
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
import torch
torch.set_num_threads(1)
from training.test_resume import run_of
from vouch.training import checkpoint

folder, instant, number = Path(sys.argv[1]), *sys.argv[2].split()
made = 0

def end():
    os.kill(os.getpid(), signal.SIGKILL)

def counted(name, function):
    def call(*arguments, **options):
        global made
        made += instant == name
        if made == int(number) and instant == name:
            end()
        return function(*arguments, **options)
    return call

checkpoint.save_file = counted("write", checkpoint.save_file)
Path.rename = counted("rename", Path.rename)
one = run_of(folder)
object.__setattr__(one, "augment", counted("step", one.augment))
from vouch.training.loop import train
train(one)
"""


def run_of(folder: Path | None) -> Job:
    """The run, which keeps its state after every step."""
    return job(RECIPE_OF_ALL, folder)


@pytest.fixture(scope="module")
def whole() -> torch.Tensor:
    one = run_of(None)
    train(one)
    return weights(one)


# A checkpoint is renamed twice when there is one already: to the old one, and from the new one.
@pytest.mark.parametrize("instant", [*INSTANTS, "write 9", "rename 8", "rename 9"])
def test_killed_at_any_instant_it_ends_with_the_same_bits(instant: str, whole: torch.Tensor, tmp_path: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", CHILD, str(tmp_path / "checkpoint"), instant]
    killed = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = run_of(tmp_path / "checkpoint")
    seen = 0

    def count(batch: list[torch.Tensor], _: torch.Generator) -> list[torch.Tensor]:
        nonlocal seen
        seen += 1
        return batch

    train(replace(resumed, augment=count))
    assert seen < STEPS
    assert torch.equal(whole, weights(resumed))
