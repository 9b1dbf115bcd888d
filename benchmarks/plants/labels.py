"""Wrong targets, and classes that are so rare that they are neglected."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from benchmarks.plants.bases import fitted
from benchmarks.plants.drawn import PlantedCase, Said, drawn
from benchmarks.plants.media import PICTURES, TEXTS
from benchmarks.plants.plant import Make, Promise, rng_of, sow
from vouch.api.casing import LiveCase
from vouch.challenges import data_quality as dq

DQ = "data_quality"
Floats = npt.NDArray[np.float64]
_WELL = {"epochs": 3, "averaging": 0.0, "learning_rate": 0.01, "image_width": 8, "network": "cnn"}
_WORDS = {"epochs": 4, "averaging": 0.0, "learning_rate": 0.02, "text_width": 16, "members": 1}


def _wrong(classes: int) -> Make:
    """So many labels set to another class; the networks tell nine tenths of the variance of the true ones."""

    def make(seed: int, strength: float) -> PlantedCase:
        rng = rng_of(seed, f"wrong labels {classes}")
        true = rng.integers(0, classes, 1250)
        logits = rng.normal(size=(1250, classes)) + (_SURE[classes]) * np.eye(classes)[true]
        p = softmax(logits * _SURE[classes], axis=1)
        # Networks that learned from these labels know of the errors, and promise less.
        p = (1 - strength) * p + strength / (classes - 1) * (1 - p)
        other = (true + rng.integers(1, classes, 1250)) % classes
        label = np.where(rng.random(1250) < strength, other, true)
        said = Said(p, label)
        rows = np.arange(1250)
        return drawn(said.rows(rows[:850]), said.rows(rows[850:1000]), said.rows(rows[1000:]), DQ)

    return make


# How far the classes lie apart so that calibrated probabilities tell nine tenths of the variance.
_SURE = {2: 2.75, 6: 3.85}


def _far_values(seed: int, strength: float) -> PlantedCase:
    """So many values are off by a hundred of the usual errors."""
    rng = rng_of(seed, "wrong values")
    predicted = rng.normal(size=1250)
    errors = np.sqrt(0.1) * rng.normal(size=1250)
    wrong = rng.random(1250) < strength
    said = Said(predicted, predicted + np.where(wrong, 30 * rng.choice([-1, 1], 1250), errors))
    rows = np.arange(1250)
    return drawn(said.rows(rows[:850]), said.rows(rows[850:1000]), said.rows(rows[1000:]), DQ)


def _wrong_texts(seed: int, strength: float) -> LiveCase:
    rng = rng_of(seed, "wrong texts")
    classes = rng.integers(0, 2, 1250)
    said = TEXTS["news"](rng, classes)
    return fitted({"text": said, "target": _labels(rng, classes, strength)}, seed, _WORDS)


def _wrong_pictures(seed: int, strength: float) -> LiveCase:
    rng = rng_of(seed, "wrong pictures")
    classes = rng.integers(0, 2, 1250)
    said = PICTURES["strokes"](rng, classes)
    return fitted({"image": said, "target": _labels(rng, classes, strength)}, seed, _WELL)


def _labels(rng: np.random.Generator, classes: npt.NDArray[np.int64], strength: float) -> list[str]:
    wrong = rng.random(len(classes)) < strength
    return np.array(["one", "two"])[np.where(wrong, 1 - classes, classes)].tolist()


def _neglected(
    counts: tuple[int, ...], law: Callable[[np.random.Generator, npt.NDArray[np.int64], Floats], Floats]
) -> Make:
    """A recall of the rarest class that is so much lower than that of the most frequent one."""

    def make(seed: int, strength: float) -> PlantedCase:
        rng = rng_of(seed, f"neglected {counts}")
        parts = []
        for times in (3.0, 0.75, 1.0):
            truth = np.repeat(np.arange(len(counts)), [max(round(times * k), 1) for k in counts])
            recall = np.full(len(counts), 0.9)
            recall[-1] = 0.9 - strength
            parts.append(Said(law(rng, truth, recall), truth))
        return drawn(parts[0], parts[1], parts[2], DQ)

    return make


def _surely(rng: np.random.Generator, truth: npt.NDArray[np.int64], recall: Floats) -> Floats:
    """Whoever is missed is taken for the most frequent class, or another one."""
    k = len(recall)
    right = rng.random(len(truth)) < recall[truth]
    other = np.where(truth == 0, rng.integers(1, k, len(truth)), 0)
    said = np.where(right, truth, other)
    return 0.9 * np.eye(k)[said] + 0.1 / k


def _softly(rng: np.random.Generator, truth: npt.NDArray[np.int64], recall: Floats) -> Floats:
    """Probabilities of all sizes, on the right side as often as the recall says."""
    p = _surely(rng, truth, recall)
    mild = rng.uniform(0.2, 1.0, (len(truth), 1))
    return mild * p + (1 - mild) / p.shape[1]


_NOISE, _GAP = (0.06, 0.12, 0.2), (0.3, 0.5, 0.7)

PLANTS = (
    *sow(
        Promise(dq.label_errors, DQ, _NOISE, 0.12),
        ("two classes", "predictions", "drawn", _wrong(2)),
        ("six classes", "predictions", "drawn", _wrong(6)),
        ("news of the wrong class", "texts", "fitted", _wrong_texts),
        ("strokes of the wrong class", "pictures", "fitted", _wrong_pictures),
    ),
    *sow(
        Promise(dq.label_errors, DQ, (0.005, 0.01, 0.02), 0.01),
        ("values far from what is predicted", "predictions", "drawn", _far_values),
    ),
    *sow(
        Promise(dq.imbalance, DQ, _GAP, 0.5),
        ("the rarer of two classes, sure of itself", "predictions", "drawn", _neglected((450, 50), _surely)),
        ("the rarer of two classes, in doubt", "predictions", "drawn", _neglected((150, 50), _softly)),
        ("the rarest of five classes", "predictions", "drawn", _neglected((200, 150, 120, 90, 50), _surely)),
    ),
)
