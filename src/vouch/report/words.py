"""Sentences about a bundle that the page and the card share."""

from __future__ import annotations

import re
import shlex
from pathlib import PurePath

from vouch.contracts.bundle import BundleValue
from vouch.report.text import clean, count

PLACE = "MODEL.vouch"


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


def limits(bundle: BundleValue) -> tuple[str, ...]:
    """What the figures do not say, in plain words."""
    rows, methods = len(bundle.split.test), {one.method for one in bundle.evidence.metrics}
    how = {"group": "Rows that belong together were kept on one side.", "time": "The sealed rows are the latest ones."}
    said = [
        f"All figures rest on {count(rows, 'sealed row')}. Of many intervals made this way, 95 in 100 hold the figure "
        "that endlessly many rows of the same source would give. They say nothing of rows from another source, another "
        "time or another way of measuring.",
        "The network was trained once, on one split with one seed. Another split or another seed would give somewhat "
        "other figures; the intervals leave that part out.",
        f"The split was made so: {clean(bundle.split.why, 200).rstrip('.')}. " + how.get(bundle.split.how, ""),
        "Each metric has its own interval; they were not corrected for looking at many at once, least of all those of "
        "single classes with few rows.",
        "How it treats groups of people, how it stands up to altered inputs, and why it decides as it does was not "
        "measured here.",
    ]
    if {"wilson", "bootstrap"} & methods:
        said.append("Intervals are Wilson's for plain shares and the bootstrap for everything else.")
    if len(bundle.looks) > 1:
        said.append("The sealed rows were scored more than once: every look makes them a little less sealed.")
    return tuple(one.strip() for one in said)


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
