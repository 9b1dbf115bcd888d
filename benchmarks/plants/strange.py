"""Sets that hold the truth too seldom, errors that are not as they were, and rows from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from benchmarks.plants.bases import edited, fitted, pixels, repainted
from benchmarks.plants.drawn import PlantedCase, Said, drawn
from benchmarks.plants.media import PICTURES, TEXTS
from benchmarks.plants.plant import Make, Promise, rng_of, sow
from benchmarks.plants.tables import houses, replaced
from benchmarks.plants.worlds import Net
from vouch.api.casing import LiveCase
from vouch.challenges.calibration.coverage import conditional_coverage, conformal_coverage
from vouch.challenges.calibration.residuals import residual_quantiles, residual_spread
from vouch.challenges.calibration.unfamiliar import out_of_distribution
from vouch.statistics.conformal import covered, fit_conformal

CALIB = "calibration"
Rng = np.random.Generator
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def _values(rng: Rng, rows: int, law: Callable[[Rng, int], Floats]) -> Said:
    at = 10 * rng.random(rows)
    return Said(at, at + law(rng, rows))


def normal(rng: Rng, rows: int) -> Floats:
    """Errors as most methods assume them."""
    return rng.normal(size=rows)


def heavy(rng: Rng, rows: int) -> Floats:
    """Errors with heavy tails."""
    return rng.standard_t(3, rows)


def lopsided(rng: Rng, rows: int) -> Floats:
    """Errors that are mostly small on one side and large on the other."""
    return rng.gamma(2.0, 0.7, rows) - 1.4


def _wider(law: Callable[[Rng, int], Floats], by: Callable[[float], float]) -> Make:
    """Sealed rows whose errors are so much larger that 90 % intervals cover less by this."""

    def make(seed: int, strength: float) -> PlantedCase:
        rng = rng_of(seed, f"wider {law.__name__}")
        valid, test = _values(rng, 500, law), _values(rng, 500, law)
        wide = Said(test.decoded, test.decoded + by(strength) * (test.truth - test.decoded))
        return drawn(valid.rows(np.arange(60)), valid, wide, CALIB)

    return make


def _for_normal(missed: float) -> float:
    """What a 90 % interval of a normal error must be multiplied by to cover 90 % less this."""
    return float(ndtri(0.95) / ndtri(0.95 - missed / 2))


def _for_heavy(missed: float) -> float:
    from scipy.stats import t

    return float(t.ppf(0.95, 3) / t.ppf(0.95 - missed / 2, 3))


def _missed(net: Net) -> Make:
    """Sealed rows whose truth leaves its set so much more often."""

    def make(seed: int, strength: float) -> PlantedCase:
        rng = rng_of(seed, f"missed {net.classes}")
        valid, test = net.say(rng, 500), net.say(rng, 500)
        return drawn(net.say(rng, 60), valid, _out_of_sets(rng, valid, test, strength, np.ones(500, bool)), CALIB)

    return make


def _out_of_sets(rng: Rng, valid: Said, test: Said, share: float, inside: Bools) -> Said:
    """The truth of so large a share of some rows moved to an answer that is not in the row's set."""
    made = fit_conformal(valid.decoded, valid.truth, "multiclass")
    truth = test.truth.copy()
    out = np.stack([~covered(made, test.decoded, np.full(len(truth), k)) for k in range(test.decoded.shape[1])], axis=1)
    may = inside & covered(made, test.decoded, truth) & out.any(axis=1)
    rows = np.flatnonzero(may & (rng.random(len(truth)) < share * inside.sum() / max(may.sum(), 1)))
    truth[rows] = [int(rng.choice(np.flatnonzero(out[row]))) for row in rows.tolist()]
    return Said(test.decoded, truth)


def _missed_by_subgroup(classes: int) -> Make:
    """One of ten subgroups of 300 rows whose sets hold the truth so much less often."""

    def make(seed: int, strength: float) -> PlantedCase:
        rng = rng_of(seed, f"missed by a subgroup {classes}")
        who = rng.permutation(np.arange(3000) % 10)
        column = ["none"] * 1060 + [f"group {k}" for k in who]
        inside = who == 7
        if classes:
            net = Net(classes, spread=2.0)
            valid, test = net.say(rng, 1000), net.say(rng, 3000)
            test = _out_of_sets(rng, valid, test, strength, inside)
        else:
            valid, test = _values(rng, 1000, normal), _values(rng, 3000, normal)
            wide = np.where(inside, _for_normal(strength), 1.0)
            test = Said(test.decoded, test.decoded + wide * (test.truth - test.decoded))
        return drawn(valid.rows(np.arange(60)), valid, test, CALIB, {"who": column})

    return make


