"""Sentences about a bundle that the page and the card share."""

from __future__ import annotations

import re
import shlex
from pathlib import PurePath

from vouch.contracts.bundle import BundleValue
from vouch.wording import clean, count, listed

PLACE = "MODEL.vouch"
# Which challenge would answer what a reader is likely to take for granted.
_ASKED_BY = {
    "fairness": "how it treats groups of people",
    "robustness": "how it stands up to altered inputs",
    "black_box": "why it decides as it does",
}


def source_name(bundle: BundleValue) -> str:
    """The last part of what was named as data: a reader elsewhere has no use for the folders before it."""
    source = bundle.run.source
    return clean(PurePath(source).name if "/" in source or "\\" in source else source, 80) or "data"


def heading(bundle: BundleValue) -> str:
    """What was learned, in a few words."""
    return bundle.schema.task.capitalize() + ("" if bundle.schema.task == "regression" else " classification")


def moment(when: str) -> str:
    """A time for readers.

    Example:
        >>> moment("2026-01-31T12:00:00Z")
        '2026-01-31, 12:00 UTC'
    """
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(?:\.\d+)?Z", when)
    return f"{found[1]}, {found[2]} UTC" if found else clean(when, 30)


def looks(bundle: BundleValue) -> str:
    """How often the sealed rows were scored, in a sentence."""
    said = "; ".join(
        f"by {clean(one.by, 20)} for {clean(one.why, 120)} ({moment(one.when)})" for one in bundle.looks[:10]
    )
    times = {1: "once", 2: "twice"}.get(len(bundle.looks)) or f"{len(bundle.looks)} times"
    rest = f"; and {len(bundle.looks) - 10} more" if len(bundle.looks) > 10 else ""
    return f"The sealed rows were scored {times}" + (f": {said}{rest}." if said else ".")


_MADE_BY = {
    "wilson": "Wilson's for plain shares and for F1",
    "newcombe": "Newcombe's for means of two shares",
    "delong": "DeLong's for ROC-AUC",
    "bootstrap": "the bootstrap's for everything else",
}


def limits(bundle: BundleValue) -> tuple[str, ...]:
    """What the figures do not say, in plain words."""
    rows, methods = len(bundle.split.test), {one.method for one in bundle.evidence.metrics}
    how = {"group": "Rows that belong together were kept on one side.", "time": "The sealed rows are the latest ones."}
    which = "The metrics of how good it is rest" if bundle.audit else "All figures rest"
    said = [
        f"{which} on {count(rows, 'sealed row')}. Of many intervals made this way, 95 in 100 hold the figure "
        "that endlessly many rows of the same source would give. They say nothing of rows from another source, another "
        "time or another way of measuring.",
        "The network was trained once, on one split with one seed. Another split or another seed would give somewhat "
        "other figures; the intervals leave that part out.",
        f"The split was made so: {clean(bundle.split.why, 200).rstrip('.')}. " + how.get(bundle.split.how, ""),
        "Each metric has its own interval; they were not corrected for looking at many at once, least of all those of "
        "single classes with few rows.",
        *_limits_of_audit(bundle),
    ]
    if made := [_MADE_BY[method] for method in _MADE_BY if method in methods]:
        said.append(f"Intervals are {listed(made)}.")
    if len(bundle.looks) > 1:
        said.append("The sealed rows were scored more than once: every look makes them a little less sealed.")
    return tuple(one.strip() for one in said)


def _limits_of_audit(bundle: BundleValue) -> list[str]:
    """What was not asked, and what an answer does not mean."""
    findings = bundle.audit.findings if bundle.audit else ()
    told = {one.challenge for one in findings if one.verdict in ("pass", "warn", "fail")}
    left = [what for challenge, what in _ASKED_BY.items() if challenge not in told]
    beyond = ", beyond what the checks of the audit say" if findings else ""
    said = [
        f"{sentence[0].upper()}{sentence[1:]} was not measured here{beyond}." for sentence in [listed(left)] if left
    ]
    if not findings:
        return said
    unknown = sum(check.verdict == "inconclusive" for one in findings for check in one.checks)
    said.append(
        "That a check passed means that it did not find its failing, at the strength and on the rows that it names; "
        "it is no proof that there is none."
    )
    if unknown:
        said.append(f"{count(unknown, 'check')} of the audit could not tell: of what they ask, nothing is known.")
    return said


def commands(bundle: BundleValue) -> dict[str, str]:
    """What to type to load, use and make the network again."""
    source = shlex.quote(clean(bundle.run.source, 200))
    target = shlex.quote(clean(bundle.schema.target.name, 200))
    words = (shlex.quote(clean(word, 2000)) for pair in bundle.run.asked for word in pair)
    extra = "".join(f" {word}" for word in words)
    return {
        "predict": f"vouch predict {PLACE} NEW_DATA -o predictions.csv",
        "python": f'import vouch\n\nbundle = vouch.load("{PLACE}")\nbundle.predict("NEW_DATA")',
        "again": f"vouch fit {source} --target {target}{extra} --recipe {PLACE}",
    }
