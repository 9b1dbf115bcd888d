"""Clean data passes: every check, on many sets of each sort."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from challenges.data_quality.fakes import make_case
from challenges.data_quality.plants import Plain, drawings, table, writings
from vouch.challenges.data_quality import CHALLENGE

SEEDS = 10


@pytest.mark.parametrize("make", [table, writings, drawings])
def test_clean_data_seldom_alarms_any_check(make: Callable[[np.random.Generator], Plain]) -> None:
    alarms: Counter[str] = Counter()
    for seed in range(SEEDS):
        plain = make(np.random.default_rng(seed))
        case = make_case(plain.columns, plain.classes, seed=seed, decoded=plain.said)
        alarms.update(check.name for check in CHALLENGE.diagnose(case).checks if check.verdict in ("warn", "fail"))
    assert all(count <= 1 for count in alarms.values()), alarms


@pytest.mark.parametrize("make", [table, writings, drawings])
def test_no_check_breaks_on_clean_data(make: Callable[[np.random.Generator], Plain]) -> None:
    plain = make(np.random.default_rng(0))
    finding = CHALLENGE.diagnose(make_case(plain.columns, plain.classes, decoded=plain.said))
    assert not [check for check in finding.checks if "could not run" in check.headline]


@pytest.mark.parametrize("make", [table, writings, drawings])
def test_thirty_rows_are_never_a_pass(make: Callable[[np.random.Generator], Plain]) -> None:
    plain = make(np.random.default_rng(0)).rows(np.arange(30))
    finding = CHALLENGE.diagnose(make_case(plain.columns, plain.classes, decoded=plain.said))
    assert {check.verdict for check in finding.checks} <= {"inconclusive", "not applicable"}


def test_rows_that_few_values_make_equal_are_no_duplicates() -> None:
    rng = np.random.default_rng(0)
    columns = {name: rng.choice(np.array(["a", "b", "c"], dtype=object), 600, p=[0.8, 0.1, 0.1]) for name in "pqrs"}
    case = make_case(columns, rng.integers(0, 2, 600))
    found = {check.name: check.verdict for check in CHALLENGE.diagnose(case).checks}
    assert found["exact_duplicates"] == found["conflicting_labels"] == "pass"


def test_the_same_case_gives_the_same_finding() -> None:
    plain = table(np.random.default_rng(0))
    case = make_case(plain.columns, plain.classes, decoded=plain.said)
    first, second = CHALLENGE.diagnose(case), CHALLENGE.diagnose(case)
    assert [c.headline for c in first.checks] == [c.headline for c in second.checks]
