"""``vouch audit``: what is wrong with a network, with numbers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import click

from vouch.cli.common import Reporter, emit, every_verb, names
from vouch.errors import one_line

if TYPE_CHECKING:
    from vouch.contracts.finding import Check, Finding
    from vouch.contracts.proof import Audit

MET = 1
_MARKS = {"pass": "✓", "warn": "!", "fail": "✗", "inconclusive": "?", "not applicable": "–"}


@click.command()
@click.argument("model")
@click.option("--data", help="The data that it was fitted on, when it is not where it was.")
@click.option("--test", help="The test data that was given to fit, when it is not where it was.")
@click.option("--only", multiple=True, help="Challenges to ask, A,B.")
@click.option("--budget", help="Time to spend: 90s, 5m, 1h.")
@click.option("--thresholds", help="TOML file with levels: [challenge.check] warn = 0.1.")
@click.option("--fail-on", type=click.Choice(["warn", "fail"]), help="Exit with 1 on these, and on what is unknown.")
@click.option("--out", help="A copy of the report, such as report.html.")
@click.option("--junit", "junit_file", help="Results as JUnit XML.")
@click.option("--export-rows", help="Suspected rows, to review by hand: .csv, .parquet or .jsonl.")
@every_verb
def audit(model: str, as_json: bool, quiet: bool, **asked: Any) -> None:
    """Diagnose MODEL: every known failing that applies, each with a verdict and its evidence."""
    from vouch import api

    for place in filter(None, (asked["export_rows"],)):
        api.check_table(Path(place))
    for place in filter(None, (asked["out"], asked["junit_file"])):
        api.check_text(Path(place))
    if outputs := [asked[name] for name in ("out", "junit_file", "export_rows") if asked[name]]:
        given = [asked[name] for name in ("data", "test", "thresholds") if asked[name]]
        api.check_apart(outputs, [model, *given, *api.sources(api.load(model))])
    try:
        bundle, case = api.audited(
            model, data=asked["data"], test=asked["test"], only=names(asked["only"]), budget=asked["budget"],
            thresholds=asked["thresholds"], device=asked["device"], progress=Reporter(quiet),
        )  # fmt: skip
    except KeyboardInterrupt:
        print("vouch: the same command goes on where the audit stopped", file=sys.stderr)
        raise
    found = cast("Audit", bundle.audit)
    if asked["export_rows"]:
        api.write_table(api.suspect_rows(case, found), Path(asked["export_rows"]))
    if asked["out"]:
        api.write_text(api.report_of(bundle), Path(asked["out"]))
    if asked["junit_file"]:
        api.write_text(api.junit(found, Path(model).name), Path(asked["junit_file"]))
    print_or_emit(found, model, as_json)
    if asked["fail_on"] and api.is_met(found, cast("Literal['warn', 'fail']", asked["fail_on"])):
        sys.exit(MET)


def print_or_emit(found: Audit, model: str, as_json: bool) -> None:
    """The audit for a machine, or for a reader at the terminal."""
    if as_json:
        emit(facts(found, model))
        return
    from vouch.wording import count

    print(told(found))
    tested = f"{count(found.tests, 'test')}, corrected together"
    print(f"\n{tested}; {found.seconds:.0f} s. Report: {Path(model) / 'report.html'}")


def told(found: Audit) -> str:
    """Every finding for a reader at the terminal."""
    return "\n".join(line for finding in found.findings for line in _lines(finding))


def facts(found: Audit, model: str) -> dict[str, Any]:
    """An audit as ``--json`` gives it."""
    return {
        "bundle": model,
        "findings": [_finding(one) for one in found.findings],
        "tests": found.tests,
        "seconds": round(found.seconds, 3),
    }


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "challenge": one.challenge,
        "verdict": one.verdict,
        "headline": one.headline,
        "reason": one.reason,
        "estimates": [estimate(e) for e in one.estimates],
        "remedies": [offer.name for offer in one.remedies],
        "checks": [
            {
                "name": c.name, "verdict": c.verdict, "headline": c.headline, "reason": c.reason,
                "p_value": c.p_value, "adjusted": c.adjusted, "suspects": len(c.suspects.rows),
                "estimates": [estimate(e) for e in c.estimates],
            }
            for c in one.checks
        ],
        "seconds": round(one.seconds, 3),
    }  # fmt: skip


def estimate(one: Any) -> dict[str, Any]:
    """An estimate as ``--json`` gives it; what is not finite is null."""
    from math import isfinite

    ends = {key: getattr(one, key) if isfinite(getattr(one, key)) else None for key in ("value", "low", "high")}
    return {"name": one.name, **ends, "n": one.n, "unit": one.unit, "split": one.split}


def _lines(finding: Finding) -> list[str]:
    lines = [
        "",
        f"{_MARKS[finding.verdict]} {finding.challenge.replace('_', ' ')}: {finding.verdict}",
        f"  {one_line(finding.headline)}",
    ]
    lines += [
        f"    {_MARKS[check.verdict]} {check.name.replace('_', ' '):<26} {_said(check)}"
        for check in finding.checks
        if check.verdict != "not applicable"
    ]
    offered = ", ".join(offer.name for offer in finding.remedies)
    wrong = {check.verdict for check in finding.checks} & {"warn", "fail"}
    return lines + ([f"  remedies: {offered}"] if offered and wrong else [])


def _said(check: Check) -> str:
    """A check in a line; why nothing could be told belongs to it."""
    said = one_line(check.headline)
    return f"{said} ({one_line(check.reason)})" if check.verdict == "inconclusive" and check.reason else said
