"""An audit as the page shows it: a scorecard, a section for each finding, and one for each proof."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from vouch.contracts.finding import SEVERITY, Check, Finding, Verdict
from vouch.contracts.proof import Audit, Outcome
from vouch.report import cells, proofs
from vouch.report.drawn import Drawn, Room, drawn_within
from vouch.report.environment import template
from vouch.report.figures.audited import Audited
from vouch.report.treated import plain
from vouch.report.words import PLACE
from vouch.wording import clean, count, duration, number

MARKS: Mapping[Verdict | Outcome, str] = {
    "pass": "✓",
    "warn": "!",
    "fail": "✗",
    "inconclusive": "?",
    "not applicable": "–",
    "better": "▲",
    "no evidence": "=",
    "worse": "▼",
}
_MOST_FINDINGS, _MOST_PROOFS, _MOST_OFFERS, _MOST_REFERENCES, _MOST_SUSPECTS, _MOST_TABLES = 30, 10, 20, 20, 10, 4
_SHORT = ("pass", "not applicable")
# A scorecard of few lines has room for longer ones.
_FEW, _LONG, _BRIEF, _FULL = 5, 260, 150, 600
# So often is it tried whether a smaller check still finds room.
_MOST_REFUSED = 20
# What the tags around a line take.
_FRAME = "-" * 200


@dataclass(frozen=True, slots=True)
class Score:
    """A line of the scorecard."""

    anchor: str
    name: str
    verdict: Verdict
    headline: str
    counts: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Section:
    """A finding: checks that need a look in full, the others in a line each."""

    score: Score
    headline: str
    full: tuple[Markup, ...]
    short: tuple[tuple[str, Verdict, str], ...]
    folded: tuple[Markup, ...]
    left_out: int
    command: str
    offers: tuple[tuple[str, str, str], ...]
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """All that an audit adds to the page."""

    summary: str
    scores: tuple[Score, ...]
    facts: tuple[str, ...]
    left_out: int
    sections: tuple[Section, ...]
    trade_offs: Sequence[Drawn]
    proofs: tuple[Markup, ...]
    titles: tuple[proofs.Shown, ...]
    proofs_left_out: int


def page(audit: Audit, drawings: Audited, room: int) -> Page:
    """What an audit adds to the page.

    Args:
        audit: what was found and proved.
        drawings: its figures.
        room: bytes that it may take. Proofs come first, then checks, the worst first; what finds no room is counted,
            and stays in ``audit.json``.
    """
    left = Room(room)
    findings = audit.findings[:_MOST_FINDINGS]
    scores = tuple(_score(one, i, len(findings)) for i, one in enumerate(findings))
    for one, finding in zip(scores, findings, strict=True):
        left.takes(str(one), clean(finding.headline, _FULL))
    shown = [proofs.shown(one, i) for i, one in enumerate(audit.proofs[:_MOST_PROOFS])]
    trade_offs = drawn_within(drawings.trade_offs, left)
    proved = tuple(_proof(one, drawn_within(drawings.proofs[i], left), left) for i, one in enumerate(shown))
    checks = _checks(findings, drawings, left)
    offered = [(_offers(one, left), _references(one, left)) for one in findings]
    return Page(
        summary=_summary(audit),
        scores=scores,
        facts=_facts(audit),
        left_out=len(audit.findings) - len(findings),
        sections=tuple(
            _section(one, scores[i], {j: checks[i, j] for j in range(len(one.checks))}, *offered[i])
            for i, one in enumerate(findings)
        ),
        trade_offs=trade_offs,
        proofs=tuple(one for one in proved if one),
        titles=tuple(one for one, text in zip(shown, proved, strict=True) if text),
        proofs_left_out=len(audit.proofs) - sum(bool(one) for one in proved),
    )


def _score(finding: Finding, index: int, of: int) -> Score:
    most = _LONG if of <= _FEW else _BRIEF
    counts = Counter(check.verdict for check in finding.checks)
    said = [f"{counts[verdict]} {verdict}" for verdict in SEVERITY if counts[verdict]]
    headline = clean(finding.headline, most)
    name = plain(finding.challenge).capitalize()
    return Score(f"finding-{index + 1}", name, finding.verdict, headline, ", ".join(said), finding.seconds)


def _summary(audit: Audit) -> str:
    """How many challenges came to which verdict, in a sentence."""
    if not audit.findings:
        return f"This network was not audited since it was made. “vouch audit {PLACE}” asks what is wrong with it."
    counts = Counter(one.verdict for one in audit.findings)
    said = [f"{counts[verdict]} {verdict}" for verdict in SEVERITY if counts[verdict]]
    return f"{count(len(audit.findings), 'challenge')}: {', '.join(said)}."


def _facts(audit: Audit) -> tuple[str, ...]:
    """How the verdicts were made."""
    if not audit.findings:
        return ()
    took = f"It took {duration(audit.seconds)}"
    if audit.training > 0:
        took += f", {number(audit.seconds / audit.training, 2)} times the training"
    said = [
        "A pass is said only where the whole interval is clear of the level of failing; what the rows "
        "cannot tell is inconclusive.",
        f"{count(audit.tests, 'check')} came with a p-value; these were corrected together for false discovery "
        "(Benjamini and Yekutieli, 2001).",
        f"{took}.",
    ]
    if audit.thresholds:
        mine = ", ".join(f"{clean(name, 80)} = {number(value)}" for name, value in audit.thresholds[:10])
        more = f" and {len(audit.thresholds) - 10} more" if len(audit.thresholds) > 10 else ""
        said.append(f"Thresholds set by the user: {mine}{more}.")
    return tuple(said)


def _proof(one: proofs.Shown, drawings: list[Drawn], room: Room) -> Markup | None:
    text = Markup(template("proof.html").render(proof=one, drawings=drawings, marks=MARKS))
    return text if room.takes(text) else None


def _checks(findings: Sequence[Finding], drawings: Audited, room: Room) -> dict[tuple[int, int], Markup | None]:
    """Every check in full, as long as there is room; the worst are served first."""
    every = [(i, j) for i, finding in enumerate(findings) for j in range(len(finding.checks))]
    every.sort(key=lambda at: SEVERITY.index(findings[at[0]].checks[at[1]].verdict))
    found: dict[tuple[int, int], Markup | None] = dict.fromkeys(every)
    refused = 0
    for at in every:
        found[at] = _check(findings[at[0]].checks[at[1]], at, drawings, room)
        refused += found[at] is None
        if refused == _MOST_REFUSED:
            break
    return found


def _check(check: Check, at: tuple[int, int], drawings: Audited, room: Room) -> Markup | None:
    if room.is_full:
        return None
    # A check that passed has a line in a table as well.
    frame = (_FRAME, *(_line(check) if check.verdict in _SHORT else ()))
    whole = _facts_of(check)
    for facts in (whole, {**whole, "tables": [], "tables_left_out": len(check.tables)}):
        if room.takes(Markup(template("check.html").render(**facts, drawings=[])), *frame):
            drawn = drawn_within(drawings.checks.get(at, ()), room)
            return Markup(template("check.html").render(**facts, drawings=drawn))
    return None


def _facts_of(check: Check) -> dict[str, object]:
    suspects = check.suspects
    first = list(zip(suspects.rows, suspects.scores, suspects.reasons, strict=True))[:_MOST_SUSPECTS]
    tested = ""
    if check.p_value is not None:
        tested = f"p {_sign(check.p_value)}"
        if check.adjusted is not None:
            tested += f", corrected for all tests of the audit: {_sign(check.adjusted).removeprefix('= ')}"
    return {
        "check": check,
        "name": plain(check.name).capitalize(),
        "mark": MARKS[check.verdict],
        "held": cells.held(check),
        "measured": cells.named(check.estimates[0].name) if check.estimates else "",
        "tested": tested,
        "others": cells.others(check.estimates),
        "tables": [cells.shown(table) for table in check.tables[:_MOST_TABLES]],
        "tables_left_out": max(0, len(check.tables) - _MOST_TABLES),
        "suspects": first,
        "suspected": len(suspects.rows),
        "export": f"vouch audit {PLACE} --export-rows rows.csv",
    }


def _sign(p: float) -> str:
    said = cells.chance(p)
    return said if said.startswith("<") else f"= {said}"


def _offers(finding: Finding, room: Room) -> tuple[tuple[str, str, str], ...]:
    """Remedies with what to type."""
    found = []
    for offer in finding.remedies[:_MOST_OFFERS]:
        one = (plain(offer.name), clean(offer.says, 240), _fix(finding, f" --remedy {_typed(offer.name)}"))
        if room.takes(_FRAME, *one):
            found.append(one)
    return tuple(found)


def _references(finding: Finding, room: Room) -> tuple[str, ...]:
    every = (clean(one, 200) for one in finding.references[:_MOST_REFERENCES])
    return tuple(one for one in every if room.takes(one))


def _fix(finding: Finding, rest: str = "") -> str:
    return f"vouch fix {PLACE} {_typed(finding.challenge)}{rest}"


def _typed(word: str) -> str:
    """A word as a shell takes it: one argument, and no option."""
    return shlex.quote(clean(word, 200))


def _section(
    finding: Finding,
    score: Score,
    checks: dict[int, Markup | None],
    offers: tuple[tuple[str, str, str], ...],
    references: tuple[str, ...],
) -> Section:
    """A finding with its checks, of which some may have found no room."""
    rendered = [(check, checks[j]) for j, check in enumerate(finding.checks)]
    calm = [(check, text) for check, text in rendered if check.verdict in _SHORT and text]
    return Section(
        score=score,
        headline=clean(finding.headline, _FULL),
        full=tuple(text for check, text in rendered if text and check.verdict not in _SHORT),
        short=tuple(_line(check) for check, _ in calm),
        folded=tuple(text for check, text in calm if check.verdict == "pass"),
        left_out=sum(text is None for _, text in rendered),
        command=_fix(finding) if finding.remedies else "",
        offers=offers,
        references=references,
    )


def _line(check: Check) -> tuple[str, Verdict, str]:
    return plain(check.name).capitalize(), check.verdict, clean(check.headline, 300)
