"""``vouch tune``: raw data to a bundle with better settings than the default ones, where there are any."""

from __future__ import annotations

import sys
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vouch.cli.common import Reporter, about_data, emit, every_verb, fit_options
from vouch.cli.fit import default_out
from vouch.cli.fix import facts as facts_of_proof
from vouch.errors import one_line

if TYPE_CHECKING:
    from vouch.api import Bundle
    from vouch.contracts.search import Attempt, Search


@click.command()
@click.argument("data")
@about_data
@click.option("--trials", type=int, help="Recipes to try, the default among them.")
@click.option("--out", help="Folder to write; NAME.vouch when not given.")
@click.option("--storage", metavar="URL", help="Keeps the search: sqlite:///FILE, postgresql://USER@HOST/DATABASE.")
@click.option("--resume", is_flag=True, help="Go on with the search in the storage.")
@click.option("--workers", type=int, default=1, show_default=True, help="Processes that search side by side.")
@click.option("--cluster", metavar="ADDRESS", help="Ray cluster on which all but one of them run.")
@click.option("--worker", hidden=True, help="Orders of a process that another one has started.")
@every_verb
def tune(data: str, target: str | None, as_json: bool, quiet: bool, **asked: Any) -> None:
    """Search for better settings on DATA, and prove them against the default ones on the sealed rows."""
    from vouch import api

    options = fit_options(asked)
    if asked["worker"]:
        api.assist(data, target, asked["worker"], **options)
        return
    place = Path(asked["out"]) if asked["out"] else default_out(data)
    own = {key: asked[key] for key in ("trials", "storage", "resume", "workers", "cluster")}
    try:
        bundle = api.tune(data, target, out=place, progress=Reporter(quiet), **own, **options)
    except KeyboardInterrupt:
        print("vouch: the same command with --resume goes on where the search stopped", file=sys.stderr)
        raise
    if as_json:
        emit(facts(bundle, place))
    else:
        print(summary(bundle, place))


def facts(bundle: Bundle, place: Path) -> dict[str, Any]:
    """A search and its proof as ``--json`` gives them."""
    search, proof = found(bundle)
    best, default = search.best, search.default
    return {
        "bundle": str(place),
        "trials": len(search.attempts),
        "pruned": sum(one.state == "pruned" for one in search.attempts),
        "failed": sum(one.state == "failed" for one in search.attempts),
        "metric": search.metric,
        "best": best and _attempt(best),
        "default": default and _attempt(default),
        "importances": dict(search.importances),
        "headline": search.said,
        "proof": proof,
        "attempts": [_attempt(one) for one in search.attempts],
        "notes": list(search.notes),
        "seconds": round(search.seconds, 3),
    }


def found(bundle: Bundle) -> tuple[Search, dict[str, Any]]:
    """The search that a bundle comes from, and its proof as a machine reads it."""
    if bundle.search is None or bundle.audit is None:
        raise ValueError("the bundle comes from no search")
    return bundle.search, facts_of_proof(bundle.audit.proofs[-1])


def summary(bundle: Bundle, place: Path) -> str:
    """A search and its proof for a reader at the terminal."""
    from vouch.wording import listed, metric_within

    search, proof = found(bundle)
    states = [f"{sum(one.state == state for one in search.attempts)} {state}" for state in ("done", "pruned", "failed")]
    shown = sorted((one for one in search.attempts if one.state == "done"), key=lambda one: one.score)[:10]
    lines = [one_line(search.said), "", f"attempts: {listed(states)}; the best, by {metric_within(search.metric)}:"]
    lines += [_row(one) for one in shown]
    if search.importances:
        explained = [f"{name} {100 * share:.0f} %" for name, share in list(search.importances.items())[:5]]
        lines += ["", f"what the scores depend on (fANOVA): {', '.join(explained)}"]
    notes = dict.fromkeys(map(one_line, (*search.notes, *proof["notes"])))
    lines += ["", one_line(proof["headline"]), *notes]
    return "\n".join([*lines, "", f"bundle {place}", f"report {place / 'report.html'}"])


def _row(one: Attempt) -> str:
    """One attempt: chosen, default, score, further scores, settings."""
    mark = "*" if one.chosen else " "
    again = f" ({', '.join(f'{score:.5g}' for score in one.again)} with other seeds)" if one.again else ""
    settings = "the default recipe" if one.default else ", ".join(f"{k} {_said(v)}" for k, v in one.settings.items())
    return f"  {mark} {one.number:>3}  {one.score:.5g}{again}  {settings}"


def _attempt(one: Attempt) -> dict[str, Any]:
    return {
        "number": one.number,
        "state": one.state,
        "score": one.score if isfinite(one.score) else None,
        "again": [score if isfinite(score) else None for score in one.again],
        "epochs": one.epochs,
        "seconds": round(one.seconds, 3),
        "settings": dict(one.settings),
        "default": one.default,
        "chosen": one.chosen,
        "why": one.why,
    }


def _said(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
