"""How often each 95 % interval of the library holds the truth, by simulation: one line an interval.

python benchmarks/intervals.py            # about twenty minutes of one core
python benchmarks/intervals.py --quick    # a tenth of the repetitions
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from vouch.challenges.calibration.expected import expected_error
from vouch.statistics.delong import delong
from vouch.statistics.evidence import Truth, evidence
from vouch.statistics.paired import paired_difference
from vouch.statistics.power_law import fit_power_law
from vouch.statistics.shares import mean_share, share_difference
from vouch.statistics.simultaneous import several_shares
from vouch.tasks.metrics import BY_TASK, Array, OneVsRest

Rows = tuple[Array, Array]
Line = tuple[str, float, int]
REPETITIONS = {50: 2000, 200: 1500, 1000: 400}
POPULATION = 2_000_000


def binary(rng: np.random.Generator, n: int) -> Rows:
    """Probabilities that are too sure: the log-odds are 0.7 of what they say."""
    z = 1.5 * rng.normal(size=n)
    return (rng.uniform(size=n) < expit(0.7 * z)).astype(int), np.stack([expit(-z), expit(z)], axis=1)


def rare(rng: np.random.Generator, n: int) -> Rows:
    """One row in five of the class, calibrated."""
    z = 1.5 * rng.normal(size=n) - 2
    return (rng.uniform(size=n) < expit(z)).astype(int), np.stack([expit(-z), expit(z)], axis=1)


def multiclass(rng: np.random.Generator, n: int) -> Rows:
    """Four classes, calibrated."""
    z = 1.5 * rng.normal(size=(n, 4))
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return (z + rng.gumbel(size=(n, 4))).argmax(axis=1), p


def multilabel(rng: np.random.Generator, n: int) -> Rows:
    """Three labels, calibrated."""
    z = 1.5 * rng.normal(size=(n, 3))
    return (rng.uniform(size=(n, 3)) < expit(z)).astype(int), expit(z)


def numbers(errors: Callable[[np.random.Generator, int], Array]) -> Callable[[np.random.Generator, int], Rows]:
    """A regression with these errors."""

    def make(rng: np.random.Generator, n: int) -> Rows:
        truth = rng.normal(size=n)
        return truth, truth + 0.5 * errors(rng, n)

    return make


SOURCES = {
    "binary": ("binary", binary),
    "rare class": ("binary", rare),
    "multiclass": ("multiclass", multiclass),
    "multilabel": ("multilabel", multilabel),
    "normal errors": ("regression", numbers(lambda rng, n: rng.normal(size=n))),
    "t errors (10 df)": ("regression", numbers(lambda rng, n: rng.standard_t(10, size=n))),
    "Laplace errors": ("regression", numbers(lambda rng, n: rng.laplace(size=n))),
}


def true_figures(task: str, make: Callable[[np.random.Generator, int], Rows], calibrated: bool) -> dict[str, float]:
    """Every figure on two million rows, by its name."""
    truth, prediction = make(np.random.default_rng(99), POPULATION)
    once, found = np.ones((1, POPULATION)), {}
    for spec in BY_TASK[task]:
        found[spec.name] = float(spec.function(truth, prediction, once)[0])
        if spec.each is not None and task != "regression":
            each = spec.each(OneVsRest.of(truth, prediction), once)[0]
            found |= {f"{spec.name}[{k}]": float(value) for k, value in enumerate(each)}
    # Endlessly many rows would give exactly 0; two million leave a lean.
    return found | ({"ece": 0.0} if calibrated and "ece" in found else {})


def figures(scale: float) -> Iterator[Line]:
    """Every figure that ``evidence`` lists, on three sizes."""
    for source, (task, make) in SOURCES.items():
        true = true_figures(task, make, calibrated=source != "binary")
        classes = {"binary": 2, "multiclass": 4, "multilabel": 3}.get(task, 0)
        for n, repetitions in REPETITIONS.items():
            rng, held = np.random.default_rng(0), {name: [] for name in true}
            for seed in range(round(repetitions * scale)):
                truth, prediction = make(rng, n)
                for one in evidence(Truth(task, tuple(map(str, range(classes))), truth), prediction, seed):
                    held[one.name].append(one.low <= true[one.name] <= one.high)
            yield from ((f"{source}, {n} rows: {k}", float(np.mean(v)), len(v)) for k, v in held.items() if v)


def areas(scale: float) -> Iterator[Line]:
    """DeLong's interval of a ROC-AUC."""
    for area in (0.6, 0.75, 0.9, 0.97):
        apart = np.sqrt(2) * norm.ppf(area)
        for n, rate in ((50, 0.5), (200, 0.2), (1000, 0.05)):
            rng, held = np.random.default_rng(0), []
            for _ in range(round(4000 * scale)):
                actual = np.arange(n) < rate * n
                score = rng.normal(size=n) + apart * actual
                found = delong(actual, score)
                held.append(found.low <= area <= found.high)
            yield f"DeLong, {n} rows, {rate:.0%} of the class, area {area}", float(np.mean(held)), len(held)


