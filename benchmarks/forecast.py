"""What a quarter of the data says of all of it: a forecast of the full-data error, and what that error then is.

    python benchmarks/forecast.py adult
    python benchmarks/forecast.py fashion

Networks with the bundle's own recipe are trained on 1/32, 1/16, 1/8 and 1/4 of the training rows and scored on training
rows that none of them saw. The power law through these errors forecasts the error with all rows; the bundle was trained
on all rows, and its error is measured on the official test rows.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from loop import SETS
from quality import ADULT, DATA

import vouch
from vouch.challenges.overfitting.forecasting import forecast
from vouch.challenges.overfitting.subsets import nested, smaller, strata_of
from vouch.testing import case_for

SHARES = (1 / 32, 1 / 16, 1 / 8, 1 / 4)
MOST_SCORED = 10_000


def main() -> None:
    """Print the errors of the parts, the forecast, and the truth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=("adult", "fashion"))
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if asked.name == "adult":
            data, _, target, _, test, *_ = SETS["adult"](Path(folder))
            bundle = vouch.fit(data, target, test=test, columns=ADULT, seed=asked.seed)
        else:
            bundle = vouch.fit(DATA / "fashion-mnist", "label", seed=asked.seed)
    case = case_for(bundle, trainings=2.0, seconds=36_000).under("overfitting")
    train = np.unique(case.lesson.train)
    order = nested(train, strata_of(case.truth(train), True), None, case.random("parts"))
    sizes = [round(share * len(order)) for share in SHARES]
    held = order[max(sizes) :][:MOST_SCORED]
    truth, errors = case.truth(held), []
    for size in sizes:
        decoded = case.retrain(smaller(case.lesson, np.sort(order[:size])), held)
        errors.append(float((decoded.argmax(axis=1) != truth).mean()))
        print(f"{asked.name} {size:,} rows: error {errors[-1]:.4f} on {len(held):,} other training rows", flush=True)
    spread = np.sqrt(np.array(errors) * (1 - np.array(errors)) / len(held))
    value, low, high = forecast(sizes, errors, spread, len(order))
    scored = case.scored("test")
    error = float((scored.decoded.argmax(axis=1) != scored.truth).mean())
    inside = "inside" if low <= error <= high else "OUTSIDE"
    said = f"forecast {value:.4f} [{low:.4f}, {high:.4f}]; measured {error:.4f}: {inside}"
    print(f"{asked.name} {len(order):,} rows: {said}")


if __name__ == "__main__":
    main()
