"""Probabilities that do not come true: on average, for a class, for a subgroup, or at all."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from benchmarks.plants.drawn import PlantedCase, Said, drawn
from benchmarks.plants.plant import Make, Promise, rng_of, sow
from benchmarks.plants.worlds import Net, leaning, miscalibrated
from vouch.challenges.calibration.certainty import accuracy_rejection
from vouch.challenges.calibration.probabilities import brier, calibration_error
from vouch.challenges.calibration.subgroups import class_calibration, group_calibration

CALIB = "calibration"
Rng = np.random.Generator
Floats = npt.NDArray[np.float64]


def _three(net: Net, rng: Rng, rows: int) -> PlantedCase:
    """A case of which every part is said by one network."""
    return drawn(net.say(rng, 50), net.say(rng, 300), net.say(rng, rows), CALIB)


def _off(classes: int, labels: bool, modest: bool = False) -> Make:
    """An expected calibration error of this size, on 1 000 rows."""

    def make(seed: int, strength: float) -> PlantedCase:
        net = miscalibrated(classes, labels, strength, modest)
        return _three(net, rng_of(seed, f"off {classes} {labels} {modest}"), 1000)

    return make


def _leaning(classes: int, labels: bool) -> Make:
    """One class that is promised so much too often, on 2 000 rows."""

    def make(seed: int, strength: float) -> PlantedCase:
        return _three(leaning(classes, labels, strength), rng_of(seed, f"leaning {classes} {labels}"), 2000)

    return make


def _unkept(classes: int, labels: bool) -> Make:
    """One of ten subgroups of 300 rows to which promises are kept so much less often."""

    def make(seed: int, strength: float) -> PlantedCase:
        rng = rng_of(seed, f"unkept {classes} {labels}")
        net = Net(classes, labels=labels)
        case = _three(net, rng, 3000)
        test = net.say(rng, 3000)
        who = rng.permutation(np.arange(3000) % 10)
        inside = who == 3
        truth = _turned(rng, test, inside, strength, labels)
        column = ["none"] * 350 + [f"group {k}" for k in who]
        train, valid = (case.said.rows(np.arange(a, b)) for a, b in ((0, 50), (50, 350)))
        return drawn(train, valid, Said(test.decoded, truth), CALIB, {"who": column})

    return make


def _turned(
    rng: Rng, said: Said, inside: npt.NDArray[np.bool_], strength: float, labels: bool
) -> npt.NDArray[np.int64]:
    """What is true, of which so large a share is turned against the promise in the subgroup."""
    if labels:
        may = inside[:, None] & (said.truth == 0)
        share = strength * inside.sum() / np.maximum(may.sum(axis=0), 1)
        return np.where(may & (rng.random(may.shape) < share), 1, said.truth)
    called = said.decoded.argmax(axis=1)
    if said.decoded.shape[1] == 2:
        may = inside & (said.truth == 0)
        return np.where(may & (rng.random(len(called)) < strength * inside.sum() / max(may.sum(), 1)), 1, said.truth)
    may = inside & (said.truth == called)
    other = (called + rng.integers(1, said.decoded.shape[1], len(called))) % said.decoded.shape[1]
    return np.where(may & (rng.random(len(called)) < strength * inside.sum() / max(may.sum(), 1)), other, said.truth)


@lru_cache(maxsize=100)
def _unskilled(classes: int, labels: bool, skill: float) -> float:
    """The share of rows whose truth has nothing to do with what is said, so that the Brier skill is this."""

    def excess(share: float) -> float:
        said = _noisy(np.random.default_rng(0), classes, labels, 40_000, share)
        actual = said.truth if labels else np.eye(classes)[said.truth]
        plain = float((actual.mean(axis=0) * (1 - actual.mean(axis=0))).sum())
        return 1 - float(np.square(said.decoded - actual).sum(axis=1).mean()) / plain - skill

    return float(brentq(excess, 0.0, 1.0, xtol=1e-3))


def _noisy(rng: Rng, classes: int, labels: bool, rows: int, share: float) -> Said:
    said = Net(classes, labels=labels, spread=4.0).say(rng, rows)
    return Said(said.decoded, np.where(_lots(rng, rows, share, labels), said.truth[rng.permutation(rows)], said.truth))


def _lots(rng: Rng, rows: int, share: float, labels: bool) -> npt.NDArray[np.bool_]:
    drawn_lots = rng.random(rows) < share
    return drawn_lots[:, None] if labels else drawn_lots


def _worthless(classes: int, labels: bool) -> Make:
    """Probabilities of a negative skill, on 500 rows."""

    def make(seed: int, strength: float) -> PlantedCase:
        rng = rng_of(seed, f"worthless {classes} {labels}")
        share = _unskilled(classes, labels, -strength)
        parts = [_noisy(rng, classes, labels, rows, share) for rows in (50, 300, 500)]
        return drawn(parts[0], parts[1], parts[2], CALIB)

    return make


def _blind(classes: int, labels: bool) -> Make:
    """Certainty that tells right from wrong rows so badly: at 1 it has nothing to do with errors; 100 of 1 000 err."""

    def make(seed: int, strength: float) -> PlantedCase:
        rng = rng_of(seed, f"blind {classes} {labels}")
        parts = [_guided(rng, classes, labels, rows, strength) for rows in (50, 300, 1000)]
        return drawn(parts[0], parts[1], parts[2], CALIB)

    return make


def _guided(rng: Rng, classes: int, labels: bool, rows: int, strength: float) -> Said:
    right = rng.random(rows) < 0.9
    # The chance that a right row is the surer of two: .95 without the failing, .5 at its full strength.
    sure = rng.normal(size=rows) + 2.33 * (1 - strength) * right
    sure = 0.55 + 0.4 / (1 + np.exp(-sure))
    if labels:
        actual = (rng.random((rows, classes)) < 0.3).astype(np.int64)
        wrong = np.zeros((rows, classes), bool)
        wrong[np.arange(rows), rng.integers(0, classes, rows)] = ~right
        called = actual ^ wrong
        return Said(np.where(called == 1, sure[:, None], 1 - sure[:, None]), actual)
    truth = rng.integers(0, classes, rows)
    called = np.where(right, truth, (truth + rng.integers(1, classes, rows)) % classes)
    return Said(_called(called, classes, sure), truth)


def _called(called: npt.NDArray[np.int64], classes: int, sure: Floats) -> Floats:
    rest = (1 - sure) / (classes - 1)
    out = np.tile(rest[:, None], (1, classes))
    out[np.arange(len(called)), called] = sure
    return out


_OFF, _TEN, _UNKEPT, _SKILL, _BLIND = (
    (0.05, 0.07, 0.12),
    (0.045, 0.065, 0.1),
    (0.1, 0.18, 0.25),
    (0.1, 0.25, 0.5),
    (0.8, 1.0, 1.2),
)

PLANTS = (
    *sow(
        Promise(calibration_error, CALIB, _OFF, 0.07),
        ("two classes, too sure", "predictions", "drawn", _off(2, False)),
        ("two classes, too modest", "predictions", "drawn", _off(2, False, True)),
        ("four labels, too sure", "predictions", "drawn", _off(4, True)),
    ),
    *sow(
        Promise(calibration_error, CALIB, (0.06, 0.085, 0.12), 0.085),
        ("ten classes, too sure", "predictions", "drawn", _off(10, False)),
    ),
    *sow(
        Promise(class_calibration, CALIB, (0.035, 0.055, 0.08), 0.055),
        ("one of two classes too often", "predictions", "drawn", _leaning(2, False)),
    ),
    *sow(
        Promise(class_calibration, CALIB, _TEN, 0.065),
        ("one of ten classes too often", "predictions", "drawn", _leaning(10, False)),
        ("one of four labels too often", "predictions", "drawn", _leaning(4, True)),
    ),
    *sow(
        Promise(group_calibration, CALIB, _UNKEPT, 0.18),
        ("a subgroup, two classes", "predictions", "drawn", _unkept(2, False)),
        ("a subgroup, five classes", "predictions", "drawn", _unkept(5, False)),
        ("a subgroup, three labels", "predictions", "drawn", _unkept(3, True)),
    ),
    *sow(
        Promise(brier, CALIB, _SKILL, 0.25, -0.3),
        ("two classes", "predictions", "drawn", _worthless(2, False)),
        ("ten classes", "predictions", "drawn", _worthless(10, False)),
        ("four labels", "predictions", "drawn", _worthless(4, True)),
    ),
    *sow(
        Promise(accuracy_rejection, CALIB, _BLIND, 1.0),
        ("two classes", "predictions", "drawn", _blind(2, False)),
        ("ten classes", "predictions", "drawn", _blind(10, False)),
        ("four labels", "predictions", "drawn", _blind(4, True)),
    ),
)
