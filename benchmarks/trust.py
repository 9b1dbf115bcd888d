"""Calibration and coverage on real data: what scaling does to the calibration error, and what prediction sets hold.

    python benchmarks/trust.py
    python benchmarks/trust.py adult california

Every calibrator is fitted on validation rows and measured on test rows; so are the prediction sets, which state 90 %.
With ``--overconfident`` the weights of the last layer are tripled. That leaves nearly all answers as they are and makes
the network far too sure of them: kept at the epoch of the least validation loss, none is so by itself on these sets.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from loop import noisy
from quality import Fit, adult, california, clothing, news, salaries, telco

import vouch
from vouch.api.casing import LiveCase
from vouch.challenges.calibration.expected import expected_error
from vouch.challenges.calibration.treat import REMEDIES
from vouch.statistics.conformal import covered
from vouch.testing import case_for

SHARPER = 3.0


def first(make: Callable[[list[int]], object]) -> Fit:
    """The first fit of a set."""
    return next(iter(make([0])))  # type: ignore[call-overload]


def bundle_of(name: str) -> vouch.Bundle:
    """A fit on one of the sets."""
    if name == "noisy":
        with tempfile.TemporaryDirectory() as folder:
            train, _, target, _, test, *_ = noisy(Path(folder))
            return vouch.fit(train, target, test=test, task="multiclass", types={"text": "text"})
    one = first({"adult": adult, "california": california, "telco": telco, "salaries": salaries, "clothing": clothing,
                 "news": news}[name])  # fmt: skip
    return vouch.fit(one.data, one.target, test=one.test, columns=one.columns, drop=one.drop)


def report(name: str, case: LiveCase) -> None:
    """One line for each remedy."""
    test = case.scored("test")
    remedies = {remedy.name: remedy for remedy in REMEDIES}
    if case.bundle.task.classes:
        before = expected_error(test.truth, test.decoded).value
        print(f"{name}: ECE {before:.4f} as it is ({len(test.rows):,} test rows)", flush=True)
        for method in ("scale_temperature", "scale_vector", "fit_isotonic"):
            bundle = remedies[method].treat(case, case.bundle, "")
            after = expected_error(test.truth, case.answered(bundle, test.rows)).value
            print(f"{name} {method}: ECE {before:.4f} to {after:.4f}", flush=True)
    wrapped = remedies["wrap_conformal"].treat(case, case.bundle, 0.9)
    if wrapped.conformal is not None:
        share = covered(wrapped.conformal, test.decoded, test.truth).mean()
        rows = f"{wrapped.conformal.rows:,} rows fitted"
        print(f"{name} conformal: {share:.4f} of the test rows inside, .9 stated, {rows}", flush=True)


def main() -> None:
    """Fit and report on the named sets."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = ("adult", "california", "salaries", "noisy", "telco", "news", "clothing")
    parser.add_argument("names", nargs="*", default=list(names[:4]), choices=names)
    parser.add_argument("--overconfident", action="store_true")
    asked = parser.parse_args()
    for name in asked.names:
        bundle = bundle_of(name)
        if asked.overconfident:
            with torch.no_grad():
                for weights in bundle.network.head.parameters():  # type: ignore[union-attr]
                    weights.mul_(SHARPER)
        report(name, case_for(bundle).under("calibration"))


if __name__ == "__main__":
    main()
