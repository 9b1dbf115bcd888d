"""Every figure of quality, each written once for weighted rows and for R weightings at a time.

All metrics take the same three arrays and return one value for each weighting (R,):

    truth        (n,) class codes int64, where -1 is a class that training never saw and counts as wrong;
                 (n, K) zeros and ones for multilabel; (n,) float64 for regression
    prediction   (n, K) probabilities; (n,) float64 for regression
    weights      (R, n) how often each row counts; ones for the plain figure, resampling counts for the bootstrap

Two probability columns are a binary task: the class with code 1 is the positive one, and a row is called positive
when its probability exceeds that of the other class. With more columns, and for multilabel, precision, recall, the
rates, F1, ROC-AUC and average precision are each class against the rest, and the plain mean over classes (macro).

Undefined is NaN, never 0: precision of a class never predicted, recall and average precision of one that never
occurs, ROC-AUC without both kinds of rows, R² of a constant target. Macro means and listings leave NaN out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from vouch.tasks.bins import bin_gaps, chance_gaps
from vouch.tasks.weighted import mean, mean_precision, quantile, ranked_above, ratio, sums

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Array: TypeAlias = npt.NDArray[Any]
Metric: TypeAlias = Callable[[Array, Array, Array], Floats]

_SMALLEST_PROBABILITY = 1e-15


@dataclass(frozen=True, slots=True, eq=False)
class OneVsRest:
    """A classification seen as one yes-or-no question for each class.

    Args:
        actual: whether the row is of the class (n, K).
        chosen: whether the row was called that class (n, K).
        score: probability of the class (n, K).
    """

    actual: Bools
    chosen: Bools
    score: Floats

    @classmethod
    def of(cls, truth: Array, prediction: Array) -> OneVsRest:
        """Read codes (n,) or labels (n, K) beside probabilities (n, K); labels count from one half on."""
        score = np.asarray(prediction, np.float64)
        if np.ndim(truth) == 2:
            return cls(np.asarray(truth) == 1, score >= 0.5, score)
        every = np.arange(score.shape[1])
        return cls(np.asarray(truth)[:, None] == every, score.argmax(axis=1)[:, None] == every, score)

    def only(self, k: int) -> OneVsRest:
        """The question of class k alone, (n, 1)."""
        return OneVsRest(self.actual[:, [k]], self.chosen[:, [k]], self.score[:, [k]])


EachClass: TypeAlias = Callable[[OneVsRest, Array], Floats]
Trials: TypeAlias = Callable[[OneVsRest], tuple[Bools, Bools]]


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """A metric with what a reader and an interval need to know of it.

    Args:
        name: as users write it.
        function: from truth, prediction and weights (R, n) to values (R,).
        higher_is_better: which way is good.
        unit: "share" without unit, "nats", or "target" for the unit of the target.
        in_points: whether a loss of it is told in points, hundredths of a share between 0 and 1; else as a share of it.
        interval: what suits independent rows: "wilson" a share, "newcombe" a mean of two, else "delong", "bootstrap".
        each: the same for every class, from questions and weights to values (R, K); none where it has no meaning.
        trials: rows that succeed and rows that count, both (n, K), for a metric that follows from plain shares.
        of_share: from that share to the metric, rising; none where they are the same.
        gaps: signed parts (R, parts) of a metric that is the sum of their absolute values.
        chance: draws of those parts (draws, parts) where each is truly 0, from truth, prediction and a generator.
    """

    name: str
    function: Metric
    higher_is_better: bool = True
    unit: Literal["share", "nats", "target"] = "share"
    in_points: bool = False
    interval: Literal["wilson", "newcombe", "delong", "bootstrap"] = "bootstrap"
    each: EachClass | None = None
    trials: Trials | None = None
    of_share: Callable[[Floats], Floats] | None = None
    gaps: Metric | None = None
    chance: Callable[[Array, Array, int, np.random.Generator], Floats] | None = None


# Classification


def accuracy(truth: Array, prediction: Array, weights: Array) -> Floats:
    """Share of rows called right; for multilabel, with every label right (subset accuracy).

    Example:
        >>> accuracy(np.array([0, 1]), np.array([[0.9, 0.1], [0.6, 0.4]]), np.array([[1, 1], [3, 1]])).tolist()
        [0.5, 0.75]
    """
    return mean(right(truth, prediction), weights)


def balanced_accuracy(truth: Array, prediction: Array, weights: Array) -> Floats:
    """Mean recall of the classes that occur (Brodersen and others, 2010)."""
    return macro(_each_share(recall_trials)(OneVsRest.of(truth, prediction), weights))


def precision(truth: Array, prediction: Array, weights: Array) -> Floats:
    """Share of the rows called the class that are of it."""
    return _headline(_each_share(precision_trials), truth, prediction, weights)


def recall(truth: Array, prediction: Array, weights: Array) -> Floats:
    """Share of the rows of the class that were called it; also sensitivity, true positive rate."""
    return _headline(_each_share(recall_trials), truth, prediction, weights)


def false_positive_rate(truth: Array, prediction: Array, weights: Array) -> Floats:
    """Share of the rows outside the class that were called it."""
    return _headline(_each_share(false_positive_trials), truth, prediction, weights)


def false_negative_rate(truth: Array, prediction: Array, weights: Array) -> Floats:
    """Share of the rows of the class that were not called it."""
    return _headline(_each_share(false_negative_trials), truth, prediction, weights)


def f1(truth: Array, prediction: Array, weights: Array) -> Floats:
    """Harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN)."""
    return _headline(f1_each, truth, prediction, weights)


def roc_auc(truth: Array, prediction: Array, weights: Array) -> Floats:
    """Chance that a row of the class scores above one outside it, ties counting half (Hanley and McNeil, 1982)."""
    return _headline(roc_auc_each, truth, prediction, weights)


def average_precision(truth: Array, prediction: Array, weights: Array) -> Floats:
    """Mean precision over the rows of the class, each at its own score as threshold; ties share one threshold."""
    return _headline(average_precision_each, truth, prediction, weights)


def log_loss(truth: Array, prediction: Array, weights: Array) -> Floats:
    """Mean negative log-likelihood in nats, probabilities clipped at 1e-15; for multilabel, mean over labels."""
    view = OneVsRest.of(truth, prediction)
    if np.ndim(truth) == 2:
        likelihood = np.where(view.actual, view.score, 1 - view.score)
    else:
        likelihood = (view.score * view.actual).sum(axis=1, keepdims=True)
    return mean(-np.log(np.clip(likelihood, _SMALLEST_PROBABILITY, 1)).mean(axis=1), weights)


def brier(truth: Array, prediction: Array, weights: Array) -> Floats:
    """Mean squared error of the probabilities (Brier, 1950).

    Binary: (p - y)² of the positive class. Multiclass: summed over classes. Multilabel: mean over labels.
    """
    view = OneVsRest.of(truth, prediction)
    squares = np.square(view.score - view.actual)
    if np.ndim(truth) == 2:
        return mean(squares.mean(axis=1), weights)
    if squares.shape[1] == 2:
        return mean(squares[:, 1], weights)
    return mean(squares.sum(axis=1) + ~view.actual.any(axis=1), weights)


def ece(truth: Array, prediction: Array, weights: Array) -> Floats:
    """Expected calibration error: gap between confidence and frequency, averaged over 15 bins of equal mass.

    Binary: of the positive class; multiclass: of the highest probability; multilabel: mean over labels. Bins are cut
    from the rows as given, equal confidences in one bin (Nixon and others, 2019). On few rows it leans upwards.
    """
    return np.abs(ece_gaps(truth, prediction, weights)).sum(axis=1)


def ece_gaps(truth: Array, prediction: Array, weights: Array) -> Floats:
    """Confidence less frequency in each bin, times the bin's share (R, bins): ECE is the sum of absolute gaps."""
    asked = _promises(truth, prediction)
    return np.concatenate([bin_gaps(p, happened, weights) for p, happened in asked], axis=1) / len(asked)


