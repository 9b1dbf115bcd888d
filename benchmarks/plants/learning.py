"""Runs whose weights come from too late, or that ended too early."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import softmax

from benchmarks.plants.bases import fitted
from benchmarks.plants.drawn import PlantedCase, Said, drawn
from benchmarks.plants.plant import Make, Promise, rng_of, sow
from benchmarks.plants.tables import loans
from benchmarks.plants.worlds import drawn_classes
from vouch.api.casing import LiveCase
from vouch.challenges.overfitting.history import memorising, trained_too_briefly

OVER = "overfitting"
Rng = np.random.Generator
Floats = npt.NDArray[np.float64]
EPOCHS, ROWS, KEPT_ROWS = 24, 200, 400
LONG = {
    "epochs": 25, "patience": 0, "averaging": 0.0, "dropout": 0.0, "learning_rate": 0.01, "width": 96,
    "batch_size": 128, "valid_fraction": 0.2,
}  # fmt: skip


def tempered(rng: Rng, rows: int, classes: int, sharps: Floats) -> list[Said]:
    """The same rows as networks of several sharpnesses predict them; at 1 they are calibrated."""
    logits = rng.normal(size=(rows, classes)) * 3
    truth = drawn_classes(rng, softmax(logits, axis=1))
    return [Said(softmax(sharp * logits, axis=1), truth) for sharp in sharps.tolist()]


def loss_of(said: Said) -> float:
    """Mean negative log-likelihood, or the root of the mean squared error."""
    if said.decoded.ndim == 1:
        return float(np.sqrt(np.square(said.decoded - said.truth).mean()))
    return float(-np.log(np.maximum(said.decoded[np.arange(len(said.truth)), said.truth], 1e-12)).mean())


@lru_cache(maxsize=200)
def sharpness(classes: int, ratio: float, above: bool) -> float:
    """The sharpness at which the loss is so many times that of a calibrated network: above 1, or below."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(60_000, classes)) * 3
    truth = drawn_classes(rng, softmax(logits, axis=1))

    def excess(log_sharp: float) -> float:
        said = Said(softmax(np.exp(log_sharp) * logits, axis=1), truth)
        return loss_of(said) - ratio * calibrated

    calibrated = loss_of(Said(softmax(logits, axis=1), truth))
    if ratio <= 1:
        return 1.0
    end = 3.0 if above else -6.0
    return float(np.exp(brentq(excess, 0.0, end, xtol=1e-3))) if excess(end) > 0 else float(np.exp(end))


def _run(challenge_case: PlantedCase, scores: Floats) -> PlantedCase:
    """The case with this history of validation scores."""
    history = tuple((k + 1, 1.0 / (k + 1), float(score), 1.0) for k, score in enumerate(scores))
    bundle = challenge_case.bundle
    return replace(challenge_case, bundle=replace(bundle, run=replace(bundle.run, history=history)))


def _around(one: Said, other: Said, rng: Rng) -> PlantedCase:
    """A run that was best at epoch ten, and whose late weights were kept."""
    best, late = sorted((one, other), key=loss_of)
    low, high = loss_of(best), loss_of(late)
    falling = low * (1 + 1.5 * np.exp(-np.arange(10) / 2) + 0.01 * np.abs(rng.normal(size=10)))
    falling[-1] = low
    rising = np.linspace(low, high, EPOCHS - 9)[1:] * np.exp(0.005 * rng.normal(size=EPOCHS - 10))
    rising[-1] = high
    return _run(drawn(late, late, late, OVER), np.concatenate([falling, rising]))


def _late_classes(classes: int) -> Make:
    """Weights whose loss is higher than that of the best epoch by so large a share."""

    def make(seed: int, strength: float) -> PlantedCase:
        rng = rng_of(seed, f"late {classes}")
        both = np.array([1.0, sharpness(classes, 1 + strength, above=True)])
        best, late = tempered(rng, KEPT_ROWS, classes, both)
        if not strength:
            # Weights of another epoch on the plateau.
            noise = np.exp(0.1 * rng.normal(size=late.decoded.shape))
            late = Said(late.decoded * noise / (late.decoded * noise).sum(axis=1, keepdims=True), late.truth)
        return _around(best, late, rng)

    return make


