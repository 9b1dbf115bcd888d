"""Which labels look wrong, how many there are, and which classes they are mixed up with.

Everything starts from out-of-fold predictions: what models say of rows that they never learned from. A label is
suspect when the odds against it are high. The odds are corrected for classes of which the predictions are less sure
than of others, for labels of such a class may have leaked into the rest.

How many labels are wrong is said twice, for neither figure is safe alone. Among the rows of which the predictions are
surest, other labels are hardly ever hard cases, but mistakes that follow the content are missed. Confident learning
counts over all rows, hard cases too. Mistakes that a network can learn from the content escape both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import erf

from vouch.statistics.intervals import wilson

Floats: TypeAlias = npt.NDArray[np.float64]
Rows: TypeAlias = npt.NDArray[np.int64]

FEWEST_OF_CLASS = 5
STRENGTH = 1.0
SUREST = 0.1
_FEWEST_SUREST = 20
_FLOOR = 0.01
_RESAMPLES = 1000
_TO_DEVIATION = 1.4826
_FAR = 3.5


@dataclass(frozen=True, slots=True)
class Share:
    """A share of the labels with its 95 % interval.

    Args:
        value: the share.
        low: lower end.
        high: upper end.
        n: rows that it rests on.
    """

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True, eq=False)
class LabelErrors:
    """What is known of wrong labels.

    Args:
        suspicion: of every row, 0 to 1 (B,); NaN where the label cannot be judged.
        rows: the rows flagged, most suspect first (n,).
        surest: share of other labels among the rows of which the predictions are surest: what is wrong at least,
            regardless of the content. None where no class can be judged.
        estimated: share of wrong labels as confident learning counts them. None where no class can be judged.
        noise: how often a row of class j (row) bears label k (column), as confident learning counts (K, K); NaN for
            classes that cannot be judged. None where there are no classes.
        unjudged: classes with too few rows.
    """

    suspicion: Floats
    rows: Rows
    surest: Share | None
    estimated: Share | None
    noise: Floats | None
    unjudged: tuple[int, ...] = ()


def suspicion(probabilities: Floats, labels: Rows, strength: float = STRENGTH) -> Floats:
    """How much speaks against each label.

    Each probability is divided by its class's mean where that class is the label, raised to ``strength``: once because
    what the class lost is missing from its probability, and further because a lost row stands under another label.
    More than 1 does harm where a class is rare and hard rather than robbed.

    Args:
        probabilities: out-of-fold probabilities (B, K).
        labels: class codes (B,); a code outside of 0 to K-1 cannot be judged.
        strength: 0 leaves the probabilities as they are.

    Returns:
        The corrected probability that the label is another one, 0 to 1 (B,); NaN where there is nothing to judge by.

    Source:
        Northcutt, Jiang and Chuang, Confident learning (2021), for the class means, which are subtracted there; the
        ratio and its power are chosen on planted errors.

    Example:
        >>> labels = np.repeat([0, 1], 5)
        >>> p = np.where(np.arange(2) == labels[:, None], 0.9, 0.1)
        >>> labels[3] = 1
        >>> p = np.vstack([p, [0.8, 0.2]])
        >>> suspicion(p, np.append(labels, 0)).round(2).argmax()
        np.int64(3)
    """
    found = np.full(len(labels), np.nan)
    rows, _, chances, given = _judgeable(probabilities, labels)
    if not len(rows):
        return found
    chances = _off_zero(chances)
    odds = chances / class_means(chances, given) ** strength
    found[rows] = 1 - odds[np.arange(len(rows)), given] / odds.sum(axis=1)
    return found


def class_means(probabilities: Floats, labels: Rows) -> Floats:
    """Mean probability of each class over the rows that bear its label (K,); over all rows for a class without any."""
    classes = probabilities.shape[1]
    counts = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, weights=probabilities[np.arange(len(labels)), labels], minlength=classes)
    return np.where(counts > 0, sums / np.maximum(counts, 1), probabilities.mean(axis=0))


def find_label_errors(probabilities: Floats, labels: Rows, strength: float = STRENGTH, seed: int = 0) -> LabelErrors:
    """Flag the labels that look wrong, and say how many there are.

    As many rows are flagged as confident learning counts wrong labels, the most suspect ones.

    Args:
        probabilities: out-of-fold probabilities (B, K).
        labels: class codes (B,).
        strength: of the suspicion.
        seed: fixes the resampling.

    Returns:
        Suspicions, flagged rows, and both counts with 95 % intervals.

    Source:
        Northcutt, Jiang and Chuang, Confident learning (2021). Surest rows as anchors: Patrini et al., Making deep
        neural networks robust to label noise (2017).

    Example:
        >>> labels = np.repeat([0, 1], 100)
        >>> p = np.where(np.arange(2) == labels[:, None], 0.95, 0.05)
        >>> labels[:10] = 1
        >>> found = find_label_errors(p, labels)
        >>> sorted(found.rows.tolist()), found.estimated.value
        ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 0.05)
    """
    classes = probabilities.shape[1]
    scores = suspicion(probabilities, labels, strength)
    rows, judged, chances, given = _judgeable(probabilities, labels)
    unjudged = tuple(k for k in range(classes) if k not in judged)
    if not len(rows):
        return LabelErrors(scores, rows, None, None, None, unjudged)
    cells = _cells(chances, given)
    estimated = _estimated(cells, seed)
    count = round(estimated.value * len(rows))
    flagged = rows[np.argsort(-scores[rows], kind="stable")[:count]]
    noise = np.full((classes, classes), np.nan)
    noise[np.ix_(judged, judged)] = _noise(_calibrated(cells))
    return LabelErrors(scores, flagged, _surest(chances, given), estimated, noise, unjudged)


def confident_joint(probabilities: Floats, labels: Rows) -> Floats:
    """How many rows bear label i (row) and are most likely of class j (column), scaled to the number of rows (K, K).

    A row counts for the likeliest of the classes whose probability reaches the class's mean; a row that reaches none
    does not count.

    Args:
        probabilities: out-of-fold probabilities (B, K).
        labels: class codes (B,), 0 to K-1.

    Source:
        Northcutt, Jiang and Chuang, Confident learning (2021).

    Example:
        >>> p = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9]])
        >>> confident_joint(p, np.array([0, 0, 1, 1])).tolist()
        [[2.0, 0.0], [0.0, 2.0]]
    """
    return _calibrated(_cells(probabilities, labels))


def find_label_errors_of_each(
    probabilities: Floats, labels: Rows, strength: float = STRENGTH, seed: int = 0
) -> tuple[LabelErrors, ...]:
    """The same for rows with several labels, each label by itself as one class out of two.

    Args:
        probabilities: out-of-fold probabilities of each label (B, K).
        labels: 1 where a row bears the label, else 0 (B, K).
        strength: of the suspicion.
        seed: fixes the resampling.

    Returns:
        One result for each label (K).
    """
    pairs = np.stack([1 - probabilities, probabilities], axis=2)
    return tuple(find_label_errors(pairs[:, k], labels[:, k], strength, seed) for k in range(labels.shape[1]))


def find_outlying_targets(predicted: Floats, target: Floats) -> LabelErrors:
    """Numbers that lie far from what is predicted out of fold, measured by what is usual there.

    The usual distance is the median of the absolute residuals among the rows with the nearest predictions, so that
    larger numbers may be off by more.

    Args:
        predicted: out-of-fold predictions (B,).
        target: the numbers in the data (B,).

    Returns:
        Suspicions (the normal probability of a smaller distance), and rows beyond 3.5 robust standard deviations
        (Iglewicz and Hoaglin, 1993). Tails are heavy more often than numbers are wrong: no share is estimated.

    Example:
        >>> target = np.arange(100.0)
        >>> predicted = target + np.tile([0.5, -0.5, 1.0, -1.0], 25)
        >>> target[7] = 50
        >>> find_outlying_targets(predicted, target).rows.tolist()
        [7]
    """
    found = np.full(len(target), np.nan)
    rows = np.flatnonzero(np.isfinite(predicted) & np.isfinite(target))
    if len(rows) < 2 * FEWEST_OF_CLASS:
        return LabelErrors(found, rows[:0], None, None, None)
    residual = target[rows] - predicted[rows]
    distance = np.abs(residual - np.median(residual))
    z = distance / _usual(distance, predicted[rows])
    found[rows] = erf(z / np.sqrt(2))
    order = np.argsort(-z, kind="stable")
    return LabelErrors(found, rows[order[z[order] > _FAR]], None, None, None)


def _judgeable(probabilities: Floats, labels: Rows) -> tuple[Rows, Rows, Floats, Rows]:
    """Rows (n,) and classes (k,) that can be judged, their probabilities (n, k), and their labels among those (n,).

    A class needs enough rows to be learned in one fold and judged in another; with one class alone there is no other.
    """
    classes = probabilities.shape[1]
    fit = np.isfinite(probabilities).all(axis=1) & (labels >= 0) & (labels < classes)
    judged = np.flatnonzero(np.bincount(labels[fit], minlength=classes) >= FEWEST_OF_CLASS)
    rows = np.flatnonzero(fit & np.isin(labels, judged)) if len(judged) > 1 else np.zeros(0, np.int64)
    return rows, judged, _normal(probabilities[rows][:, judged]), np.searchsorted(judged, labels[rows])


def _off_zero(chances: Floats) -> Floats:
    """The same, mixed with a little of an even spread, so that no odds are infinite."""
    return (1 - _FLOOR) * chances + _FLOOR / chances.shape[1]


def _normal(chances: Floats) -> Floats:
    """Rows that sum to 1; a row of zeros becomes even."""
    total = chances.sum(axis=1, keepdims=True)
    return np.where(total > 0, chances / np.where(total > 0, total, 1), 1 / max(chances.shape[1], 1))


def _cells(probabilities: Floats, labels: Rows) -> Floats:
    """Rows by label (row) and likeliest class that reaches its mean (column), in the last column none does (K, K+1)."""
    classes = probabilities.shape[1]
    reached = probabilities >= class_means(probabilities, labels) - 1e-6
    best = np.where(reached, probabilities, -1).argmax(axis=1)
    column = np.where(reached.any(axis=1), best, classes)
    counts = np.bincount(labels * (classes + 1) + column, minlength=classes * (classes + 1))
    return counts.reshape(classes, -1).astype(np.float64)


def _calibrated(cells: Floats) -> Floats:
    """Counts (K, K) whose rows sum to the rows of each label; a label without any confident row is right."""
    counted, every = cells[:, :-1], cells.sum(axis=1, keepdims=True)
    confident = counted.sum(axis=1, keepdims=True)
    share = np.where(confident > 0, counted / np.maximum(confident, 1), np.eye(len(counted)))
    return np.asarray(share * every, np.float64)


def _estimated(cells: Floats, seed: int) -> Share:
    """The share off the diagonal; the interval from resampled rows, which are all alike within a cell."""
    n = int(cells.sum())
    rng, shares = np.random.default_rng(seed), cells.ravel() / n
    value = _off_diagonal(_calibrated(cells)) / n
    # One at a time: with many classes all tables together would not fit into memory.
    draws = (rng.multinomial(n, shares).reshape(cells.shape) for _ in range(_RESAMPLES if len(cells) < 100 else 200))
    resampled = [_off_diagonal(_calibrated(draw.astype(np.float64))) / n for draw in draws]
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Share(value, float(min(low, value)), float(max(high, value)), n)


def _off_diagonal(joint: Floats) -> float:
    return float(joint.sum() - np.trace(joint))


def _noise(joint: Floats) -> Floats:
    """From counts of label (row) by class (column) to P(label | class), class by label (K, K)."""
    total = joint.sum(axis=0)[:, None]
    return np.where(total > 0, joint.T / np.where(total > 0, total, 1), np.eye(len(joint)))


def _surest(chances: Floats, given: Rows) -> Share:
    """Share of other labels among the surest rows of each predicted class."""
    surest = _surest_rows(chances)
    n = sum(len(rows) for rows in surest)
    wrong = sum(int((given[rows] != k).sum()) for k, rows in enumerate(surest))
    low, high = wilson(wrong, n)
    return Share(wrong / n, float(low), float(high), n)


def _surest_rows(chances: Floats) -> list[Rows]:
    """For each class the tenth of the rows predicted to be of it of which the predictions are surest, 20 at least."""
    likeliest = chances.argmax(axis=1)
    found = []
    for k in range(chances.shape[1]):
        rows = np.flatnonzero(likeliest == k)
        found.append(
            rows[np.argsort(-chances[rows, k], kind="stable")[: max(_FEWEST_SUREST, round(SUREST * len(rows)))]]
        )
    return found


def _usual(distance: Floats, predicted: Floats) -> Floats:
    """Robust standard deviation of the residuals near each prediction (B,), at least a tenth of the overall one."""
    overall = np.median(distance) * _TO_DEVIATION
    order = np.argsort(predicted, kind="stable")
    parts = np.array_split(order, max(1, min(10, len(order) // 50)))
    usual = np.empty(len(distance))
    for rows in parts:
        usual[rows] = np.median(distance[rows]) * _TO_DEVIATION
    smallest = max(float(overall) / 10, float(np.abs(predicted).max()) * 1e-9, np.finfo(float).tiny)
    return np.maximum(usual, smallest)
