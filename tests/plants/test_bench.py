"""The bench of plants runs, and holds every check of the challenges."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from vouch.challenges import ALL

ROOT = Path(__file__).parents[2]
QUICK = ["odd_sizes", "accuracy_rejection", "beats_baselines", "simple_rules"]


@pytest.fixture(scope="module")
def printed() -> str:
    command = [sys.executable, "-m", "benchmarks.plants", "--seeds", "1", "--only", *QUICK]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=200).stdout


def test_every_check_that_is_named_has_a_line_of_its_own(printed: str) -> None:
    lines = printed.split("\n\n")[2].splitlines()
    assert {one.split()[1] for one in lines[:-1]} == set(QUICK)
    assert " of 4 checks keep what they promise" in lines[-1]


def test_every_plant_says_how_it_was_made_and_what_was_found(printed: str) -> None:
    lines = printed.split("\n\n")[1].splitlines()
    assert all(one.split()[2] in ("fitted", "edited", "drawn") for one in lines)
    assert all("power" in one and "false alarms" in one and "inconclusive" in one for one in lines)
    assert "broken" not in printed


def test_every_check_has_three_plants_of_three_strengths_at_least() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "benchmarks.plants", "--list"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    plants = Counter(one.split()[0] for one in listed)
    names = [question.__name__ for challenge in ALL for question in challenge.checks]  # type: ignore[attr-defined]
    assert not [name for name in names if plants[name] < 3]
    assert not set(plants) - set(names)