def _missed_where_high(seed: int, strength: float) -> PlantedCase:
    """The highest quarter of the predictions is missed so much more often; 1 200 sealed rows."""
    rng = rng_of(seed, "missed where high")
    valid, test = _values(rng, 1000, normal), _values(rng, 1200, normal)
    wide = np.where(test.decoded > np.quantile(test.decoded, 0.75), _for_normal(strength), 1.0)
    moved = Said(test.decoded, test.decoded + wide * (test.truth - test.decoded))
    return drawn(valid.rows(np.arange(60)), valid, moved, CALIB)


def _moved(law: Callable[[Rng, int], Floats], change: Callable[[Floats, float], Floats]) -> Make:
    """Errors of sealed rows that are moved, or spread otherwise, than those of validation rows; 500 each."""

    def make(seed: int, strength: float) -> PlantedCase:
        rng = rng_of(seed, f"moved {law.__name__} {change.__name__}")
        valid, test = _values(rng, 500, law), _values(rng, 500, law)
        moved = test.decoded + change(test.truth - test.decoded, strength)
        return drawn(valid.rows(np.arange(60)), valid, Said(test.decoded, moved), CALIB)

    return make


def shifted(errors: Floats, by: float) -> Floats:
    """A bias of so many standard deviations."""
    return errors + by * errors.std()


def stretched(errors: Floats, gap: float) -> Floats:
    """Wider, so that the distributions of normal errors lie so far apart at most."""
    from scipy.optimize import brentq
    from scipy.special import ndtr

    if not gap:
        return errors
    x = np.linspace(0, 6, 2001)
    return errors * brentq(lambda wide: np.max(ndtr(x) - ndtr(x / wide)) - gap, 1.0, 50.0)


def _growing(law: Callable[[Rng, int], Floats], shape: Callable[[Floats, float], Floats]) -> Make:
    """Errors whose size grows so many times from the lowest to the highest prediction."""

    def make(seed: int, strength: float) -> PlantedCase:
        rng = rng_of(seed, f"growing {law.__name__}")
        parts = []
        for rows in (60, 300, 500):
            at = rng.random(rows)
            parts.append(Said(10 * at, 10 * at + law(rng, rows) * shape(at, strength)))
        return drawn(parts[0], parts[1], parts[2], CALIB)

    return make


def _evenly(at: Floats, times: float) -> Floats:
    return 1 + (times - 1) * at


def _by_factor(at: Floats, times: float) -> Floats:
    return times**at


def _falling(at: Floats, times: float) -> Floats:
    return 1 + (times - 1) * (1 - at)


def _elsewhere(seed: int, strength: float) -> PlantedCase:
    """Vectors of so many sealed rows lie four standard deviations off in each of eight directions."""
    rng = rng_of(seed, "elsewhere")
    net = Net()
    case = drawn(net.say(rng, 1500), net.say(rng, 500), net.say(rng, 500), CALIB)
    vectors = rng.normal(size=(2500, 8)) @ np.triu(rng.normal(size=(8, 8)))
    rows = 2000 + rng.permutation(500)[: round(strength * 500)]
    vectors[rows] += 4 * vectors.std(axis=0)
    return replace(case, vectors=vectors)


_THIRDS = {"test_fraction": 0.25, "valid_fraction": 0.34}


_NET = {"scenes": "cnn", "news": "textcnn", "houses": "ensemble"}


@lru_cache(maxsize=3)
def _at_home(what: str, seed: int) -> LiveCase:
    """A network that learned from 1 000 rows of one sort, beside 500 validation and 500 sealed rows."""
    rng = rng_of(seed, f"at home {what}")
    classes = rng.integers(0, 2, 2000)
    target = np.array(["one", "two"])[classes].tolist()
    if what == "scenes":
        data: object = {"image": PICTURES["scenes"](rng, classes), "target": target}
    else:
        data = houses(rng, 2000) if what == "houses" else {"text": TEXTS["news"](rng, classes), "target": target}
    return fitted(
        data,
        seed,
        {"epochs": 3, "image_width": 8, "network": _NET[what], "text_width": 16, "learning_rate": 0.01, **_THIRDS},
    ).under(CALIB)


