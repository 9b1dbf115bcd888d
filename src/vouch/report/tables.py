"""The evidence as rows of cells, for the page and for the card."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vouch.contracts.bundle import Evidence
from vouch.contracts.finding import Estimate
from vouch.report.figures.baselines import leader, methods
from vouch.wording import MEANINGS, clean, interval, metric, number

MOST_CLASSES = 30
_BY_CLASS = re.compile(r"(\w+)\[(.*)\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure in a table: its value, its interval, and whether it is the best of its row."""

    value: str
    interval: str
    best: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """One metric of the network and of each simple method; a method that lacks it has no cell."""

    name: str
    meaning: str
    better: str
    cells: tuple[Cell | None, ...]
    leader: str


def scorecard(evidence: Evidence) -> tuple[Score, ...]:
    """Every metric of all classes together, the network's first, then each simple method's."""
    whole = [one for one in evidence.metrics if "[" not in one.name]
    return tuple(_score(one, evidence) for one in whole)


def by_class(evidence: Evidence) -> tuple[tuple[str, ...], tuple[tuple[str, int, tuple[Cell | None, ...]], ...]]:
    """Metrics of each class: their names, then for each class its name, its rows, and its cells."""
    found: dict[str, dict[str, Estimate]] = {}
    for one in evidence.metrics:
        if match := _BY_CLASS.fullmatch(one.name):
            found.setdefault(match[2], {})[match[1]] = one
    names = tuple(dict.fromkeys(name for row in found.values() for name in row))
    rows = []
    for label, row in list(found.items())[:MOST_CLASSES]:
        cells = tuple(_cell(row[name]) if name in row else None for name in names)
        rows.append((clean(label, 60), row["recall"].n if "recall" in row else 0, cells))
    return tuple(metric(name) for name in names), tuple(rows)


def _score(own: Estimate, evidence: Evidence) -> Score:
    found = methods(evidence, own.name)
    best = leader(found)
    columns = ("network", *evidence.baselines)
    cells = tuple(_cell(found[m], best == m and len(found) > 1) if m in found else None for m in columns)
    unit = f", in {clean(own.unit, 20)}" if own.unit and own.unit != "nats" else ""
    better = "higher is better" if own.higher_is_better else "lower is better"
    return Score(metric(own.name), MEANINGS.get(own.name, "") + unit, better, cells, clean(best.replace("_", " "), 30))


def _cell(one: Estimate, best: bool = False) -> Cell:
    return Cell(number(one.value), interval(one), best)