def shares(scale: float) -> Iterator[Line]:
    """Newcombe's intervals of a difference and of a mean of two shares."""
    for (one, n), (other, m) in (((0.8, 50), (0.6, 50)), ((0.95, 200), (0.9, 100)), ((0.5, 1000), (0.45, 300))):
        rng, held = np.random.default_rng(0), []
        for _ in range(round(4000 * scale)):
            a, b = int(rng.binomial(n, one)), int(rng.binomial(m, other))
            apart, mean = share_difference((a, n), (b, m)), mean_share([a, b], [n, m])
            held.append((apart.low <= one - other <= apart.high, mean[0] <= (one + other) / 2 <= mean[1]))
        for name, share in zip(("difference", "mean"), np.mean(held, axis=0), strict=True):
            yield f"shares {one} of {n} and {other} of {m} rows: {name}", float(share), len(held)


def runs(scale: float) -> Iterator[Line]:
    """The difference of two methods over rows and training runs: accuracy 0.2 apart in skill."""
    spec = next(spec for spec in BY_TASK["binary"] if spec.name == "accuracy")
    for count, spread in ((1, 0.0), (3, 0.0), (3, 0.1), (3, 0.3), (5, 0.0), (5, 0.1), (5, 0.3)):
        wide = np.sqrt(1.25 + spread**2)
        true, rng, held = float(norm.cdf(1.2 / wide) - norm.cdf(1 / wide)), np.random.default_rng(0), []
        for seed in range(round(1500 * scale)):
            hard, values = rng.normal(size=100), rng.integers(0, 2, 100)
            first, second = ([_run(rng, hard, values, skill, spread) for _ in range(count)] for skill in (1.2, 1.0))
            found = paired_difference(Truth("binary", ("a", "b"), values), first, second, metric=spec, seed=seed)
            held.append(found.estimate.low <= true <= found.estimate.high)
        yield f"{count} runs of each method, 100 rows, spread of runs {spread}", float(np.mean(held)), len(held)


def _run(rng: np.random.Generator, hard: Array, values: Array, skill: float, spread: float) -> Array:
    right = hard + skill + spread * rng.normal() + 0.5 * rng.normal(size=len(hard)) > 0
    p = np.where(right == (values == 1), 0.9, 0.1)
    return np.stack([1 - p, p], axis=1)


def calibration(scale: float) -> Iterator[Line]:
    """The calibration error that an audit reports, freed of its lean: calibrated or not."""
    for name, (make, calibrated) in {"binary": (binary, False), "rare class": (rare, True)}.items():
        true = true_figures("binary", make, calibrated)["ece"]
        for n in (200, 1000):
            rng, held = np.random.default_rng(0), []
            for _ in range(round(REPETITIONS[n] * scale)):
                found = expected_error(*make(rng, n))
                held.append(found.low <= true <= found.high)
            yield f"calibration error without its lean, {name}, {n} rows", float(np.mean(held)), len(held)