def ece_chance(truth: Array, prediction: Array, draws: int, rng: np.random.Generator) -> Floats:
    """The same gaps (draws, bins) where every probability comes true: nothing but chance."""
    asked = _promises(truth, prediction)
    return np.concatenate([chance_gaps(p, draws, rng) for p, _ in asked], axis=1) / len(asked)


def _promises(truth: Array, prediction: Array) -> list[tuple[Floats, Bools]]:
    """What was promised (n,), and whether it came true (n,), for each question that the calibration error asks."""
    view = OneVsRest.of(truth, prediction)
    if np.ndim(truth) == 2:
        return list(zip(view.score.T, view.actual.T, strict=True))
    if view.score.shape[1] == 2:
        return [(view.score[:, 1], view.actual[:, 1])]
    return [(view.score.max(axis=1), right(truth, prediction))]


# Regression


def rmse(truth: Array, prediction: Array, weights: Array) -> Floats:
    """Root of the mean squared error, in the unit of the target."""
    return np.sqrt(mean(np.square(_error(truth, prediction)), weights))


def mae(truth: Array, prediction: Array, weights: Array) -> Floats:
    """Mean absolute error, in the unit of the target."""
    return mean(np.abs(_error(truth, prediction)), weights)


def r2(truth: Array, prediction: Array, weights: Array) -> Floats:
    """Share of the target's variance that the prediction explains; below 0 when the mean would do better."""
    centred = np.asarray(truth, np.float64) - np.mean(truth, dtype=np.float64)
    variance = mean(np.square(centred), weights) - np.square(mean(centred, weights))
    # Rounding leaves about 1e-16 of the mean square where the weighted target is constant.
    variance[variance <= 1e-14 * mean(np.square(centred), weights)] = 0
    return 1 - ratio(mean(np.square(_error(truth, prediction)), weights), variance)


