"""An audit as machines want it."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from vouch.auditing import is_met, junit
from vouch.contracts.finding import Check, Finding, Verdict
from vouch.contracts.proof import Audit


def audit(*verdicts: Verdict) -> Audit:
    checks = tuple(Check(f"check_{i}", verdict, f"{i} rows.", "because") for i, verdict in enumerate(verdicts))
    return Audit((Finding("some_challenge", verdicts[0], "1 row.", "", checks),))


@pytest.mark.parametrize(
    ("verdict", "on_warn", "on_fail"),
    [
        ("pass", False, False),
        ("warn", True, False),
        ("fail", True, True),
        ("inconclusive", True, True),
        ("not applicable", False, False),
    ],
)
def test_what_fails_on_warn_and_on_fail(verdict: Verdict, on_warn: bool, on_fail: bool) -> None:
    assert is_met(audit(verdict), "warn") == on_warn
    assert is_met(audit(verdict), "fail") == on_fail


def test_one_bad_check_is_enough_whatever_the_finding_says() -> None:
    assert is_met(audit("pass", "inconclusive"), "fail")


def test_junit_counts_what_continuous_integration_reads() -> None:
    root = ElementTree.fromstring(junit(audit("pass", "warn", "fail", "inconclusive", "not applicable"), "a.vouch"))
    suite = root[0]
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "5", "failures": "1", "errors": "1", "skipped": "1",
    }  # fmt: skip
    assert [child.tag for case in suite for child in case] == ["system-out", "failure", "error", "skipped"]


def test_junit_is_well_formed_whatever_the_data_says() -> None:
    hostile = Check("a", "fail", "<b>\x00\x1b & 'x' \"y\" 1", "]]>")
    root = ElementTree.fromstring(junit(Audit((Finding("c", "fail", "1", "", (hostile,)),)), "x<y"))
    assert root[0][0][0].get("message") == "<b>�� & 'x' \"y\" 1"


def test_a_challenge_without_checks_still_counts() -> None:
    root = ElementTree.fromstring(junit(Audit((Finding("c", "inconclusive", "Nothing.", "why"),)), "x"))
    assert root[0].get("errors") == "1"
