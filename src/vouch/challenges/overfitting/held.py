"""Parts of the rows as the metrics want them, and a figure of one part with its interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vouch.contracts.case import Case, Scored
from vouch.contracts.finding import Check
from vouch.statistics.evidence import Truth
from vouch.statistics.intervals import RESAMPLES, Floats, bootstrap, enough_resamples, wilson
from vouch.statistics.mover import Ends
from vouch.tasks.metrics import MetricSpec
from vouch.wording import count

FEWEST = 50
_MOST = 20_000
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Rows that were predicted, beside what is true of them.

    Args:
        scored: what was predicted.
        truth: what is true, with the groups of these rows.
    """

    scored: Scored
    truth: Truth

    def measured(self, spec: MetricSpec, seed: int, most: int = RESAMPLES) -> Ends:
        """A metric on these rows: its value, and the ends of its interval from so many resamples; groups stay whole."""
        value, low, high = self._ends(
            lambda weights: spec.function(self.truth.values, self.scored.decoded, weights), seed, most
        )
        if spec.unit != "share" or high - low > _ROUNDING or not 0 <= value <= 1:
            return value, low, high
        # No resample moved it, as with no error at all: Wilson's interval for so many rows, or groups.
        groups = self.truth.groups
        n = self.truth.rows if groups is None else len(np.unique(groups))
        low, high = wilson(value * n, n)
        return value, float(low), float(high)

    def mean_loss(self, seed: int) -> Ends:
        """How wrong a row is in the mean, with the ends of its interval."""
        losses = self.scored.losses
        return self._ends(lambda weights: weights @ losses / weights.sum(axis=1), seed)

    def _ends(self, statistic: Callable[[Floats], Floats], seed: int, most: int = RESAMPLES) -> Ends:
        draws = min(enough_resamples(self.truth.rows, max(1.0, len(self.truth.classes) / 10)), most)
        found = bootstrap(statistic, self.truth.rows, resamples=draws, seed=seed, groups=self.truth.groups)
        value, (low, high) = float(found.value[0]), found.interval()
        return value, min(value, float(low[0])), max(value, float(high[0]))


def held(case: Case, scored: Scored) -> Held:
    """Scored rows with their groups; of more than 20 000 rows so many, drawn at random."""
    if len(scored.rows) > _MOST:
        kept = np.sort(case.random(f"overfitting {scored.part}").choice(len(scored.rows), _MOST, replace=False))
        scored = Scored(
            scored.rows[kept], scored.decoded[kept], scored.truth[kept], scored.losses[kept], scored.part,
            scored.fold[kept],
        )  # fmt: skip
    groups = None if case.groups is None else case.groups[scored.rows]
    task = case.bundle.task
    unit = "" if task.classes else case.bundle.schema.target.name
    return Held(scored, Truth(task.name, task.classes, scored.truth, groups, scored.part, unit))


def too_few(name: str, rows: int, part: str, fewest: int = FEWEST) -> Check:
    """What is said when a part has too few rows to tell anything."""
    return Check(
        name,
        "inconclusive",
        f"Nothing can be told from {count(rows, f'{part} row')}.",
        f"at least {fewest} {part} rows are needed",
    )


def relative(spec: MetricSpec) -> bool:
    """Whether a metric has a unit, so that only ratios of it can be held against a level."""
    return spec.unit != "share"