def error_q50(truth: Array, prediction: Array, weights: Array) -> Floats:
    """Median absolute error: the smallest error that half of the rows do not exceed."""
    return quantile(np.abs(_error(truth, prediction)), 0.5, weights)


def error_q90(truth: Array, prediction: Array, weights: Array) -> Floats:
    """The smallest absolute error that nine rows in ten do not exceed."""
    return quantile(np.abs(_error(truth, prediction)), 0.9, weights)


# Parts


def right(truth: Array, prediction: Array) -> Bools:
    """Whether each row was called right in every class (n,)."""
    view = OneVsRest.of(truth, prediction)
    return (view.actual == view.chosen).all(axis=1)


def recall_trials(view: OneVsRest) -> tuple[Bools, Bools]:
    """Rows found, of those that are of the class."""
    return view.actual & view.chosen, view.actual


def precision_trials(view: OneVsRest) -> tuple[Bools, Bools]:
    """Rows that are of the class, of those called it."""
    return view.actual & view.chosen, view.chosen


def false_positive_trials(view: OneVsRest) -> tuple[Bools, Bools]:
    """Rows called the class, of those outside it."""
    return ~view.actual & view.chosen, ~view.actual


def false_negative_trials(view: OneVsRest) -> tuple[Bools, Bools]:
    """Rows missed, of those that are of the class."""
    return view.actual & ~view.chosen, view.actual


def accuracy_trials(view: OneVsRest) -> tuple[Bools, Bools]:
    """Rows called right in every class, of all rows; the same for each class asked about."""
    correct = (view.actual == view.chosen).all(axis=1, keepdims=True)
    return correct, np.ones_like(correct)


def jaccard_trials(view: OneVsRest) -> tuple[Bools, Bools]:
    """Rows of the class that were called it, of those that are either; F1 is 2 J / (1 + J) of this share J."""
    return view.actual & view.chosen, view.actual | view.chosen


def f1_each(view: OneVsRest, weights: Array) -> Floats:
    """F1 of each class (R, K)."""
    return 2 * ratio(sums(view.actual & view.chosen, weights), sums(view.actual * 1.0 + view.chosen, weights))


