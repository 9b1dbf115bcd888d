"""Networks that are worse on new rows, worse than simple methods, or hang on which rows they were given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.special import expit, ndtri

from benchmarks.plants.bases import table
from benchmarks.plants.drawn import PlantedCase, Said, drawn
from benchmarks.plants.learning import over_trained, sharpness, tempered
from benchmarks.plants.plant import Make, Promise, rng_of, sow
from vouch.api.casing import LiveCase
from vouch.challenges.overfitting.diagnose import beats_baselines, generalisation_gap, underfitting
from vouch.challenges.overfitting.folds import spread_over_folds
from vouch.challenges.overfitting.growth import data_needed
from vouch.contracts.bundle import Evidence
from vouch.contracts.case import Lesson
from vouch.contracts.finding import Estimate
from vouch.statistics.compare import compare, main_metric
from vouch.statistics.evidence import Truth
from vouch.statistics.intervals import bootstrap

OVER = "overfitting"
Rng = np.random.Generator
Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


def two(rng: Rng, rows: int, area: float) -> Said:
    """Calibrated probabilities of two classes with this area under the ROC curve."""
    apart = np.sqrt(2) * float(ndtri(min(area, 0.99999)))
    truth = (rng.random(rows) < 0.4).astype(np.int64)
    seen = rng.normal(size=rows) + apart * (truth - 0.5)
    return Said(_pair(expit(apart * seen + np.log(0.4 / 0.6))), truth)


def six(rng: Rng, rows: int, accuracy: float) -> Said:
    """Probabilities of six classes that are right so often."""
    truth = rng.integers(0, 6, rows)
    called = np.where(rng.random(rows) < accuracy, truth, (truth + rng.integers(1, 6, rows)) % 6)
    sure = rng.uniform(0.4, 0.95, (rows, 1))
    return Said(sure * np.eye(6)[called] + (1 - sure) / 6, truth)


def values(rng: Rng, rows: int, error: float) -> Said:
    """Predicted values with this root mean squared error, of heavy tails."""
    truth = rng.normal(size=rows)
    return Said(truth + error * np.sqrt(0.6) * rng.standard_t(5, rows), truth)


def _pair(p: Floats) -> Floats:
    return np.stack([1 - p, p], axis=1)


def _gap_two(seed: int, strength: float) -> PlantedCase:
    rng = rng_of(seed, "gap of two classes")
    return drawn(two(rng, 900, 0.72 + strength), two(rng, 200, 0.72), two(rng, 300, 0.72), OVER)


def _gap_six(seed: int, strength: float) -> PlantedCase:
    rng = rng_of(seed, "gap of six classes")
    return drawn(six(rng, 900, 0.65 + strength), six(rng, 200, 0.65), six(rng, 300, 0.65), OVER)


def _gap_values(seed: int, strength: float) -> PlantedCase:
    rng = rng_of(seed, "gap of values")
    worse = 0.3 * (1 + strength)
    return drawn(values(rng, 900, 0.3), values(rng, 200, worse), values(rng, 300, worse), OVER)


def _memorised(seed: int, strength: float) -> LiveCase:
    """With nothing planted, two epochs on right labels."""
    return over_trained(seed, strength)[1] if strength else table("loans", seed, 1500).under(OVER)


def rivalled(case: PlantedCase, rival: Floats) -> PlantedCase:
    """The case with a simple method that says this of the sealed rows."""
    test = case.scored("test")
    task = case.bundle.task
    truth = Truth(task.name, task.classes, test.truth, unit="" if task.classes else "target")
    spec = main_metric(truth, rival)
    found = bootstrap(lambda weights: spec.function(truth.values, rival, weights), truth.rows, resamples=400)
    low, high = found.interval()
    figure = Estimate(spec.name, float(found.value[0]), float(low[0]), float(high[0]), truth.rows, truth.unit_of(spec))
    lead = compare(truth, test.decoded, rival)
    evidence = Evidence((), {"simple_method": (figure,)}, f"It leads by {lead.value:.3f}.", (), "simple_method", lead)
    return replace(case, bundle=replace(case.bundle, evidence=evidence))


def _beaten_two(seed: int, strength: float) -> PlantedCase:
    """Both methods see the same evidence, each under noise of its own."""
    rng = rng_of(seed, "beaten, two classes")
    truth = (rng.random(500) < 0.4).astype(np.int64)
    apart, seen = 2.6, rng.normal(size=500)
    said = []
    for area in (0.8, 0.8 + strength):
        noise = np.sqrt(max((apart / (np.sqrt(2) * float(ndtri(area)))) ** 2 - 1, 0))
        said.append(_pair(expit(1.5 * (seen + noise * rng.normal(size=500) + apart * (truth - 0.5)))))
    own, rival = said
    return rivalled(drawn(two(rng, 900, 0.85), two(rng, 200, 0.8), Said(own, truth), OVER), rival)


def _beaten_six(seed: int, strength: float) -> PlantedCase:
    """Seven in ten rows are right or wrong for both, as they are where both learned from the same rows."""
    rng = rng_of(seed, "beaten, six classes")
    own = six(rng, 500, 0.7)
    rival = six(rng, 500, 0.7 + strength)
    shared = rng.random(500) < 0.7
    right = own.decoded.argmax(axis=1) == own.truth
    # Where the rows are shared, the rival errs with the network but for what it is better by.
    better = rng.random(500) < abs(strength) / (0.3 if strength > 0 else 0.7)
    turned = np.where(
        shared, np.where(strength > 0, right | better, right & ~better), rival.decoded.argmax(1) == rival.truth
    )
    called = np.where(turned, own.truth, (own.truth + 1) % 6)
    return rivalled(
        drawn(six(rng, 900, 0.75), six(rng, 200, 0.7), own, OVER), 0.8 * np.eye(6)[called] + 0.2 / 6
    )  # fmt: skip


def _beaten_values(seed: int, strength: float) -> PlantedCase:
    """The simple method has an error that is smaller by so much; half of its square is shared."""
    rng = rng_of(seed, "beaten, values")
    truth, shared = rng.normal(size=500), rng.normal(size=500)
    rival = 0.4 * (np.sqrt(0.5) * shared + np.sqrt(0.5) * rng.normal(size=500))
    total = (0.4 * (1 + strength)) ** 2
    own = np.sqrt(0.08) * shared + np.sqrt(total - 0.08) * rng.normal(size=500)
    return rivalled(drawn(values(rng, 900, 0.4), values(rng, 200, 0.4), Said(truth + own, truth), OVER), truth + rival)


def _no_better_than_constant(seed: int, strength: float) -> PlantedCase:
    """At 1 the network knows nothing, and no simple method does either."""
    rng, area = rng_of(seed, "no better than a constant"), 1 - strength / 2
    case = drawn(two(rng, 900, area), two(rng, 200, area), two(rng, 500, area), OVER)
    return rivalled(case, _pair(expit(0.05 * rng.normal(size=500))))


def _short_two(seed: int, strength: float) -> PlantedCase:
    rng, own = rng_of(seed, "short, two classes"), 0.86 - strength
    case = drawn(two(rng, 900, own), two(rng, 200, own), two(rng, 300, own), OVER)
    return rivalled(case, _as_good_as(rng, case, 0.86))


def _as_good_as(rng: Rng, case: PlantedCase, area: float) -> Floats:
    truth = case.scored("test").truth
    apart = np.sqrt(2) * float(ndtri(area))
    return _pair(expit(apart * (rng.normal(size=len(truth)) + apart * (truth - 0.5))))


def _short_six(seed: int, strength: float) -> PlantedCase:
    rng, own = rng_of(seed, "short, six classes"), 0.8 - strength
    case = drawn(six(rng, 900, own), six(rng, 200, own), six(rng, 300, own), OVER)
    truth = case.scored("test").truth
    called = np.where(rng.random(300) < 0.8, truth, (truth + 1) % 6)
    return rivalled(case, 0.8 * np.eye(6)[called] + 0.2 / 6)


def _short_values(seed: int, strength: float) -> PlantedCase:
    rng, own = rng_of(seed, "short, values"), 0.5 * (1 + strength)
    case = drawn(values(rng, 900, own), values(rng, 200, own), values(rng, 300, own), OVER)
    truth = case.scored("test").truth
    return rivalled(case, truth + 0.5 * np.sqrt(0.6) * rng.standard_t(5, 300))


def _uneven(folds: int, rows: int, classes: int, *, sure: bool = False) -> Make:
    """One fold whose mean loss is so many times that of the others: its network knows less, or is too sure."""

    def make(seed: int, strength: float) -> PlantedCase:
        rng = rng_of(seed, f"uneven {folds} {rows} {classes} {sure}")
        fold = rng.permutation(np.arange(rows) % folds)
        if classes:
            good, bad = tempered(rng, rows, classes, np.array([1.0, sharpness(classes, strength, above=sure)]))
        else:
            truth, error = rng.normal(size=rows), rng.standard_t(5, rows)
            good, bad = (Said(truth + scale * error, truth) for scale in (0.3, 0.3 * strength))
        worse = (fold == 0).reshape(-1, *(1,) * (good.decoded.ndim - 1))
        folded = Said(np.where(worse, bad.decoded, good.decoded), good.truth)
        valid = rows // 6
        at = np.arange(rows)
        case = drawn(folded.rows(at[valid:]), folded.rows(at[:valid]), good.rows(at[:100]), OVER)
        order = np.concatenate([at[valid:], at[:valid]])
        return replace(case, folded=(folded.rows(order), fold[order]))

    return make


def _growing(kind: str) -> Make:
    """An error that falls by so large a share with each doubling of the rows."""
    law, least = {"two": (two, 0.06), "six": (six, 0.1), "values": (values, 0.3)}[kind]

    def make(seed: int, strength: float) -> PlantedCase:
        rng = rng_of(seed, f"growing {kind}")
        exponent = -np.log2(1 - strength)

        def said(rows: int, size: int) -> Said:
            error = least * (size / 4000) ** -exponent * np.exp(0.02 * rng.normal())
            return law(rng, rows, error if kind == "values" else 1 - error)

        case = drawn(said(4000, 4000), said(600, 4000), said(1000, 4000), OVER)
        half = said(4600, 2000)

        # Rows that are scored anew keep their truth; what is said of them is drawn.
        def learn(lesson: Lesson, rows: Rows) -> Floats:
            return _of(said(6 * len(rows), len(lesson.train)), case.truth(rows), rng)

        decoded = _of(half + half, case.truth(np.arange(4600)), rng)
        folded = Said(decoded, case.truth(np.arange(4600))), np.arange(4600) % 2
        return replace(case, folded=folded, learn=learn)

    return make


def _of(said: Said, truth: npt.NDArray[np.generic], rng: Rng) -> Floats:
    """Predictions as good as these for rows whose truth is given."""
    if said.decoded.ndim == 1:
        return np.asarray(truth, float) + rng.permutation(said.decoded - said.truth)[: len(truth)]
    out = np.empty((len(truth), said.decoded.shape[1]))
    for k in np.unique(truth).tolist():
        mine, like = np.flatnonzero(truth == k), np.flatnonzero(said.truth == k)
        out[mine] = said.decoded[rng.choice(like, len(mine))]
    return out


_GAP, _RATIO, _SHORT, _TWICE = (0.15, 0.23, 0.27), (0.7, 1.25, 2.0), (0.08, 0.12, 0.2), (1.5, 2.0, 3.0)
_STEEP = (0.2, 0.3, 0.4)

PLANTS = (
    *sow(
        Promise(generalisation_gap, OVER, _GAP, 0.23),
        ("two classes", "predictions", "drawn", _gap_two),
        ("six classes", "predictions", "drawn", _gap_six),
    ),
    *sow(
        Promise(generalisation_gap, OVER, _RATIO, 1.25),
        ("values", "predictions", "drawn", _gap_values),
    ),
    *sow(
        Promise(generalisation_gap, OVER, (0.1, 0.2, 0.3), 0.2),
        ("trained to the end on flipped labels", "table", "fitted", _memorised),
    ),
    *sow(
        Promise(beats_baselines, OVER, (0.05, 0.08, 0.12), 0.08, -0.02),
        ("two classes", "predictions", "drawn", _beaten_two),
        ("six classes", "predictions", "drawn", _beaten_six),
    ),
    *sow(
        Promise(beats_baselines, OVER, (0.1, 0.2, 0.3), 0.2, -0.03),
        ("values", "predictions", "drawn", _beaten_values),
    ),
    *sow(
        Promise(beats_baselines, OVER, (0.8, 0.9, 1.0), 1.0, 0.3),
        ("no better than a constant", "predictions", "drawn", _no_better_than_constant),
    ),
    *sow(
        Promise(underfitting, OVER, _SHORT, 0.12, -0.03),
        ("two classes", "predictions", "drawn", _short_two),
        ("six classes", "predictions", "drawn", _short_six),
    ),
    *sow(
        Promise(underfitting, OVER, (0.2, 0.4, 0.7), 0.4, -0.05),
        ("values", "predictions", "drawn", _short_values),
    ),
    *sow(
        Promise(spread_over_folds, OVER, _TWICE, 2.0, 1.0),
        ("five folds of 120, two classes", "predictions", "drawn", _uneven(5, 600, 2)),
        ("two folds of 300, eight classes", "predictions", "drawn", _uneven(2, 600, 8)),
        ("four folds of 150, values", "predictions", "drawn", _uneven(4, 600, 0)),
    ),
    *sow(
        Promise(spread_over_folds, OVER, (1.5, 1.75, 2.5), 1.75, 1.0),
        ("five folds of 400, two classes", "predictions", "drawn", _uneven(5, 2000, 2)),
        ("two folds of 1 000, eight classes, too sure", "predictions", "drawn", _uneven(2, 2000, 8, sure=True)),
    ),
    *sow(
        Promise(data_needed, OVER, _STEEP, 0.4, 0.02),
        ("ROC-AUC of two classes", "predictions", "drawn", _growing("two")),
        ("accuracy of six classes", "predictions", "drawn", _growing("six")),
    ),
    *sow(
        Promise(data_needed, OVER, _STEEP, 0.3, 0.02),
        ("error of values", "predictions", "drawn", _growing("values")),
    ),
)
