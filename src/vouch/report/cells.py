"""Figures, thresholds and tables of a check as a reader sees them: short, and never without their rows."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from vouch.contracts.finding import Cell, Check, Estimate, Table, Threshold
from vouch.wording import clean, count, metric, number

MOST_ROWS, MOST_COLUMNS = 12, 10
_ROWS = {
    "train": "training rows",
    "valid": "validation rows",
    "test": "test rows",
    "all": "all rows",
    "out of fold": "out-of-fold predictions",
}
# Numbers that name something are not quantities, and have no separators.
_OF_ONE = re.compile(r"(\w+)\[(.*)\]", re.DOTALL)
_NAMING = ("row", "line", "year", "seed", "epoch", "id")


@dataclass(frozen=True, slots=True)
class Shown:
    """A table as far as it is shown: its cells, which columns hold numbers, and what is left out."""

    title: str
    columns: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]
    rest: str


def shown(table: Table) -> Shown:
    """The first rows and columns of a table."""
    heads = table.columns[:MOST_COLUMNS]
    rows = [row[: len(heads)] for row in table.rows[:MOST_ROWS]]
    columns = tuple(clean(head, 40) for head in heads)
    cells = tuple(tuple(cell(one, heads[k]) for k, one in enumerate(row)) for row in rows)
    numeric = tuple(all(_is_number(row[k]) for row in rows if k < len(row)) for k in range(len(heads)))
    left = [rest(len(rows), len(table.rows), table.total, "row")]
    if len(table.columns) > len(heads):
        left.append(rest(len(heads), len(table.columns), 0, "column"))
    return Shown(clean(table.title, 120), columns, numeric, cells, "; ".join(filter(None, left)))


def cell(value: Cell, column: str = "") -> str:
    """The content of a cell.

    Example:
        >>> cell(0.12345), cell(1200), cell(1200, "row"), cell(None), cell(True)
        ('0.123', '1,200', '1200', '–', 'yes')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value) if column.lower() in _NAMING else f"{value:,}"
    return number(value) if isinstance(value, float) else clean(value, 140)


def rest(listed: int, kept: int, total: int, noun: str) -> str:
    """What is not on the page, and where it is.

    Example:
        >>> rest(10, 40, 90, "row")
        'and 80 more rows; the first 40 are in audit.json'
    """
    every = max(kept, total)
    if every <= listed:
        return ""
    if kept <= listed:
        return f"and {count(every - listed, f'more {noun}')}"
    more = count(every - listed, f"more {noun}")
    return f"and {more}, in audit.json" if every == kept else f"and {more}; the first {kept:,} are in audit.json"


def parts(one: Estimate) -> tuple[str, str]:
    """A figure with its unit, and its interval; that of a plain count is empty.

    Example:
        >>> parts(Estimate("gap", 0.031, 0.02, 0.05, 1409)), parts(Estimate("pairs", 12, 12, 12, 1409))
        (('0.031', '[0.020, 0.050]'), ('12', ''))
    """
    unit = f" {clean(one.unit, 20)}" if one.unit else ""
    if one.low == one.value == one.high or not (math.isfinite(one.low) or math.isfinite(one.high)):
        whole = abs(one.value) >= 1 and float(one.value).is_integer()
        return (f"{one.value:,.0f}" if whole else number(one.value)) + unit, ""
    return f"{number(one.value)}{unit}", f"[{number(one.low)}, {number(one.high)}]"


def named(name: str) -> str:
    """The name of a figure, which may be that of one class or part.

    Example:
        >>> named("recall[spam]"), named("roc_auc")
        ('Recall: spam', 'ROC-AUC')
    """
    found = _OF_ONE.fullmatch(name)
    return clean(f"{metric(found[1])}: {found[2]}" if found else metric(name), 60)


def spoken(name: str) -> str:
    """The name of a metric inside a sentence.

    Example:
        >>> spoken("log_loss"), spoken("roc_auc")
        ('log-loss', 'ROC-AUC')
    """
    known = named(name)
    return known if known[:2].isupper() else known[:1].lower() + known[1:]


def rows_of(one: Estimate) -> str:
    """Which rows a figure rests on, and how many."""
    return f"{_ROWS.get(one.split) or clean(one.split, 30)}, n = {one.n:,}"


def levels(threshold: Threshold) -> str:
    """From where on a check warns and fails.

    Example:
        >>> levels(Threshold("gap", 0.05, 0.15)), levels(Threshold("share", 0.9, 0.8, higher_is_worse=False))
        ('warns from 0.050, fails from 0.150', 'warns below 0.900, fails below 0.800')
    """
    word, unit = "from" if threshold.higher_is_worse else "below", f" {clean(threshold.unit, 20)}"
    pairs = (("warns", threshold.warn), ("fails", threshold.fail))
    return ", ".join(f"{verb} {word} {number(level)}{unit.rstrip()}" for verb, level in pairs if math.isfinite(level))


def held(check: Check) -> str:
    """The first figure beside its threshold; empty without a figure.

    Example:
        >>> gap = Estimate("gap", 0.031, 0.02, 0.05, 1409)
        >>> held(Check("gap", "warn", "", estimates=(gap,), threshold=Threshold("gap", 0.02, 0.05)))
        '0.031 [0.020, 0.050], warns from 0.020, fails from 0.050; test rows, n = 1,409'
    """
    if not check.estimates:
        return ""
    first = check.estimates[0]
    against = levels(check.threshold) if check.threshold is not None else ""
    shown = " ".join(filter(None, parts(first)))
    return "; ".join((", ".join(filter(None, (shown, against))), rows_of(first)))


def others(estimates: Sequence[Estimate]) -> tuple[tuple[str, tuple[str, str], str], ...]:
    """The figures after the first: name, value and interval, and rows."""
    return tuple((named(one.name), parts(one), rows_of(one)) for one in estimates[1 : 1 + MOST_ROWS])


def chance(p: float | None) -> str:
    """A p-value as readers write it.

    Example:
        >>> chance(0.0000001), chance(0.0312), chance(None)
        ('< 0.001', '0.031', '–')
    """
    if p is None or not math.isfinite(p):
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _is_number(value: Cell) -> bool:
    return isinstance(value, int | float) or value is None
