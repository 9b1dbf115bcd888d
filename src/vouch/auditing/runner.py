"""Run challenges over a case: each by itself, within its time, and corrected for how many questions were asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from vouch.auditing.clock import Clock, stopped_after
from vouch.challenges.asking import NO_TIME, broken, conclude
from vouch.challenges.judging import SIGNIFICANT
from vouch.contracts.case import BudgetSpent, Case, Challenge
from vouch.contracts.finding import Check, Finding
from vouch.contracts.proof import Audit
from vouch.contracts.roles import Progress
from vouch.statistics.corrections import benjamini_yekutieli
from vouch.wording import number


class Memory(Protocol):
    """Where findings are kept, so that an interrupted audit does not ask again."""

    def finding(self, challenge: str) -> Finding | None:
        """What was found before, if anything."""
        ...

    def keep(self, finding: Finding) -> None:
        """Keep a finding."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked, of whom, and for how long.

    Args:
        challenges: in the order in which they are asked.
        case: a view of the case for one challenge, by its name.
        clock: what may be spent on all of them.
        memory: findings of an interrupted audit.
        progress: told before and after each challenge.
    """

    challenges: Sequence[Challenge]
    case: Callable[[str], Case]
    clock: Clock
    memory: Memory
    progress: Progress


def run(plan: Plan) -> Audit:
    """Ask every challenge and control false discovery over all their tests together.

    A challenge that raises, or takes longer than its time, is inconclusive with its reason: it is never a pass, and it
    never takes another one with it. The p-values of all checks are corrected together (Benjamini and Yekutieli, 2001,
    which holds however the tests depend on each other); a warning or failure that chance then explains is inconclusive.

    Args:
        plan: what is asked.

    Returns:
        The findings in the order of the challenges, without proofs.
    """
    started = time.perf_counter()
    findings = [_one(challenge, plan, i) for i, challenge in enumerate(plan.challenges)]
    tests = sum(check.p_value is not None for finding in findings for check in finding.checks)
    return Audit(corrected(findings), tests=tests, seconds=time.perf_counter() - started)


def corrected(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The same findings after correcting the p-values of all their checks together."""
    tested = [check for finding in findings for check in finding.checks if check.p_value is not None]
    if not tested:
        return tuple(findings)
    adjusted = benjamini_yekutieli([float(check.p_value or 0.0) for check in tested])
    by_check = {id(check): float(p) for check, p in zip(tested, adjusted, strict=True)}
    return tuple(_corrected(finding, by_check) for finding in findings)


def _corrected(finding: Finding, adjusted: dict[int, float]) -> Finding:
    if not any(id(check) in adjusted for check in finding.checks):
        return finding
    checks = tuple(
        _after_correction(check, adjusted[id(check)]) if id(check) in adjusted else check for check in finding.checks
    )
    whole = conclude(finding.challenge, checks)
    return replace(finding, verdict=whole.verdict, headline=whole.headline, reason=whole.reason, checks=checks)


def _after_correction(check: Check, adjusted: float) -> Check:
    """What chance explains once all tests of the audit are counted is neither shown nor excluded."""
    check = replace(check, adjusted=adjusted)
    if adjusted <= SIGNIFICANT or check.verdict not in ("warn", "fail"):
        return check
    chance = f"chance explains it once all tests of the audit are counted (corrected p = {number(adjusted)})"
    reason = f"{check.reason}; {chance}" if check.reason else chance
    return replace(check, verdict="inconclusive", headline=f"This may be chance: {check.headline}", reason=reason)


def _one(challenge: Challenge, plan: Plan, i: int) -> Finding:
    if (before := plan.memory.finding(challenge.name)) is not None:
        plan.progress("found", challenge=challenge.name, verdict=before.verdict)
        return before
    plan.progress("asking", challenge=challenge.name, number=i + 1, of=len(plan.challenges))
    started = time.perf_counter()
    finding, broke = _asked(challenge, plan)
    finding = replace(finding, seconds=time.perf_counter() - started)
    if not broke:
        plan.memory.keep(finding)
    plan.progress("found", challenge=challenge.name, verdict=finding.verdict, seconds=round(finding.seconds, 1))
    return finding


def _asked(challenge: Challenge, plan: Plan) -> tuple[Finding, bool]:
    """The finding, and whether asking broke off."""
    name = challenge.name
    if plan.clock.left <= 0:
        return _unknown(name, Check(name, "inconclusive", f"Nothing is known of {name}: {NO_TIME}.", NO_TIME)), True
    try:
        case = plan.case(name)
        with stopped_after(plan.clock.left):
            if unsuited := challenge.applies(case):
                said = f"This does not apply here: {unsuited}."
                return Finding(name, "not applicable", said, unsuited), False
            finding = challenge.diagnose(case)
        if not isinstance(finding, Finding):
            raise TypeError(f"the challenge gave a {type(finding).__name__}, not a Finding")
    except BudgetSpent as spent:
        reason = str(spent) or NO_TIME
        return _unknown(name, Check(name, "inconclusive", f"Nothing is known of {name}: {reason}.", reason)), True
    except (Exception, SystemExit) as error:
        # Whatever a challenge does, the audit goes on, and says that this one has no answer.
        return _unknown(name, broken(name, error)), True
    return replace(finding, challenge=name), any(_broke(check) for check in finding.checks)


def _broke(check: Check) -> bool:
    return check.verdict == "inconclusive" and "could not run" in check.headline


def _unknown(name: str, check: Check) -> Finding:
    return Finding(name, "inconclusive", check.headline, check.reason, (check,))
