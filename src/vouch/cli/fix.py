"""``vouch fix``: treat a failing, and prove what the treatment is worth."""

from __future__ import annotations

import sys
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vouch.cli.common import Reporter, emit, every_verb
from vouch.errors import one_line

if TYPE_CHECKING:
    from vouch.contracts.finding import Estimate
    from vouch.contracts.proof import Difference, Proof


@click.command()
@click.argument("model")
@click.argument("challenge")
@click.option("--out", help="Folder for the treated bundle; MODEL-CHALLENGE.vouch when not given.")
@click.option("--remedy", help="The one remedy to try, instead of all that suit.")
@click.option("--criterion", help="The metric that decides; each challenge has its own.")
@click.option("--max-loss", help="What a remedy may cost of the main metric: 2% are 2 points of accuracy, 2 % of RMSE.")
@click.option(
    "--seeds", type=int, help="Paired trainings for the proof, at least 3; as many as are affordable, up to 30."
)
@click.option("--data", help="The data that it was fitted on, when it is not where it was.")
@click.option("--test", help="The test data that was given to fit, when it is not where it was.")
@click.option("--budget", help="Time to spend: 90s, 5m, 1h.")
@every_verb
def fix(model: str, challenge: str, as_json: bool, quiet: bool, **asked: Any) -> None:
    """Treat CHALLENGE of MODEL, and prove before and after on the same sealed rows."""
    from vouch import api

    try:
        proof = api.fix(
            model, challenge, out=asked["out"], remedy=asked["remedy"], criterion=asked["criterion"],
            max_loss=asked["max_loss"], seeds=asked["seeds"], data=asked["data"], test=asked["test"],
            budget=asked["budget"], device=asked["device"], progress=Reporter(quiet),
        )  # fmt: skip
    except KeyboardInterrupt:
        print("vouch: the same command goes on where the fix stopped", file=sys.stderr)
        raise
    place = proof.bundle.place or Path(model)
    if as_json:
        emit({"proof": facts(proof), "bundle": str(place)})
    else:
        print(summary(proof, place))


def facts(proof: Proof) -> dict[str, Any]:
    """A proof as ``--json`` gives it."""
    return {
        "challenge": proof.challenge,
        "remedy": proof.remedy,
        "strength": proof.strength,
        "criterion": proof.criterion,
        "verdict": proof.verdict,
        "headline": proof.headline,
        "before": {one.name: _ends(one) for one in proof.before},
        "after": {one.name: _ends(one) for one in proof.after},
        "differences": {one.name: _difference(one) for one in proof.differences},
        "price": {one.name: _difference(one) for one in proof.price},
        "trials": [_finite(asdict(trial)) for trial in proof.trials],
        "seeds": list(proof.seeds),
        "look": proof.look,
        "notes": list(proof.notes),
        "seconds": round(proof.seconds, 3),
    }


def summary(proof: Proof, place: Path) -> str:
    """A proof for a reader at the terminal."""
    from vouch.wording import metric

    lines = [one_line(proof.headline), ""]
    if proof.before:
        lines += [f"{'on the sealed rows':<24}{'before':>12}{'after':>12}{'difference':>14}  {'interval':<26}verdict"]
        after = {one.name: one for one in proof.after}
        moved = {one.name: one for one in (*proof.differences, *proof.price)}
        lines += [_row(one, after[one.name], moved[one.name]) for one in proof.before]
        if any(one.adjusted > one.p_value for one in proof.price):
            lines += ["(verdicts below the first are corrected for their number, after Holm; intervals stand alone)"]
    if proof.trials:
        lines += [
            "",
            f"chosen by {metric(proof.chosen_by)} on rows that are not sealed (± standard error of the gain):",
        ]
    lines += [
        f"  {'*' if trial.chosen else ' '} {trial.remedy} {trial.strength}: {trial.score:.5g} (± {trial.error:.2g})"
        + (f", {trial.why}" if trial.why else "")
        for trial in proof.trials
    ]
    return "\n".join([*lines, *map(one_line, proof.notes), "", f"bundle {place}", f"report {place / 'report.html'}"])


def _row(before: Estimate, after: Estimate, moved: Difference) -> str:
    ends = f"[{moved.low:+.4g}, {moved.high:+.4g}]"
    return f"{before.name:<24}{before.value:>12.5g}{after.value:>12.5g}{moved.value:>+14.4g}  {ends:<26}{moved.verdict}"


def _ends(one: Estimate) -> dict[str, Any]:
    return _finite({"value": one.value, "low": one.low, "high": one.high, "n": one.n})


def _difference(one: Difference) -> dict[str, Any]:
    return _finite(asdict(one))


def _finite(facts: dict[str, Any]) -> dict[str, Any]:
    return {key: None if isinstance(value, float) and not isfinite(value) else value for key, value in facts.items()}