def _foreign_pictures(seed: int, strength: float) -> LiveCase:
    """Strokes among scenes, in colour."""
    rng, case = rng_of(seed, "foreign pictures"), _at_home("scenes", seed)
    drawn_ones, rows = pixels(case), rng.permutation(case.split.test)[: round(strength * len(case.split.test))]
    if len(rows):
        drawn_ones[rows] = PICTURES["strokes"](rng, rng.integers(0, 2, len(rows)))[..., None]
    return repainted(case, drawn_ones)


def _foreign_texts(seed: int, strength: float) -> LiveCase:
    """Messages to a help desk among news."""
    rng, case = rng_of(seed, "foreign texts"), _at_home("news", seed)
    rows = rng.permutation(case.split.test)[: round(strength * len(case.split.test))]
    cells = TEXTS["tickets"](rng, rng.integers(0, 2, len(rows)))
    return edited(case, replaced(case.dataset.frame, "text", rows, cells))


def _foreign_houses(seed: int, strength: float) -> LiveCase:
    """Castles among houses."""
    rng, case = rng_of(seed, "foreign houses"), _at_home("houses", seed)
    rows = rng.permutation(case.split.test)[: round(strength * len(case.split.test))]
    frame = case.dataset.frame
    for name, times in (("living", 6.0), ("ground", 10.0), ("distance", 5.0)):
        frame = replaced(frame, name, rows, times * frame[name].to_numpy()[rows])
    return edited(case, replaced(frame, "built", rows, 1700.0 + 30 * rng.normal(size=len(rows))))


_MISSED, _SOME, _BIAS, _WIDE = (0.05, 0.1, 0.2), (0.1, 0.17, 0.25), (0.3, 0.5, 0.8), (0.15, 0.2, 0.3)
_TIMES, _FOREIGN = (3.0, 5.0, 9.0), (0.05, 0.1, 0.2)

PLANTS = (
    *sow(
        Promise(conformal_coverage, CALIB, _MISSED, 0.1),
        ("wider normal errors", "predictions", "drawn", _wider(normal, _for_normal)),
        ("wider heavy errors", "predictions", "drawn", _wider(heavy, _for_heavy)),
        ("sets of ten classes", "predictions", "drawn", _missed(Net(10, spread=2.0))),
    ),
    *sow(
        Promise(conditional_coverage, CALIB, _SOME, 0.17),
        ("values of a subgroup", "predictions", "drawn", _missed_by_subgroup(0)),
        ("sets of six classes for a subgroup", "predictions", "drawn", _missed_by_subgroup(6)),
        ("the highest quarter of values", "predictions", "drawn", _missed_where_high),
    ),
    *sow(
        Promise(residual_quantiles, CALIB, _BIAS, 0.5),
        ("biased normal errors", "predictions", "drawn", _moved(normal, shifted)),
        ("biased lopsided errors", "predictions", "drawn", _moved(lopsided, shifted)),
    ),
    *sow(
        Promise(residual_quantiles, CALIB, _WIDE, 0.2),
        ("wider normal errors", "predictions", "drawn", _moved(normal, stretched)),
    ),
    *sow(
        Promise(residual_spread, CALIB, _TIMES, 5.0, 1.0),
        ("normal errors that grow evenly", "predictions", "drawn", _growing(normal, _evenly)),
        ("heavy errors that grow by a factor", "predictions", "drawn", _growing(heavy, _by_factor)),
        ("lopsided errors that shrink", "predictions", "drawn", _growing(lopsided, _falling)),
    ),
    *sow(
        Promise(out_of_distribution, CALIB, _FOREIGN, 0.1),
        ("vectors from elsewhere", "predictions", "drawn", _elsewhere),
        ("strokes among scenes", "pictures", "edited", _foreign_pictures),
        ("messages among news", "texts", "edited", _foreign_texts),
        ("castles among houses", "table", "edited", _foreign_houses),
    ),
)
