"""Before and after on the same sealed rows: what a remedy was worth, and what it cost elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vouch.challenges.judging import SIGNIFICANT
from vouch.contracts.finding import Estimate
from vouch.contracts.proof import Difference, Outcome
from vouch.errors import UsageError
from vouch.statistics.corrections import holm
from vouch.statistics.evidence import Truth
from vouch.statistics.intervals import Floats, absolute_sum, bootstrap
from vouch.statistics.paired import paired_difference
from vouch.tasks.metrics import Array, MetricSpec
from vouch.wording import metric_within, number


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Predictions of the same sealed rows without and with a remedy, for each seed.

    Args:
        truth: of the sealed rows.
        before: without the remedy, one array for each seed.
        after: with it, one array for each seed, in the same order.
    """

    truth: Truth
    before: Sequence[Array]
    after: Sequence[Array]


@dataclass(frozen=True, slots=True, eq=False)
class Extra:
    """A figure with the predictions that it is measured on."""

    spec: MetricSpec
    pair: Pair


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a proof says: the claim, the price, and both states.

    Args:
        claim: the criterion, alone.
        price: every other headline metric, corrected among themselves.
        before: the metrics without the remedy, mean over seeds.
        after: the metrics with it.
    """

    claim: Difference
    price: tuple[Difference, ...]
    before: tuple[Estimate, ...]
    after: tuple[Estimate, ...]


def prove(pair: Pair, criterion: MetricSpec, look: int, seed: int = 0, extra: Sequence[Extra] = ()) -> Ledger:
    """Hold a remedy against doing nothing.

    The criterion is one claim, tested at 5 % on the first proof that these sealed rows carry. All later proofs
    together may err as often as the first one (alpha spending: Lan and DeMets, 1983), so the k-th is tested at
    5 % / (k (k - 1)), with an interval as much wider: rows that are looked at again and again for something better
    would else find it by chance. The other metrics are the price; their p-values are corrected among themselves
    (Holm, 1979).

    Args:
        pair: the predictions.
        criterion: the metric that decides.
        look: the how-many-th proof on these rows this is, from 1.
        seed: fixes the resamples.
        extra: figures that are not among the task's metrics, with predictions of their own.

    Returns:
        The ledger.

    Raises:
        UsageError: the criterion is undefined on these rows.
    """
    known = [spec for spec in pair.truth.metrics if pair.truth.enough_for(spec)]
    figures = [Extra(spec, pair) for spec in known] + list(extra)
    first = next(one for one in figures if one.spec.name == criterion.name)
    figures = [first, *(one for one in figures if one is not first)]
    moved = [(one, _difference(one.pair, one.spec, look, seed)) for one in figures]
    if not np.isfinite(moved[0][1].value):
        raise UsageError(
            f"'{criterion.name}' is undefined on the sealed rows, with or without the remedy",
            next_step="Name another criterion, such as --criterion log_loss.",
        )
    moved = [(one, difference) for one, difference in moved if np.isfinite(difference.value)]
    claim, price = moved[0][1], [difference for _, difference in moved[1:]]
    adjusted = holm([one.p_value for one in price])
    corrected = tuple(
        replace(one, adjusted=float(p), verdict=_verdict(one.value, float(p), one.higher_is_better, look))
        for one, p in zip(price, adjusted, strict=True)
    )
    before = tuple(_level(one.pair.truth, one.pair.before, one.spec, seed) for one, _ in moved)
    after = tuple(_level(one.pair.truth, one.pair.after, one.spec, seed) for one, _ in moved)
    return Ledger(claim, corrected, before, after)


def spent_on(look: int) -> float:
    """The share of errors that the k-th proof on the same sealed rows may make: all from the second on add up to 5 %.

    Example:
        >>> spent_on(1), spent_on(2), round(spent_on(3), 4)
        (0.05, 0.025, 0.0083)
    """
    return SIGNIFICANT if look <= 1 else SIGNIFICANT / (look * (look - 1))


def sentence(claim: Difference, before: Estimate, after: Estimate, what: str) -> str:
    """The claim in words, with its numbers.

    Args:
        claim: the criterion's difference.
        before: the criterion without the remedy.
        after: the criterion with it.
        what: the remedy and its strength.
    """
    moved = f"{metric_within(claim.name)} from {number(before.value)} to {number(after.value)}"
    low, high = number(claim.low), number(claim.high)
    ends = f"difference {number(claim.value)}, {claim.level * 100:.3g} % interval {low} to {high}"
    said = {
        "better": f"{what} is proved to be better: {moved} on {claim.n:,} sealed rows ({ends}).",
        "worse": f"{what} is worse: {moved} on {claim.n:,} sealed rows ({ends}); keep the network as it was.",
        "no evidence": f"There is no evidence that {what} helps: {moved} on {claim.n:,} sealed rows ({ends}).",
    }
    text = said[claim.verdict]
    return text[0].upper() + text[1:]


def without(claim: Difference, before: Estimate, after: Estimate, what: str) -> str:
    """The same for a remedy that takes away what makes all scores too good; arguments as for ``sentence``."""
    place = f"{claim.n:,} sealed rows"
    text = f"{what}: {metric_within(claim.name)} from {number(before.value)} to {number(after.value)} on {place}."
    told = "The first figure rests on what was taken away; the second is to be expected of rows that lack it."
    return f"{text[0].upper()}{text[1:]} {told}"


def _difference(pair: Pair, spec: MetricSpec, look: int, seed: int) -> Difference:
    level = 1 - spent_on(look)
    found = paired_difference(pair.truth, pair.after, pair.before, metric=spec, level=level, seed=seed)
    one, p = found.estimate, found.p_value
    verdict = _verdict(one.value, p, spec.higher_is_better, look)
    return Difference(
        spec.name, one.value, one.low, one.high, p, p, one.n, one.unit, spec.higher_is_better, verdict, level
    )  # fmt: skip


def _verdict(value: float, p: float, higher_is_better: bool, look: int) -> Outcome:
    if not p <= spent_on(look):
        return "no evidence"
    return "better" if (value > 0) == higher_is_better else "worse"


def _level(truth: Truth, predictions: Sequence[Array], spec: MetricSpec, seed: int) -> Estimate:
    """The metric itself, mean over seeds, with its interval over rows."""

    gaps, several = spec.gaps, len(predictions)

    def mean(weights: Floats) -> Floats:
        return np.mean([spec.function(truth.values, one, weights) for one in predictions], axis=0)

    def parts(weights: Floats) -> Floats:
        assert gaps is not None
        return np.concatenate([gaps(truth.values, one, weights) for one in predictions], axis=1) / several

    # A mean of sums of absolute gaps is one such sum, and leans upwards as they do.
    absolute = gaps is not None
    drawn = bootstrap(parts if absolute else mean, truth.rows, seed=seed, groups=truth.groups)
    chance = truth.chance(spec, predictions, len(drawn.draws), seed)
    low, high = absolute_sum(drawn, chance) if absolute else (float(end[0]) for end in drawn.interval())
    value, unit = float(np.abs(drawn.value).sum() if absolute else drawn.value[0]), truth.unit_of(spec)
    return Estimate(spec.name, value, low, high, truth.rows, unit, spec.higher_is_better, truth.split)
