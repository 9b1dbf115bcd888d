"""What an audit says: figures with their uncertainty, checks, and one finding for each challenge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["pass", "warn", "fail", "inconclusive", "not applicable"]
Part = Literal["train", "valid", "test", "all", "out of fold"]
Cell = str | int | float | bool | None

# From bad to good; a finding is as bad as its worst check, and what could not be told is no pass.
SEVERITY: tuple[Verdict, ...] = ("fail", "inconclusive", "warn", "pass", "not applicable")


@dataclass(frozen=True, slots=True)
class Estimate:
    """One figure with its 95 % interval.

    Args:
        name: the metric, such as "accuracy"; one class of it as "recall[spam]".
        value: the figure on these rows.
        low: lower end of the 95 % interval.
        high: upper end of the 95 % interval.
        n: how many rows it rests on.
        unit: "" for a share, else the unit of the target.
        higher_is_better: which way is good.
        split: which rows: "train", "valid", "test", "all", or "out of fold".
        method: how the interval was made, such as "wilson" or "bootstrap".

    Example:
        >>> Estimate("accuracy", 0.9, 0.87, 0.92, 500).split
        'test'
    """

    name: str
    value: float
    low: float
    high: float
    n: int
    unit: str = ""
    higher_is_better: bool = True
    split: str = "test"
    method: str = "bootstrap"


@dataclass(frozen=True, slots=True)
class Threshold:
    """From where on a figure is a reason to warn, and to fail.

    Args:
        name: by which it is set in a file, such as "gap".
        warn: the value from which on the check warns.
        fail: the value from which on it fails.
        unit: "" for a share.
        higher_is_worse: which way is bad.
        why: one sentence on where the values come from.

    Example:
        >>> Threshold("gap", warn=0.05, fail=0.15, why="a gap that readers would want to hear of").fail
        0.15
    """

    name: str
    warn: float
    fail: float
    unit: str = ""
    higher_is_worse: bool = True
    why: str = ""


@dataclass(frozen=True, slots=True)
class Suspects:
    """Rows that a check points at, most suspect first.

    Args:
        rows: their numbers in the cleaned data.
        scores: how strongly each is suspected; larger is more.
        reasons: what is suspected of each, in a few words.
    """

    rows: tuple[int, ...] = ()
    scores: tuple[float, ...] = ()
    reasons: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.rows) == len(self.scores) == len(self.reasons):
            raise ValueError("every suspected row needs a score and a reason")


@dataclass(frozen=True, slots=True)
class Table:
    """A table for readers.

    Args:
        title: a few words above it.
        columns: their heads.
        rows: the cells, those that are worth showing first.
        total: how many rows there are in all, when not all are here.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: int = 0


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as data, with its words.

    Args:
        name: of the specification among the report's figures.
        title: a few words above it.
        says: one sentence on what it shows, with the number in it.
        spec: Vega-Lite.
    """

    name: str
    title: str
    says: str
    spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Check:
    """One question of a challenge, and its answer.

    Args:
        name: such as "label_errors".
        verdict: pass, warn, fail, inconclusive or not applicable.
        headline: one sentence with the number in it, true for a reader who reads nothing else.
        reason: why this verdict and no other.
        estimates: the figures; the first one is held against the threshold.
        threshold: what the first figure is held against, if it is.
        p_value: of the hypothesis that there is no failing, if a test was made.
        adjusted: the same, corrected for all tests of the audit.
        suspects: rows that it points at.
        figures: what it draws.
        tables: what it lists.
        seconds: wall time.
    """

    name: str
    verdict: Verdict
    headline: str
    reason: str = ""
    estimates: tuple[Estimate, ...] = ()
    threshold: Threshold | None = None
    p_value: float | None = None
    adjusted: float | None = None
    suspects: Suspects = Suspects()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Offer:
    """A remedy that could be tried.

    Args:
        name: such as "prune_label_errors".
        says: one sentence on what it does; it promises no cure.
    """

    name: str
    says: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a challenge found.

    Args:
        challenge: its name, such as "data_quality".
        verdict: that of its worst check.
        headline: one sentence with the number in it.
        reason: why this verdict.
        checks: every question that was asked.
        remedies: what could be tried, by ``vouch fix MODEL CHALLENGE``.
        references: author and year of the methods.
        seconds: wall time.

    Example:
        >>> Finding("size", "pass", "There are 60 rows.").estimates
        ()
    """

    challenge: str
    verdict: Verdict
    headline: str
    reason: str = ""
    checks: tuple[Check, ...] = ()
    remedies: tuple[Offer, ...] = ()
    references: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """The figures of all checks."""
        return tuple(estimate for check in self.checks for estimate in check.estimates)

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The drawings of all checks."""
        return tuple(figure for check in self.checks for figure in check.figures)

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables of all checks."""
        return tuple(table for check in self.checks for table in check.tables)
