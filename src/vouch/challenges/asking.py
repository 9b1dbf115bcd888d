"""Ask every question of a challenge, each by itself, and sum the answers up."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from vouch.contracts.case import BudgetSpent, Case, Judging, Remedy
from vouch.contracts.finding import SEVERITY, Check, Finding, Offer, Verdict
from vouch.wording import clean, count

Question = Callable[[Case], Check]
# What cannot be made better but by being closer to the truth.
PROPER_SCORES = {"binary": "log_loss", "multiclass": "log_loss", "multilabel": "log_loss", "regression": "rmse"}
NO_TIME = "there was no time left for it"


@dataclass(frozen=True, slots=True)
class Checklist:
    """A challenge that is a list of questions.

    Args:
        name: what users type.
        asks: what it answers, as one sentence.
        checks: its questions, cheapest first; the name of each function is the name of its check.
        remedies: what may be tried, most promising first.
        references: author, year and title of the methods.
        criterion: the metric by which a remedy is judged, for each task.
        unsuited: empty when the challenge makes sense for a case, else half a sentence saying why it does not.
        judging: how remedies are judged, where the metrics of the task alone do not say it.

    Example:
        >>> from vouch.contracts.finding import Check
        >>> def always(case):
        ...     return Check("always", "pass", "Nothing was found in 0 rows.")
        >>> Checklist("nothing", "Is there nothing?", (always,)).diagnose(None).verdict
        'pass'
    """

    name: str
    asks: str
    checks: tuple[Question, ...]
    remedies: Sequence[Remedy[Any]] = ()
    references: tuple[str, ...] = ()
    criterion: Mapping[str, str] = field(default_factory=lambda: dict(PROPER_SCORES))
    unsuited: Callable[[Case], str] = lambda _: ""
    judging: Judging = field(default_factory=Judging)

    def applies(self, case: Case) -> str:
        """Empty when the challenge makes sense for the case, else why it does not."""
        return self.unsuited(case)

    def diagnose(self, case: Case) -> Finding:
        """Ask every question; one that breaks, or for which there is no time, is inconclusive and says why."""
        started = time.perf_counter()
        finding = conclude(self.name, tuple(_ask(question, case) for question in self.checks))
        offers = tuple(Offer(remedy.name, remedy.says) for remedy in self.remedies if _suits(remedy, case))
        return replace(
            finding, remedies=offers, references=self.references, seconds=time.perf_counter() - started
        )  # fmt: skip


def _suits(remedy: Remedy[Any], case: Case) -> bool:
    """Whether a remedy has a strength that could be tried; where finding out takes too long, it may have."""
    try:
        return case is None or bool(remedy.strengths(case))
    except BudgetSpent:
        return True


def conclude(challenge: str, checks: Sequence[Check]) -> Finding:
    """The finding that follows from the checks: as bad as the worst of them, in its words.

    Example:
        >>> from vouch.contracts.finding import Check
        >>> both = (Check("a", "pass", "All is well in 9 rows."), Check("b", "warn", "2 rows are odd."))
        >>> conclude("oddity", both).headline
        '1 of 2 checks warns: 2 rows are odd.'
    """
    verdict = _worst(checks)
    worst = [check for check in checks if check.verdict == verdict]
    asked = [check for check in checks if check.verdict != "not applicable"]
    if verdict == "not applicable":
        return Finding(challenge, verdict, "None of its checks makes sense for this network.", "", tuple(checks))
    if verdict == "pass":
        headline = f"All {count(len(asked), 'check')} passed. {asked[0].headline}"
    else:
        verb = {"fail": "fail", "warn": "warn", "inconclusive": "could not tell"}[verdict]
        verb += "s" if len(worst) == 1 and verdict != "inconclusive" else ""
        others = f" Also {_named(worst[1:])}." if len(worst) > 1 else ""
        warned = [check for check in asked if check.verdict == "warn"] if verdict != "warn" else []
        others += f" {'Warns' if len(warned) == 1 else 'Warn'}: {_named(warned)}." if warned else ""
        headline = f"{len(worst)} of {count(len(asked), 'check')} {verb}: {worst[0].headline}{others}"
    return Finding(challenge, verdict, headline, worst[0].reason, tuple(checks))


def _named(checks: Sequence[Check]) -> str:
    return ", ".join(check.name.replace("_", " ") for check in checks)


def _worst(checks: Sequence[Check]) -> Verdict:
    given = {check.verdict for check in checks}
    for verdict in SEVERITY:
        if verdict in given:
            return verdict
    return "not applicable"


def broken(name: str, error: BaseException) -> Check:
    """What is said of a question that broke: that nothing is known, and why."""
    reason = f"{type(error).__name__}: {clean(error, 300)}" if str(error) else type(error).__name__
    return Check(name, "inconclusive", f"The check '{clean(name, 60)}' could not run, so nothing is known.", reason)


def _ask(question: Question, case: Case) -> Check:
    started, name = time.perf_counter(), getattr(question, "__name__", type(question).__name__)
    try:
        if case is not None and case.budget.left <= 0:
            raise BudgetSpent(NO_TIME)
        check = question(case)
        if not isinstance(check, Check):
            raise TypeError(f"the check gave a {type(check).__name__}, not a Check")
    except BudgetSpent as spent:
        check = Check(name, "inconclusive", f"The check '{name}' was not finished.", str(spent) or NO_TIME)
    except (Exception, SystemExit) as error:
        # Whatever a check does, the audit goes on, and says that this question has no answer.
        check = broken(name, error)
    return replace(check, seconds=time.perf_counter() - started)
