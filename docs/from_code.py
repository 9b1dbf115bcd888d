"""Writes what pages say of the code: questions, promises and levels of the checks, fields of stored audits, choices.

``python docs/from_code.py`` brings the pages up to date after one of these has changed; a test compares.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from vouch.challenges import ALL
from vouch.contracts.case import Challenge
from vouch.contracts.finding import Check, Estimate, Figure, Finding, Offer, Suspects, Table, Threshold
from vouch.contracts.proof import Audit, Difference, Proof, Trial
from vouch.contracts.recipe import CHOICES

HERE = Path(__file__).parent
BEGIN, END = "<!-- written by docs/from_code.py -->\n", "<!-- so far -->"
_HEAD = "| check | question | threshold | warns | fails | promises to find |\n|---|---|---|---|---|---|"
_PROMISE = re.compile(r"romises to (?:find|warn of)[,:]? (.*?)\.(?= [A-Z]|$)")
# Constants that hold for a quantity, where another one holds for classes.
_OF_QUANTITIES = ("RELATIVE_", "FAR")
STORED = (Audit, Finding, Check, Estimate, Threshold, Suspects, Table, Figure, Offer, Proof, Difference, Trial)


def tables() -> str:
    """All checks: a section for each challenge, with its question."""
    return "\n".join(f"## {one.name}\n\n{one.asks}\n\n{table(one)}\n" for one in ALL)


def levels() -> str:
    """All levels, as a file that ``--thresholds`` reads."""
    parts = [f"[{one.name}]\n" + "\n".join(map(level, checks_of(one))) for one in ALL]
    return '```toml title="levels.toml"\n' + "\n\n".join(parts) + "\n```\n"


def stored() -> str:
    """Every object in ``audit.json``, with its fields."""
    return "\n".join(map(fields_of, STORED))


def fields_of(one: type) -> str:
    """The fields of a stored object, each with its line in the docstring."""
    text = inspect.getdoc(one) or ""
    rows = [f"| `{name}` | {line} |" for name, line in meanings(one).items()]
    return "\n".join([f"### {one.__name__}\n", text.splitlines()[0], "\n| key | value |\n|---|---|", *rows, ""])


def meanings(one: type) -> dict[str, str]:
    """The line of each field in a docstring."""
    text = (inspect.getdoc(one) or "").partition("Args:\n")[2]
    told = re.findall(r"^    (\w+): (.*(?:\n        .*)*)", text, re.MULTILINE)
    return {name: " ".join(line.replace("``", "`").split()) for name, line in told}


def choices() -> str:
    """For each key whose value is an object, all that there is to choose from, with its settings."""
    head = "| name | when | what it is | settings |\n|---|---|---|---|"
    parts = [f"### {key}\n\n{head}\n" + "\n".join(map(choice, kinds)) for key, kinds in CHOICES.items()]
    return "\n\n".join(parts) + "\n"


def choice(kind: Any) -> str:
    """One object as a row of the table."""
    what = " ".join((inspect.getdoc(kind) or "").partition("Args:")[0].split())
    told, usual = meanings(kind), kind()
    settings = "; ".join(f"`{name}={getattr(usual, name)}`: {line.rstrip('.')}" for name, line in told.items())
    settings = settings.replace("=True", "=true") or "none"
    return f"| `{usual.name}` | {usual.when} | {what.replace('``', '`')} | {settings} |"


def table(challenge: Challenge) -> str:
    """The checks of a challenge, each with its question, its levels and its promise."""
    return "\n".join([_HEAD, *map(row, checks_of(challenge))])


def row(check: FunctionType) -> str:
    """One check as a row of the table."""
    text = inspect.getdoc(check) or ""
    promise = _PROMISE.search(" ".join(text.split()))
    found = re.sub(r"^with power \.9,? ?", "", promise[1]) if promise else "–"
    held = thresholds(check)
    names = ", ".join(dict.fromkeys(f"`{one.name}`" for one in held.values()))
    warns, fails = (" ".join(said(held, which, end) for which in held) for end in ("warn", "fail"))
    question = " ".join(text.split("\n\n")[0].split())
    return f"| `{check.__name__}` | {question} | {names} | {warns} | {fails} | {found} |"


def said(held: dict[str, Threshold], which: str, end: str) -> str:
    """A level as readers see it; that of quantities in brackets."""
    shown = f"{'above' if held[which].higher_is_worse else 'below'} {getattr(held[which], end):g}"
    return f"(a quantity: {shown})" if which.startswith(_OF_QUANTITIES) else shown


def level(check: FunctionType) -> str:
    """The levels of one check as a line of TOML."""
    first = next(iter(thresholds(check).values()))
    return f"{check.__name__} = {{ warn = {first.warn:g}, fail = {first.fail:g} }}"


def checks_of(challenge: Challenge) -> tuple[FunctionType, ...]:
    """The questions of a challenge, in their order."""
    return getattr(challenge, "checks", ())


def thresholds(check: FunctionType) -> dict[str, Threshold]:
    """The levels that a check uses, by the name of their constant; those of quantities come last."""
    found = {name: value for name, value in used(check) if isinstance(value, Threshold)}
    return dict(sorted(found.items(), key=lambda pair: pair[0].startswith(_OF_QUANTITIES)))


def used(check: FunctionType) -> Iterator[tuple[str, Any]]:
    """What a check, and the functions of its file that it calls, find in their module."""
    done: set[FunctionType] = set()
    left = [check]
    while left:
        one = left.pop()
        done.add(one)
        for name in names_in(one.__code__):
            value = one.__globals__.get(name)
            yield name, value
            if isinstance(value, FunctionType) and value.__module__ == one.__module__ and value not in done:
                left.append(value)


def names_in(code: CodeType) -> Iterator[str]:
    """Names that code looks up, that of its inner functions too."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)


PAGES: dict[str, Callable[[], str]] = {
    "reference/checks.md": tables,
    "reference/audit-json.md": stored,
    "how-to/audit-and-fix.md": levels,
    "reference/recipe.md": choices,
}


def up_to_date(page: str) -> str:
    """A page of the documentation with what the code says now."""
    before, begin, rest = (HERE / page).read_text(encoding="utf-8").partition(BEGIN)
    return f"{before}{begin}{PAGES[page]()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    for name in PAGES:
        (HERE / name).write_text(up_to_date(name), encoding="utf-8")