def coverages(scale: float) -> Iterator[Line]:
    """The coverage of each of several subgroups, in the interval that allows for having looked at all of them."""
    for groups, n in ((3, 300), (10, 1000)):
        rng, held = np.random.default_rng(0), []
        members = np.arange(n)[:, None] % groups == np.arange(groups)
        for _ in range(round(2000 * scale)):
            found = several_shares(rng.random(n) < 0.85, members)
            held.append(bool(((found.low <= 0.85) & (found.high >= 0.85)).all()))
        yield f"{groups} shares together, {n} rows", float(np.mean(held)), len(held)


def _power(rng: np.random.Generator, size: float) -> Callable[[Array], Array]:
    """A power law whose floor is up to 0.8 of the error at full size."""
    level, slope, floor = rng.uniform(0.05, 0.4), rng.uniform(0.1, 0.8), max(rng.uniform(-0.8, 0.8), 0)
    return lambda n: level * ((1 - floor) * (n / size) ** -slope + floor)


def _shifted(rng: np.random.Generator, size: float) -> Callable[[Array], Array]:
    """The same with rows it behaves as if it had besides."""
    law, head = _power(rng, size), size * 10 ** rng.uniform(-2.5, -0.7)
    return lambda n: law((n + head) / (size + head) * size)


def _slow(rng: np.random.Generator, size: float) -> Callable[[Array], Array]:
    """An error that falls with the logarithm of the rows."""
    level, slope = rng.uniform(0.05, 0.4), rng.uniform(0.03, 0.12)
    return lambda n: level * (1 - slope * np.log(n / size))


CURVES = {"power law": _power, "shifted power law": _shifted, "logarithm": _slow}


def forecasts(scale: float) -> Iterator[Line]:
    """Prediction intervals of the learning curve at 1, 2 and 4 times the size that three or four parts forecast."""
    for name, family in CURVES.items():
        for parts in ((1 / 16, 1 / 8, 1 / 4), (1 / 16, 1 / 8, 1 / 4, 1 / 2)):
            rng, held, wide = np.random.default_rng(0), [], []
            for seed in range(round(1000 * scale)):
                size, spread = 10 ** rng.uniform(3, 5), rng.uniform(0.005, 0.05)
                law = family(rng, size)
                n = np.repeat(size * np.array(parts), rng.integers(1, 4))
                error = law(n) * (1 + spread * rng.normal(size=len(n)))
                error = np.maximum(error + np.sqrt(error * np.abs(1 - error) / 2000) * rng.normal(size=len(n)), 1e-3)
                curve = fit_power_law(n, error, np.sqrt(error * np.abs(1 - error) / 2000), seed=seed)
                later = [(curve.at(k * size), float(law(np.array(k * size)))) for k in (1, 2, 4)]
                held.append([one.low <= true * (1 + spread * rng.normal()) <= one.high for one, true in later])
                wide.append([(one.high - one.low) / true for one, true in later])
            for k, share, width in zip((1, 2, 4), np.mean(held, axis=0), np.median(wide, axis=0), strict=True):
                what = f"forecast of a {name} at {k}x from up to 1/{round(1 / parts[-1])} (median width {width:.2f})"
                yield what, float(share), len(held)


PARTS = (figures, areas, shares, runs, calibration, coverages, forecasts)


def main() -> None:
    """Print every coverage, marking those outside .93 to .97 by more than the simulation's own error."""
    parser = argparse.ArgumentParser(description="Coverage of every 95 % interval.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions")
    parser.add_argument("--only", choices=[part.__name__ for part in PARTS])
    asked = parser.parse_args()
    start, outside, total = time.perf_counter(), 0, 0
    for part in PARTS:
        if asked.only not in (None, part.__name__):
            continue
        for name, share, repetitions in part(0.1 if asked.quick else 1.0):
            error = float(np.sqrt(0.05 * 0.95 / repetitions))
            missed = not 0.93 - 2 * error <= share <= 0.97 + 2 * error
            outside, total = outside + missed, total + 1
            print(f"{share:.3f} ± {error:.3f}  {name}{'  <- outside' if missed else ''}", flush=True)
    print(f"{total - outside} of {total} between .93 and .97; {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
