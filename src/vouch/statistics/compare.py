"""Who won: the paired difference between two predictions on the same rows, and the sentence that says it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vouch.contracts.finding import Estimate
from vouch.statistics.evidence import Truth
from vouch.statistics.intervals import LEVEL, Resampled, bootstrap
from vouch.tasks.metrics import Array, Floats, MetricSpec

_ROUNDING = 1e-12
_SHOWN = {"roc_auc": "ROC-AUC", "rmse": "RMSE", "accuracy": "accuracy"}


def compare(truth: Truth, first: Array, second: Array, seed: int = 0) -> Estimate:
    """How the first prediction differs from the second on the same rows, in the main metric.

    Both are measured on the same resamples, so that what makes a row hard for both cancels (paired bootstrap: Efron
    and Tibshirani, 1993). The main metric is the first one of the task that is defined on these rows.

    Args:
        truth: what is true, and of which rows.
        first: probabilities (n, K), or numbers (n,).
        second: the same of the other method.
        seed: fixes the resamples.

    Returns:
        The metric of the first minus that of the second, under the name of the metric.

    Example:
        >>> truth = Truth("regression", (), np.zeros(9))
        >>> compare(truth, np.ones(9), np.zeros(9)).value
        1.0
    """
    spec = main_metric(truth, first)

    def difference(weights: Floats) -> Floats:
        return spec.function(truth.values, first, weights) - spec.function(truth.values, second, weights)

    drawn = bootstrap(difference, truth.rows, seed=seed, groups=truth.groups)
    low, high = never_stuck(drawn, spec, same=np.array_equal(first, second))
    ends = float(drawn.value[0]), low, high
    return Estimate(spec.name, *ends, truth.rows, truth.unit_of(spec), spec.higher_is_better, truth.split)


def never_stuck(drawn: Resampled, spec: MetricSpec, level: float = LEVEL, *, same: bool = False) -> tuple[float, float]:
    """Ends of the interval of a difference, which is no point unless predictions are the same.

    Where no resample moves the difference of two shares, none of n rows (or groups) told them apart; then as many as
    would have shown themselves in them with the stated probability may do so, either way (the rule of three).

    Args:
        drawn: the difference on resamples.
        spec: the metric.
        level: of the interval.
        same: whether both predictions are the same of every row, so that no row can tell them apart.
    """
    low, high = (float(end[0]) for end in drawn.interval(level))
    if same or spec.unit != "share" or high - low > _ROUNDING:
        return low, high
    unseen = 1 - ((1 - level) / 2) ** (1 / max(drawn.units, 1))
    value = float(drawn.value[0])
    return max(value - unseen, -1.0), min(value + unseen, 1.0)


def main_metric(truth: Truth, prediction: Array) -> MetricSpec:
    """The first metric of the task that is defined on these rows, and that enough of them tell."""
    known = [spec for spec in truth.metrics if truth.enough_for(spec)]
    defined = (spec for spec in known if not np.isnan(_score(spec, truth, prediction)))
    return next(defined, truth.metrics[0])


def strongest(
    truth: Truth, network: Array, baselines: Mapping[str, Array], seed: int = 0
) -> tuple[str, Estimate | None]:
    """The strongest simple method in the main metric, and how the network differs from it on the same rows.

    Args:
        truth: what is true, and of which rows.
        network: the network's probabilities (n, K) or numbers (n,).
        baselines: the same of each simple method, by its name.
        seed: fixes the resamples.

    Returns:
        Its name, and the network's metric less its own; no name and no difference where there is no method.

    Example:
        >>> strongest(Truth("regression", (), np.arange(9.0)), np.arange(9.0), {"mean": np.full(9, 4.0)})[0]
        'mean'
    """
    if not baselines:
        return "", None
    spec = main_metric(truth, network)
    sign = 1 if spec.higher_is_better else -1
    scores = {name: np.nan_to_num(sign * _score(spec, truth, p), nan=-np.inf) for name, p in baselines.items()}
    rival = max(scores, key=lambda name: scores[name])
    return rival, compare(truth, network, baselines[rival], seed)


def verdict_sentence(truth: Truth, network: Array, baselines: Mapping[str, Array], seed: int = 0) -> str:
    """One sentence that says whether the network or the strongest simple method won, and by how much.

    The strongest simple method is picked on these very rows. That leans against the network, on purpose: to be called
    better it must hold its own against each of them.

    Args:
        truth: what is true, and of which rows.
        network: the network's probabilities (n, K) or numbers (n,).
        baselines: the same of each simple method, by its name.
        seed: fixes the resamples.

    Returns:
        The sentence, with the paired 95 % interval of the difference in the main metric.

    Example:
        >>> truth = Truth("regression", (), np.arange(9.0), unit="mm")
        >>> print(verdict_sentence(truth, np.arange(9.0), {"mean": np.full(9, 4.0)}))
        The network is better than mean, the strongest simple method, by 2.58 mm [1.63, 3.59] in RMSE.
    """
    return told(*strongest(truth, network, baselines, seed))


def told(rival: str, found: Estimate | None, aside: str = "") -> str:
    """The sentence that :func:`verdict_sentence` gives, from what :func:`strongest` gave.

    Args:
        rival: the strongest simple method.
        found: the difference; none where there is no such method.
        aside: a sentence on what the network was made to do and the method was not; then neither is to be preferred.
    """
    said = _told(rival, found, advise=not aside)
    return f"{said} {aside}" if aside and found is not None else said


def _told(rival: str, found: Estimate | None, *, advise: bool) -> str:
    if found is None:
        return "No simple method could be fitted, so nothing shows whether the network is worth having."
    sign = 1 if found.higher_is_better else -1
    low, high = sorted((sign * found.low, sign * found.high))
    name, metric = rival.replace("_", " "), _SHOWN.get(found.name, found.name.replace("_", " "))
    if low > 0:
        by = _amount(sign * found.value, low, high, found.unit)
        return f"The network is better than {name}, the strongest simple method, by {by} in {metric}."
    if high < 0:
        by = _amount(-sign * found.value, -high, -low, found.unit)
        advice = ": prefer it" if advise else ""
        return f"The simple method {name} is better than the network by {by} in {metric}{advice}."
    by = _amount(sign * found.value, low, high, found.unit)
    return f"No difference is shown between the network and {name}, the strongest simple method: {by} in {metric}."


def _score(spec: MetricSpec, truth: Truth, prediction: Array) -> float:
    return float(spec.function(truth.values, prediction, np.ones((1, truth.rows)))[0])


def _amount(value: float, low: float, high: float, unit: str) -> str:
    """Three digits that tell the ends apart: ``0.012 [0.004, 0.020]``, ``2,310 USD [1,950, 2,700]``."""
    largest = max(abs(value), abs(low), abs(high))
    digits = 3 if unit in ("", "nats") else int(np.clip(2 - np.floor(np.log10(largest or 1)), 0, 9))
    shown = [f"{x:,.{digits}f}" for x in (value, low, high)]
    return f"{shown[0]}{' ' + unit if unit else ''} [{shown[1]}, {shown[2]}]"
