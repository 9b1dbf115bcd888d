"""An audit as machines want it: whether it is good enough, and as JUnit XML."""

from __future__ import annotations

from typing import Literal
from xml.etree import ElementTree

from vouch.contracts.finding import Check, Finding, Verdict
from vouch.contracts.proof import Audit

_BAD: dict[str, tuple[Verdict, ...]] = {
    "warn": ("warn", "fail", "inconclusive"),
    "fail": ("fail", "inconclusive"),
}


def is_met(audit: Audit, level: Literal["warn", "fail"]) -> bool:
    """Whether something was found that is at least so bad, or could not be told.

    Args:
        audit: what was found.
        level: "warn" or "fail"; what is inconclusive counts under both, for nobody can vouch for it.

    Example:
        >>> is_met(Audit((Finding("a", "inconclusive", "Nothing is known."),)), "fail")
        True
    """
    verdicts = {one.verdict for finding in audit.findings for one in (finding, *finding.checks)}
    return bool(verdicts & set(_BAD[level]))


def junit(audit: Audit, name: str) -> str:
    """The audit as JUnit XML, a test suite for each challenge and a test for each check.

    Failures are failures, inconclusive checks are errors, and what is not applicable is skipped; a warning passes, with
    its text beside it.

    Args:
        audit: what was found.
        name: of the whole, such as the bundle's file name.
    """
    root = ElementTree.Element("testsuites", name=_printable(name))
    for finding in audit.findings:
        checks = finding.checks or (Check(finding.challenge, finding.verdict, finding.headline, finding.reason),)
        suite = ElementTree.SubElement(
            root, "testsuite", name=_printable(finding.challenge), tests=str(len(checks)),
            failures=_count(checks, "fail"), errors=_count(checks, "inconclusive"),
            skipped=_count(checks, "not applicable"), time=f"{finding.seconds:.3f}",
        )  # fmt: skip
        for check in checks:
            _case(suite, finding, check)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ElementTree.Element, finding: Finding, check: Check) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", name=_printable(check.name), classname=_printable(f"vouch.{finding.challenge}"),
        time=f"{check.seconds:.3f}",
    )  # fmt: skip
    tags = {"fail": "failure", "inconclusive": "error", "not applicable": "skipped", "warn": "system-out"}
    if check.verdict not in tags:
        return
    told = ElementTree.SubElement(case, tags[check.verdict])
    if check.verdict == "warn":
        told.text = _printable(f"{check.headline} {check.reason}")
    else:
        told.set("message", _printable(check.headline))
        told.text = _printable(check.reason)


def _count(checks: tuple[Check, ...], verdict: Verdict) -> str:
    return str(sum(check.verdict == verdict for check in checks))


def _printable(text: str) -> str:
    """What XML may hold: no control characters."""
    return "".join(c if c.isprintable() or c == " " else "�" for c in text)
