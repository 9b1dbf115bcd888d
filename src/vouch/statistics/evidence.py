"""How good predictions are on rows they were not made from: every metric of the task, with its interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from vouch.contracts.finding import Estimate
from vouch.statistics.delong import delong
from vouch.statistics.intervals import Resampled, absolute_sum, bootstrap, enough_resamples, wilson
from vouch.statistics.shares import mean_share
from vouch.tasks.metrics import BY_TASK, Array, Floats, MetricSpec, OneVsRest, macro

FEWEST_OF_CLASS = 5
_MOST_CLASSES = 30
_OF_BOTH_CLASSES = ("precision", "recall", "f1")
_ROUNDING = 1e-12
_CHEAP_CLASSES = 10


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The rows that predictions are held against.

    Args:
        task: binary, multiclass, multilabel or regression.
        classes: names of the classes or labels (K); empty for regression.
        values: what is true: codes (n,), labels (n, K), or numbers (n,).
        groups: which rows belong together (n,), if some do; intervals then rest on groups, not rows.
        split: which rows these are: "train", "valid" or "test".
        unit: of the target, for regression.
    """

    task: str
    classes: tuple[str, ...]
    values: Array
    groups: npt.NDArray[np.generic] | None = None
    split: str = "test"
    unit: str = ""

    @property
    def metrics(self) -> tuple[MetricSpec, ...]:
        """Every metric of the task; the first is the main one."""
        return BY_TASK[self.task]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.values)

    def enough_for(self, spec: MetricSpec) -> bool:
        """Whether a metric of one of two classes rests on five rows or more of the rarer one.

        Of fewer the resamples do not show how much chance there is in them: paired differences of ROC-AUC with one such
        row claimed to be significant in three of four comparisons of equals, with five in one of thirty.
        """
        by_class = spec.each is not None or spec.interval == "newcombe"
        if self.task != "binary" or not by_class:
            return True
        positive = int((self.values == 1).sum())
        return min(positive, self.rows - positive) >= FEWEST_OF_CLASS

    def chance(self, spec: MetricSpec, predictions: Sequence[Array], draws: int, seed: int) -> Floats | None:
        """Draws of a metric's signed parts (draws, parts) where each is truly 0; of several predictions their mean.

        None where the metric has no such parts, or where rows belong together, of which chance is not known.
        """
        if spec.chance is None or self.groups is not None:
            return None
        rng = np.random.default_rng([seed, 2])
        drawn = [spec.chance(self.values, one, draws, rng) for one in predictions]
        return np.concatenate(drawn, axis=1) / len(predictions)

    def unit_of(self, spec: MetricSpec) -> str:
        """What a value of the metric is measured in; nothing for a share."""
        return {"share": "", "nats": "nats", "target": self.unit}[spec.unit]


@dataclass(frozen=True, slots=True)
class _Figure:
    """A metric, of all classes together or of class k."""

    spec: MetricSpec
    k: int | None = None


def evidence(truth: Truth, prediction: Array, seed: int = 0) -> tuple[Estimate, ...]:
    """Every metric of the task with its 95 % interval, then the same for each class.

    Plain shares of independent rows get Wilson's interval, and so does F1, which follows from one; balanced accuracy
    of two classes joins two of them; ROC-AUC of one class against the rest gets DeLong's. All else gets the bootstrap
    (BCa), all on the same resamples; where rows belong together, all get the bootstrap over groups. ECE, which leans
    upwards, gets an interval that allows for it. Where no resample changes a share, as with a perfect score, it gets
    Wilson's for the fewest rows it may rest on. Metrics that are undefined on these rows are left out. Of more than 30
    classes the 30 with most rows are listed.

    Args:
        truth: what is true, and of which rows.
        prediction: probabilities (n, K), or numbers (n,).
        seed: fixes the resamples.

    Returns:
        Metrics in the order of the task, then "metric[class]".

    Example:
        >>> truth = Truth("regression", (), np.arange(50.0), unit="°C")
        >>> found = evidence(truth, np.arange(50.0) + np.tile([1.0, -1.0], 25))
        >>> found[0].name, found[0].value, found[0].unit
        ('rmse', 1.0, '°C')
    """
    figures = _figures(truth)
    draws = _resample(truth, _measure(truth, prediction), seed)
    ends = np.stack([draws.value, *draws.interval()], axis=1)
    for at, gaps in ((at, figure.spec.gaps) for at, figure in enumerate(figures) if figure.spec.gaps):
        parts = _resample(truth, partial(gaps, truth.values, prediction), seed)
        ends[at, 1:] = absolute_sum(parts, truth.chance(figures[at].spec, [prediction], len(parts.draws), seed))
    view = None if truth.task == "regression" else OneVsRest.of(truth.values, prediction)
    found = (_estimate(figure, truth, view, row) for figure, row in zip(figures, ends.tolist(), strict=True))
    return tuple(estimate for estimate in found if not np.isnan(estimate.value))


