"""Bring probabilities closer to frequencies: temperature, vector and isotonic scaling, on rows kept for it.

Each method sees only what a network reports: probabilities (B, K), with the true classes (B,), or the true labels
(B, K) of a multilabel task, of which each is a question by itself. Rows of a class that training never saw (-1) teach
nothing and are left out.

Scaling works on log-probabilities of K classes, and on the log-odds of a label. What is learned is a weight for each
and a shift. The prior holds both where they change nothing, with the force of a few rows, so that few rows, or rows
that are all right, do not run away; on hundreds of rows it is not felt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, softmax
from torch import Tensor

from vouch.contracts.bundle import BundleValue, Calibrator

Floats: TypeAlias = npt.NDArray[np.float64]
Rows: TypeAlias = npt.NDArray[np.int64]
Parameters: TypeAlias = tuple[tuple[float, ...], ...]

_SMALLEST = 1e-15
_LEAST, _MOST = 1e-3, 1e3
_NOT_RULED_OUT = 0.01
_PRIOR = 1.0
_SPREAD_PRIOR = 3.0
# The first row of the parameters says whether the columns share a row's probability, or are labels by themselves.
_CLASSES, _LABELS = (0.0,), (1.0,)


def fit_calibrator(method: str, probabilities: Floats, truth: npt.NDArray[Any], smoothing: float = 0.0) -> Calibrator:
    """Learn how probabilities must be changed to agree with what happened.

    Temperature divides all log-probabilities by one number, which keeps every order (Guo and others, "On Calibration of
    Modern Neural Networks", 2017). Vector scaling has a weight and a shift for each class (the same paper); of two
    classes, or of a label, that is beta calibration (Kull, Silva Filho and Flach, 2017). Isotonic regression learns any
    rising curve for each class against the rest, and the classes are then made to sum to 1 (Zadrozny and Elkan, 2002);
    half a row of either kind at both ends keeps it from ever promising 0 or 1.

    A network that was trained with smoothed labels reports smoothed probabilities, which no temperature can undo; the
    smoothing is known, and is taken out first (see ``without_smoothing``).

    Args:
        method: "temperature", "vector" or "isotonic".
        probabilities: as the network gives them (B, K).
        truth: class codes (B,), or labels (B, K).
        smoothing: share of every label that training spread over all classes.

    Returns:
        The calibrator.

    Raises:
        ValueError: the method is unknown, or no row has a known class.

    Example:
        >>> certain = np.tile([0.01, 0.99], (100, 1))
        >>> calibrator = fit_calibrator("temperature", certain, np.arange(100) % 10 > 1)
        >>> recalibrate(calibrator, certain[:1]).round(1).tolist()
        [[0.2, 0.8]]
    """
    if method not in METHODS:
        raise ValueError(f"'{method}' is none of {', '.join(METHODS)}")
    fit = METHODS[method].fit
    known = np.ones(len(truth), bool) if np.ndim(truth) == 2 else np.asarray(truth) >= 0
    if not known.any():
        raise ValueError("no row has a known class, so that there is nothing to learn from")
    seen = without_smoothing(np.asarray(probabilities, np.float64)[known], smoothing, labels=np.ndim(truth) == 2)
    answers = np.asarray(truth)[known]
    if answers.ndim == 1:
        learned = (_CLASSES, *fit(seen, answers.astype(np.int64)))
    else:
        labels = zip(seen.T, answers.T.astype(np.int64), strict=True)
        learned = (_LABELS, *(row for p, happened in labels for row in fit(_both(p), happened)))
    return Calibrator(method, learned, int(known.sum()), smoothing)


def said(bundle: BundleValue, outputs: Tensor) -> Floats:
    """What a bundle says when its network gives these outputs (B, M, K): decoded, and recalibrated where it is."""
    decoded = bundle.task.decode(outputs)
    return decoded if bundle.calibrator is None else recalibrate(bundle.calibrator, decoded)


def recalibrate(calibrator: Calibrator, probabilities: Floats) -> Floats:
    """Apply a calibrator to probabilities (B, K); rows of K classes sum to 1 again."""
    header, *learned = calibrator.parameters
    apply = METHODS[calibrator.method].apply
    p = without_smoothing(np.asarray(probabilities, np.float64), calibrator.smoothing, labels=header == _LABELS)
    if header == _CLASSES:
        return apply(tuple(learned), p)
    each = len(learned) // p.shape[1]
    labels = [apply(tuple(learned[k * each : (k + 1) * each]), _both(p[:, k]))[:, 1] for k in range(p.shape[1])]
    return np.stack(labels, axis=1)


def without_smoothing(probabilities: Floats, smoothing: float, *, labels: bool = False) -> Floats:
    """The probabilities that a network means which was trained with smoothed labels.

    Training that spreads a share s of every label over K classes is answered best by (1 - s) p + s / K where p is the
    truth (Szegedy and others, "Rethinking the Inception Architecture", 2016); this solves for p. What is below s / K
    then is noise, and becomes a hundredth of that, so that nothing is ruled out. The order of the classes stays.

    Args:
        probabilities: as the network gives them (B, K).
        smoothing: the share s.
        labels: whether each column is a question by itself, of two answers.

    Returns:
        Probabilities (B, K).

    Example:
        >>> without_smoothing(np.array([[0.95, 0.05], [0.5, 0.5]]), 0.1).round(4).tolist()
        [[0.9995, 0.0005], [0.5, 0.5]]
    """
    if not smoothing:
        return probabilities
    if labels:
        columns = [without_smoothing(_both(p), smoothing)[:, 1] for p in probabilities.T]
        return np.stack(columns, axis=1)
    added = smoothing / probabilities.shape[1]
    meant = np.maximum((probabilities - added) / (1 - smoothing), _NOT_RULED_OUT * added)
    return meant / meant.sum(axis=1, keepdims=True)


def cross_validated(
    method: str,
    probabilities: Floats,
    truth: npt.NDArray[Any],
    fold: Rows,
    smoothing: float = 0.0,
) -> Floats:
    """Probabilities (B, K) of rows after calibrators that were each learned from other rows.

    So methods can be compared on the very rows that they are learned from.

    Args:
        method: "temperature", "vector" or "isotonic".
        probabilities: as the network gives them (B, K).
        truth: class codes (B,), or labels (B, K).
        fold: the part that each row is in (B,), two at least; see ``deal``.
        smoothing: of the labels in training.

    Returns:
        Recalibrated probabilities in the order of the rows.

    Example:
        >>> p = np.tile([[0.5, 0.5]], (20, 1))
        >>> cross_validated("temperature", p, np.arange(20) % 2, np.arange(20) % 5).shape
        (20, 2)
    """
    out = np.empty_like(np.asarray(probabilities, np.float64))
    for k in np.unique(fold):
        inside = fold == k
        calibrator = fit_calibrator(method, probabilities[~inside], truth[~inside], smoothing)
        out[inside] = recalibrate(calibrator, probabilities[inside])
    return out


def deal(
    truth: npt.NDArray[Any], folds: int, generator: np.random.Generator, units: npt.NDArray[Any] | None = None
) -> Rows:
    """The part that each row is dealt to (B,), as many rows of each class in one as in another.

    Args:
        truth: class codes (B,), or labels (B, K).
        folds: how many parts.
        generator: deals them.
        units: which rows belong together (B,), if some do; they are then dealt together, by the class of their first.
    """
    code = np.arange(len(truth)) if units is None else np.unique(units, return_inverse=True)[1].reshape(-1)
    first = np.unique(code, return_index=True)[1]
    shuffled = generator.permutation(len(first))
    if np.ndim(truth) == 1:
        shuffled = shuffled[np.argsort(truth[first][shuffled], kind="stable")]
    fold = np.empty(len(first), np.int64)
    fold[shuffled] = np.arange(len(first)) % folds
    return fold[code]


# Temperature


def _fit_temperature(p: Floats, truth: Rows) -> Parameters:
    """The one temperature, as ((T,),): the likelihood is concave in 1 / T, so that its slope has one root."""
    from scipy.optimize import brentq

    logits = _log(p)
    likely = logits[np.arange(len(truth)), truth]

    def slope(inverse: float) -> float:
        expected = (softmax(inverse * logits, axis=1) * logits).sum(axis=1)
        return float((expected - likely).sum()) + _PRIOR * (1 - 1 / inverse)

    if slope(_LEAST) >= 0:
        return ((1 / _LEAST,),)
    return ((1 / _MOST if slope(_MOST) <= 0 else 1 / float(brentq(slope, _LEAST, _MOST)),),)


def _apply_temperature(learned: Parameters, p: Floats) -> Floats:
    return np.asarray(softmax(_log(p) / learned[0][0], axis=1))


# Vector


def _fit_vector(p: Floats, truth: Rows) -> Parameters:
    """Weights and shifts, as two rows (K,)."""
    from scipy.optimize import minimize

    k, inverse = p.shape[1], 1 / _fit_temperature(p, truth)[0][0]
    # Few rows are then pulled to the best temperature, not to no change at all.
    logits, happened = inverse * _log(p), np.eye(k)[truth]

    def loss(x: Floats) -> tuple[float, Floats]:
        weight, shift = x[:k], x[k:]
        scaled = log_softmax(logits * weight + shift, axis=1)
        excess = np.exp(scaled) - happened
        penalty = _SPREAD_PRIOR * (np.square(weight - 1).sum() + np.square(shift).sum())
        by_weight = (excess * logits).sum(axis=0) + _SPREAD_PRIOR * (weight - 1)
        by_shift = excess.sum(axis=0) + _SPREAD_PRIOR * shift
        return -float((scaled * happened).sum()) + float(penalty) / 2, np.concatenate([by_weight, by_shift])

    start = np.concatenate([np.ones(k), np.zeros(k)])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500})
    return tuple((inverse * found.x[:k]).tolist()), tuple(found.x[k:].tolist())


def _apply_vector(learned: Parameters, p: Floats) -> Floats:
    weight, shift = (np.array(row) for row in learned)
    return np.asarray(softmax(_log(p) * weight + shift, axis=1))


# Isotonic


def _fit_isotonic(p: Floats, truth: Rows) -> Parameters:
    """For each class the corners of its curve: a row of promised and a row of learned probabilities."""
    curves = (_curve(p[:, k], truth == k) for k in range(p.shape[1]))
    return tuple(row for curve in curves for row in curve)


def _curve(promised: Floats, happened: npt.NDArray[np.bool_]) -> Parameters:
    # A prediction with another method, or none, need not wait for the library.
    from sklearn.isotonic import IsotonicRegression

    ends = [promised.min(), promised.max()]
    x = np.concatenate([promised, ends, ends])
    y = np.concatenate([happened.astype(np.float64), [0.0, 0.0, 1.0, 1.0]])
    weights = np.concatenate([np.ones(len(promised)), np.full(4, 0.5)])
    curve = IsotonicRegression(out_of_bounds="clip").fit(x, y, sample_weight=weights)
    return tuple(curve.X_thresholds_.tolist()), tuple(curve.y_thresholds_.tolist())


def _apply_isotonic(learned: Parameters, p: Floats) -> Floats:
    curves = zip(learned[::2], learned[1::2], p.T, strict=True)
    scores = np.stack([np.interp(promised, x, y) for x, y, promised in curves], axis=1)
    return scores / scores.sum(axis=1, keepdims=True)


# Parts


@dataclass(frozen=True, slots=True)
class Method:
    """How one kind of calibrator is learned from (B, K) and codes (B,), and applied."""

    fit: Callable[[Floats, Rows], Parameters]
    apply: Callable[[Parameters, Floats], Floats]


METHODS = {
    "temperature": Method(_fit_temperature, _apply_temperature),
    "vector": Method(_fit_vector, _apply_vector),
    "isotonic": Method(_fit_isotonic, _apply_isotonic),
}


def _log(p: Floats) -> Floats:
    return np.log(np.clip(p, _SMALLEST, None))


def _both(p: Floats) -> Floats:
    """A label as two classes: without it, and with it."""
    return np.stack([1 - p, p], axis=1)