def _late_values(seed: int, strength: float) -> PlantedCase:
    rng = rng_of(seed, "late values")
    truth, error = rng.normal(size=KEPT_ROWS), 0.4 * rng.standard_t(5, KEPT_ROWS)
    more = np.sqrt((1 + max(strength, 0.01)) ** 2 - 1) * 0.4 * np.sqrt(5 / 3)
    late = Said(truth + error + more * rng.normal(size=KEPT_ROWS), truth)
    return _around(Said(truth + error, truth), late, rng)


@lru_cache(maxsize=3)
def over_trained(seed: int, flipped: float) -> tuple[LiveCase, LiveCase]:
    """A network as it is kept, and one that was trained to the end on the same rows, of which labels were flipped."""
    rng, made = rng_of(seed, "flipped loans"), loans(rng_of(seed, "loans"), 1500)
    target = made["target"].to_numpy()
    other = np.where(target == "late", "paid", "late")
    cells = np.where(rng.random(len(target)) < flipped, other, target)
    case = fitted(made.with_columns(target=cells), seed, LONG).under(OVER)
    # Who chooses by training rows chooses the last epoch.
    ready, _ = case.learned(replace(case.lesson, valid=case.split.train[:200]))
    return case, case.holding(replace(case.bundle, network=ready.network))


def _kept_too_late(seed: int, strength: float) -> LiveCase:
    """With nothing planted, the weights are those that training keeps."""
    kept, late = over_trained(seed, strength or 0.3)
    return late if strength else kept


def _cut_off(classes: int, shape: Callable[[Floats, float], Floats]) -> Make:
    """A run whose score fell by so large a share over its last quarter; at 0 sharpness the network knows nothing."""

    def make(seed: int, strength: float) -> PlantedCase:
        rng = rng_of(seed, f"cut off {classes}")
        shares = shape(np.arange(EPOCHS) / (EPOCHS - 1), strength)
        if not classes:
            truth, error = rng.normal(size=ROWS), 0.3 * rng.normal(size=ROWS)
            epochs = [Said(truth + error * share, truth) for share in shares.tolist()]
        else:
            epochs = tempered(
                rng, ROWS, classes, np.array([sharpness(classes, s, above=False) for s in shares.tolist()])
            )
        scores = np.array([loss_of(one) for one in epochs])
        scores[:-1] *= np.exp(0.01 * rng.normal(size=EPOCHS - 1))
        last = epochs[-1]
        return _run(drawn(last, last, last, OVER), scores)

    return make


def _evenly(at: Floats, fall: float) -> Floats:
    """The same share in each epoch; rounded so that sharpness is looked up seldom."""
    return np.round((1 - fall) ** (-(1 - at) / 0.26), 2)


def _steadily(at: Floats, fall: float) -> Floats:
    """The same amount in each epoch."""
    return np.round(1 + (1 / (1 - fall) - 1) * (1 - at) / 0.26, 2)


def _in_the_end(at: Floats, fall: float) -> Floats:
    """Slowly first, as where a rate of learning is lowered late."""
    return np.round(1 + (1 / (1 - fall) - 1) * np.minimum((1 - at) / 0.26, 1 + 0.1 * (1 - at)), 2)


_RISE, _FALL, _FLIPPED = (0.5, 1.0, 2.0), (0.15, 0.35, 0.5), (0.1, 0.2, 0.3)

PLANTS = (
    *sow(
        Promise(memorising, OVER, _RISE, 1.0),
        ("late weights, two classes", "predictions", "drawn", _late_classes(2)),
        ("late weights, eight classes", "predictions", "drawn", _late_classes(8)),
        ("late weights, values", "predictions", "drawn", _late_values),
    ),
    *sow(
        Promise(memorising, OVER, _FLIPPED, 0.2),
        ("trained to the end on flipped labels", "table", "fitted", _kept_too_late),
    ),
    *sow(
        Promise(trained_too_briefly, OVER, _FALL, 0.35, 0.03),
        ("two classes, falling evenly", "predictions", "drawn", _cut_off(2, _evenly)),
        ("eight classes, falling steadily", "predictions", "drawn", _cut_off(8, _steadily)),
        ("values, falling in the end", "predictions", "drawn", _cut_off(0, _in_the_end)),
    ),
)