def _resample(truth: Truth, statistic: Callable[[Floats], Floats], seed: int) -> Resampled:
    resamples = enough_resamples(truth.rows, effort=max(1.0, len(truth.classes) / _CHEAP_CLASSES))
    return bootstrap(statistic, truth.rows, resamples=resamples, seed=seed, groups=truth.groups)


def _figures(truth: Truth) -> list[_Figure]:
    """All that is listed, in its order: metrics of all classes, then of each."""
    whole = [_Figure(spec) for spec in truth.metrics]
    return whole + [_Figure(spec, k) for spec in _by_class(truth) for k in _listed_classes(truth).tolist()]


def _by_class(truth: Truth) -> list[MetricSpec]:
    """Metrics that are listed for each class; of two classes only those that differ and are not each other's rest."""
    each = [spec for spec in truth.metrics if spec.each is not None]
    return [spec for spec in each if spec.name in _OF_BOTH_CLASSES] if truth.task == "binary" else each


def _listed_classes(truth: Truth) -> npt.NDArray[np.int64]:
    every = np.arange(len(truth.classes))
    labels = truth.values == 1 if truth.values.ndim == 2 else truth.values[:, None] == every
    return np.sort(np.argsort(-labels.sum(axis=0), kind="stable")[:_MOST_CLASSES])


def _measure(truth: Truth, prediction: Array) -> Callable[[Floats], Floats]:
    """From counts (R, n) to all figures (R, S); what a metric finds for each class also gives its mean over classes."""
    if truth.task == "regression":
        return lambda weights: np.stack([s.function(truth.values, prediction, weights) for s in truth.metrics], axis=1)
    view, shown, by_class = OneVsRest.of(truth.values, prediction), _listed_classes(truth), _by_class(truth)

    def measure(weights: Floats) -> Floats:
        whole, parts = [], []
        for spec in truth.metrics:
            each = spec.each(view, weights) if spec.each is not None and spec in by_class else None
            if each is None or truth.task == "binary":
                whole.append(spec.function(truth.values, prediction, weights))
            else:
                whole.append(macro(each))
            parts += [] if each is None else [each[:, shown]]
        return np.concatenate([np.stack(whole, axis=1), *parts], axis=1)

    return measure


def _estimate(figure: _Figure, truth: Truth, view: OneVsRest | None, ends: list[float]) -> Estimate:
    """One figure with the interval that suits it, from its value and the ends of its bootstrap interval."""
    spec, k = figure.spec, figure.k
    value, low, high = ends
    closed = None
    if view is not None and (truth.groups is None or high - low < _ROUNDING):
        closed = _closed(figure, truth, view, value, high - low < _ROUNDING)
    low, high, rows, method = closed or (low, high, truth.rows, "bootstrap")
    name = spec.name if k is None else f"{spec.name}[{truth.classes[k]}]"
    return Estimate(name, value, low, high, rows, truth.unit_of(spec), spec.higher_is_better, truth.split, method)


def _closed(
    figure: _Figure, truth: Truth, view: OneVsRest, value: float, stuck: bool
) -> tuple[float, float, int, str] | None:
    """Ends, rows and name of an interval that needs no resampling, where the figure has one or no draw changed it."""
    spec, question = figure.spec, _question(figure, truth, view)
    k, n = _counts(spec, question)
    if len(n) == 1 and n[0] > 0:
        low, high = (end if spec.of_share is None else spec.of_share(end) for end in wilson(k, n))
        return float(low[0]), float(high[0]), int(n[0]), "wilson"
    if len(n) == 2 and spec.interval == "newcombe" and n.all():
        return *mean_share(k, n), truth.rows, "wilson"
    if spec.interval == "delong" and question.actual.shape[1] == 1 and not np.isnan(value):
        area = delong(question.actual[:, 0], question.score[:, 0])
        return area.low, area.high, truth.rows, "delong"
    if stuck and spec.unit == "share" and 0 <= value <= 1:
        rows = _fewest(question, truth)
        low, high = wilson(value * rows, rows)
        return float(low), float(high), rows, "wilson"
    return None


def _counts(spec: MetricSpec, question: OneVsRest) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Successes and rows that count of each share that the figure follows from; nothing where it follows from none."""
    if spec.trials is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    success, counts = spec.trials(question)
    return success.sum(axis=0), counts.sum(axis=0)


def _question(figure: _Figure, truth: Truth, view: OneVsRest) -> OneVsRest:
    if figure.k is not None:
        return view.only(figure.k)
    return view.only(1) if truth.task == "binary" and figure.spec.each is not None else view


def _fewest(question: OneVsRest, truth: Truth) -> int:
    """Rows that a figure rests on when no resample changes it: the smaller side of its question, or all rows."""
    if question.actual.shape[1] > 1:
        return truth.rows
    inside = int(question.actual.sum())
    return max(min(inside, truth.rows - inside), 1)
