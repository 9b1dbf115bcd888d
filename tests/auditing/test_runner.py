"""The runner: nothing that breaks is a pass, nothing takes another with it, and asking much is corrected for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from vouch.auditing import Clock, Plan, is_met, run
from vouch.auditing.runner import corrected
from vouch.challenges.asking import Checklist, conclude
from vouch.contracts.case import BudgetSpent
from vouch.contracts.finding import Check, Estimate, Finding, Threshold


@dataclass
class Notebook:
    """A memory that keeps findings in a dictionary."""

    kept: dict[str, Finding] = field(default_factory=dict)

    def finding(self, challenge: str) -> Finding | None:
        return self.kept.get(challenge)

    def keep(self, finding: Finding) -> None:
        self.kept[finding.challenge] = finding


@dataclass
class Timed:
    """A case that has nothing but time."""

    budget: Clock


def silent(event: str, /, **facts: Any) -> None:
    del event, facts


def always(case: Any) -> Any:
    """The same case for every challenge."""

    def view(name: str) -> Any:
        del name
        return case

    return view


def asked(*checks: Callable[[Any], Check], seconds: float = 60.0, memory: Notebook | None = None) -> Any:
    clock = Clock(1.0, seconds)
    lists = [Checklist(f"list_{i}", "Is it so?", (check,)) for i, check in enumerate(checks)]
    return run(Plan(lists, always(Timed(clock)), clock, memory or Notebook(), silent))


def fine(case: Any) -> Check:
    del case
    return Check("fine", "pass", "All 3 rows are fine.")


def raising(case: Any) -> Check:
    del case
    raise ValueError("the disk is on fire")


def leaving(case: Any) -> Check:
    del case
    raise SystemExit(0)


def hanging(case: Any) -> Check:
    del case
    while True:
        time.sleep(0.01)


def giving_nothing(case: Any) -> Any:
    del case


@pytest.mark.parametrize("check", [raising, leaving, giving_nothing])
def test_a_check_that_breaks_is_inconclusive_and_takes_no_other_with_it(check: Any) -> None:
    found = asked(check, fine)
    assert [one.verdict for one in found.findings] == ["inconclusive", "pass"]


def test_the_reason_of_what_broke_is_told() -> None:
    (finding,) = asked(raising).findings
    assert finding.checks[0].reason == "ValueError: the disk is on fire"


def test_a_check_that_hangs_is_stopped_and_is_inconclusive() -> None:
    started = time.monotonic()
    found = asked(hanging, fine, seconds=0.3)
    assert time.monotonic() - started < 5
    assert [one.verdict for one in found.findings] == ["inconclusive", "inconclusive"]
    assert "longer" in found.findings[0].checks[0].reason
    assert "no time" in found.findings[1].reason


@pytest.mark.parametrize("level", ["warn", "fail"])
def test_what_broke_fails_a_strict_audit(level: Any) -> None:
    assert is_met(asked(raising, fine), level)
    assert not is_met(asked(fine), level)


def test_a_challenge_that_is_no_list_of_checks_is_held_as_well() -> None:
    @dataclass
    class Broken:
        name: str = "broken"

        def applies(self, case: Any) -> str:
            del case
            raise BudgetSpent("nothing left")

    clock = Clock(1.0, 60)
    broken: Any = Broken()
    found = run(Plan([broken], always(Timed(clock)), clock, Notebook(), silent))
    assert (found.findings[0].verdict, found.findings[0].reason) == ("inconclusive", "nothing left")


def test_what_does_not_apply_is_said_and_is_no_pass() -> None:
    clock = Clock(1.0, 60)
    unsuited = Checklist("sets", "Are there sets?", (raising,), unsuited=lambda _: "there are no classes")
    found = run(Plan([unsuited], always(Timed(clock)), clock, Notebook(), silent))
    assert found.findings[0].verdict == "not applicable"
    assert "there are no classes" in found.findings[0].headline


def test_an_interrupted_audit_does_not_ask_again() -> None:
    memory = Notebook({"list_0": Finding("list_0", "pass", "All 9 rows.")})
    found = asked(raising, fine, memory=memory)
    assert [one.verdict for one in found.findings] == ["pass", "pass"]


def test_what_broke_is_asked_again_after_an_interruption() -> None:
    memory = Notebook()
    asked(raising, fine, memory=memory)
    assert list(memory.kept) == ["list_1"]


def checked(name: str, p: float, value: float = 0.2) -> Check:
    estimate = Estimate("share", value, value - 0.05, value + 0.05, 100)
    return Check(name, "warn", f"{value} is much.", "", (estimate,), Threshold("share", 0.1, 0.5), p)


def test_false_discovery_is_controlled_over_the_whole_audit() -> None:
    alone = corrected([conclude("one", [checked("a", 0.03)])])
    among = corrected([conclude(f"c{i}", [checked("a", 0.03 if i == 0 else 0.9)]) for i in range(10)])
    assert alone[0].verdict == "warn"
    assert among[0].verdict == "inconclusive"
    assert among[0].checks[0].headline.startswith("This may be chance: ")
    assert among[0].checks[0].adjusted == pytest.approx(0.03 * 10 * sum(1 / i for i in range(1, 11)))


def test_what_chance_explains_but_may_be_failing_is_inconclusive() -> None:
    wide = replace(checked("a", 0.9), estimates=(Estimate("share", 0.4, 0.2, 0.6, 10),))
    assert corrected([conclude("one", [wide])])[0].verdict == "inconclusive"


def test_a_clear_failing_survives_the_correction() -> None:
    many = [conclude(f"c{i}", [checked("a", 1e-6)]) for i in range(30)]
    assert {one.verdict for one in corrected(many)} == {"warn"}


def test_the_clock_counts_trainings_and_not_seconds() -> None:
    clock = Clock(1.5, 60)
    assert clock.fits(1.0)
    clock.spend(1.0)
    assert clock.fits(0.5)
    assert not clock.fits(0.6)


def test_nothing_fits_once_the_time_is_over() -> None:
    moments = iter([0.0, 61.0, 61.0])
    clock = Clock(10, 60, now=lambda: next(moments))
    assert not clock.fits(0.1)


def test_what_could_not_be_told_does_not_hide_what_warns() -> None:
    unknown = Check("size", "inconclusive", "3 rows are too few.", "at least 50 are needed")
    found = conclude("one", [checked("copies", 0.001), unknown])
    assert found.verdict == "inconclusive"
    assert found.headline == "1 of 2 checks could not tell: 3 rows are too few. Warns: copies."
