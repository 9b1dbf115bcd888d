"""What every challenge must keep, those of the package and those from outside."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from vouch.contracts.case import Case, Challenge
from vouch.contracts.finding import SEVERITY, Check, Finding
from vouch.store.values import from_plain, to_plain

_GRACE = 5.0


def check_challenge(challenge: Challenge, case: Callable[[], Case]) -> Finding:
    """Hold a challenge to its protocol on a case.

    Args:
        challenge: the object, such as ``vouch.challenges.overfitting.CHALLENGE``.
        case: makes the same case anew each time, with a budget of its own.

    Returns:
        What the challenge found, so that the caller can look at the verdict.

    Raises:
        AssertionError: a promise is broken; the message says which.

    Example:
        >>> from vouch.challenges.asking import Checklist
        >>> from vouch.contracts.finding import Check
        >>> from vouch.testing import small_case
        >>> def rows(case):
        ...     return Check("rows", "pass", f"There are {case.dataset.frame.height} rows.")
        >>> check_challenge(Checklist("size", "How many rows are there?", (rows,)), small_case).headline
        'All 1 check passed. There are 60 rows.'
    """
    _check_words(challenge)
    asked = case()
    before = _digest(asked)
    unsuited = challenge.applies(asked)
    assert isinstance(unsuited, str), "applies gives no text: empty, or why the challenge does not suit the case"
    started = time.perf_counter()
    finding = challenge.diagnose(asked)
    seconds = time.perf_counter() - started
    assert seconds <= max(asked.budget.left + seconds, 0) + _GRACE, "the budget was overrun"
    assert _digest(asked) == before, "the challenge changed the bundle"
    check_finding(finding)
    again = challenge.diagnose(case())
    assert timeless(again) == timeless(finding), "the same case gave another finding: draw from case.random(...)"
    return finding


def check_finding(finding: Finding) -> None:
    """Hold a finding to its form: verdicts that exist, headlines with a number, and a JSON round trip.

    Args:
        finding: what a challenge gave.

    Raises:
        AssertionError: a promise is broken; the message says which.
    """
    assert isinstance(finding, Finding), f"diagnose gave a {type(finding).__name__}, not a Finding"
    for one in (finding, *finding.checks):
        name = one.name if isinstance(one, Check) else one.challenge
        assert one.verdict in SEVERITY, f"{name} has the verdict '{one.verdict}', which does not exist"
        assert one.headline.strip(), f"{name} has no headline"
        assert "\n" not in one.headline, f"the headline of {name} is more than one line"
        if one.verdict in ("pass", "warn", "fail"):
            assert any(c.isdigit() for c in one.headline), f"the headline of {name} has no number in it"
        if one.verdict == "inconclusive":
            assert one.reason, f"{name} is inconclusive and does not say why"
    for check in finding.checks:
        _check_figures(check)
    plain = json.loads(json.dumps(to_plain(finding, {}, "finding"), allow_nan=False))
    assert from_plain(Finding, plain, {}, "finding") == finding, "a stored finding is another one"


def timeless(finding: Finding) -> Finding:
    """The finding without its seconds."""
    return replace(finding, seconds=0.0, checks=tuple(replace(check, seconds=0.0) for check in finding.checks))


def _check_words(challenge: Challenge) -> None:
    assert challenge.name.isidentifier(), f"'{challenge.name}' is no name that can be typed: use letters and _"
    assert challenge.asks.endswith("?"), f"what {challenge.name} asks is no question"
    for remedy in challenge.remedies:
        assert remedy.name.isidentifier(), f"'{remedy.name}' is no name that can be typed"
        assert remedy.says, f"{remedy.name} does not say what it does"


def _check_figures(check: Check) -> None:
    for one in check.estimates:
        ends = one.low, one.value, one.high
        assert all(end == end for end in ends), f"{check.name}: {one.name} is not a number"
        assert one.low <= one.high, f"{check.name}: the interval of {one.name} is upside down"
        assert one.n >= 0, f"{check.name}: {one.name} rests on fewer than no rows"
        assert one.split in ("train", "valid", "test", "all", "out of fold"), (
            f"{check.name}: {one.name} does not say which rows it rests on"
        )
    if check.p_value is not None:
        assert 0 <= check.p_value <= 1, f"{check.name}: the p-value is {check.p_value}"
    for table in check.tables:
        assert all(len(row) == len(table.columns) for row in table.rows), f"{check.name}: a table has ragged rows"


def _digest(case: Case) -> str:
    """All of the bundle that a challenge could change."""
    told = hashlib.sha256()
    state: dict[str, Any] = case.bundle.network.state_dict()
    for name, value in state.items():
        told.update(name.encode())
        told.update(value.detach().cpu().contiguous().view(-1).numpy().tobytes())
    for rows in (case.split.train, case.split.valid, case.split.test):
        told.update(rows.tobytes())
    told.update(repr((case.bundle.recipe, case.bundle.schema, case.bundle.evidence)).encode())
    told.update(case.dataset.frame.hash_rows(seed=0).to_numpy().tobytes())
    return told.hexdigest()