def roc_auc_each(view: OneVsRest, weights: Array) -> Floats:
    """ROC-AUC of each class against the rest (R, K)."""
    columns = zip(view.score.T, view.actual.T, strict=True)
    return np.stack([ranked_above(score, actual, weights) for score, actual in columns], axis=1)


def average_precision_each(view: OneVsRest, weights: Array) -> Floats:
    """Average precision of each class against the rest (R, K)."""
    columns = zip(view.score.T, view.actual.T, strict=True)
    return np.stack([mean_precision(score, actual, weights) for score, actual in columns], axis=1)


def _error(truth: Array, prediction: Array) -> Floats:
    return np.asarray(prediction, np.float64) - np.asarray(truth, np.float64)


def _each_share(trials: Trials) -> EachClass:
    def each(view: OneVsRest, weights: Array) -> Floats:
        success, counts = trials(view)
        return ratio(sums(success, weights), sums(counts, weights))

    return each


def _headline(each: EachClass, truth: Array, prediction: Array, weights: Array) -> Floats:
    """The positive class of two; the macro mean of more."""
    view = OneVsRest.of(truth, prediction)
    binary = np.ndim(truth) == 1 and view.score.shape[1] == 2
    return macro(each(view.only(1) if binary else view, weights))


def macro(each: Floats) -> Floats:
    """Mean over the classes in which the value is defined: (R, K) to (R,)."""
    defined = ~np.isnan(each)
    return ratio(np.where(defined, each, 0).sum(axis=1), defined.sum(axis=1).astype(np.float64))


def _share(name: str, function: Metric, trials: Trials, *, higher: bool = True) -> MetricSpec:
    each = _each_share(trials)
    return MetricSpec(name, function, higher, in_points=True, interval="wilson", each=each, trials=trials)


_ACCURACY = MetricSpec("accuracy", accuracy, in_points=True, interval="wilson", trials=accuracy_trials)
_BALANCED = MetricSpec(
    "balanced_accuracy", balanced_accuracy, in_points=True, interval="newcombe", trials=recall_trials
)
_ROC_AUC = MetricSpec("roc_auc", roc_auc, in_points=True, interval="delong", each=roc_auc_each)
_RATES = (
    _share("precision", precision, precision_trials),
    _share("recall", recall, recall_trials),
    _share("false_positive_rate", false_positive_rate, false_positive_trials, higher=False),
    _share("false_negative_rate", false_negative_rate, false_negative_trials, higher=False),
    MetricSpec(
        "f1", f1, in_points=True, interval="wilson", each=f1_each, trials=jaccard_trials,
        of_share=lambda j: 2 * j / (1 + j),
    ),
)  # fmt: skip
_AVERAGE_PRECISION = MetricSpec("average_precision", average_precision, in_points=True, each=average_precision_each)
# Of these a point may be most of what there is, so that a loss is told as a share.
_PROBABILITIES = (
    MetricSpec("log_loss", log_loss, higher_is_better=False, unit="nats"),
    MetricSpec("brier", brier, higher_is_better=False),
    MetricSpec("ece", ece, higher_is_better=False, gaps=ece_gaps, chance=ece_chance),
)

BINARY = (_ROC_AUC, _ACCURACY, _BALANCED, *_RATES, _AVERAGE_PRECISION, *_PROBABILITIES)
MULTICLASS = (_ACCURACY, _BALANCED, *_RATES, _ROC_AUC, _AVERAGE_PRECISION, *_PROBABILITIES)
MULTILABEL = (_ROC_AUC, _ACCURACY, *_RATES, _AVERAGE_PRECISION, *_PROBABILITIES)
REGRESSION = (
    MetricSpec("rmse", rmse, higher_is_better=False, unit="target"),
    MetricSpec("mae", mae, higher_is_better=False, unit="target"),
    MetricSpec("r2", r2),
    MetricSpec("error_q50", error_q50, higher_is_better=False, unit="target"),
    MetricSpec("error_q90", error_q90, higher_is_better=False, unit="target"),
)
BY_TASK = {"binary": BINARY, "multiclass": MULTICLASS, "multilabel": MULTILABEL, "regression": REGRESSION}
