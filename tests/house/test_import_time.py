"""The command must answer at once: measured over bare Python, in turns, so that a busy machine slows both alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

import pytest

RUNS = 7
ROUNDS = 4


@pytest.mark.parametrize(
    ("arguments", "most"),
    [(["-c", "import vouch"], 0.15), (["-m", "vouch", "--help"], 0.3)],
    ids=["import vouch", "vouch --help"],
)
def test_it_starts_within_its_time_over_bare_python(arguments: list[str], most: float) -> None:
    seconds = []
    for _ in range(ROUNDS):
        seconds.append(seconds_over_bare_python(arguments))
        if seconds[-1] <= most:
            return
    shown = ", ".join(f"{one:.3f}" for one in seconds)
    raise AssertionError(
        f"{' '.join(arguments)} took {shown} s over bare Python in {ROUNDS} rounds; at most {most} s is allowed."
    )


def seconds_over_bare_python(arguments: list[str]) -> float:
    """Median of the differences between neighbouring runs."""
    return statistics.median(seconds_of(arguments) - seconds_of(["-c", "pass"]) for _ in range(RUNS))


def seconds_of(arguments: list[str]) -> float:
    """Wall time of one fresh interpreter, which coverage does not follow."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith("COV")}
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=plain, timeout=60)
    return time.perf_counter() - started
