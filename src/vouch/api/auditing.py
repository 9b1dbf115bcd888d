"""The verb that asks what is wrong with a trained network."""

from __future__ import annotations

import hashlib
import math
import time
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

import polars as pl

from vouch import store
from vouch.api.casing import LiveCase
from vouch.api.gathering import as_it_stands, case_of, keep
from vouch.api.measuring import now
from vouch.api.predicting import Bundle
from vouch.auditing import Clock, Plan, run
from vouch.challenges import ALL
from vouch.contracts.bundle import Look
from vouch.contracts.case import Challenge
from vouch.contracts.finding import Finding
from vouch.contracts.options import AuditOptions
from vouch.contracts.proof import Audit
from vouch.errors import UsageError, nearest
from vouch.training.budget import seconds_of

# An audit costs no more than half as much again as training did, unless more is asked for.
TRAININGS = 1.5
_SHARE = 0.85
_LEAST_SECONDS = 120.0
Levels = Mapping[str, Mapping[str, Mapping[str, float]]]


@dataclass(frozen=True, slots=True)
class _Remembered:
    """Findings of an interrupted audit, kept beside the bundle under all that they depend on."""

    kept: store.Kept
    signature: str

    def finding(self, challenge: str) -> Finding | None:
        """What was found before, if anything."""
        plain = self.kept.value(f"{self.signature} {challenge}")
        return None if plain is None else store.from_plain(Finding, plain, {}, "finding")

    def keep(self, finding: Finding) -> None:
        """Keep a finding."""
        self.kept.keep_value(f"{self.signature} {finding.challenge}", store.to_plain(finding, {}, "finding"))


def audit(bundle: Bundle | str | Path, **options: Unpack[AuditOptions]) -> Audit:
    """Ask what is wrong with a trained network, with numbers: a verdict for each failing, and its evidence.

    Args:
        bundle: from ``fit`` or ``load``, or the folder of one; in a folder the results are kept.
        options: see :class:`vouch.contracts.options.AuditOptions`.

    Returns:
        Findings, one for each challenge, beside the proofs of earlier remedies.

    Raises:
        VouchError: the options are wrong, the data is not there or is other data, or there is too little of it.

    Example:
        >>> import vouch
        >>> rows = {"size": [float(i) for i in range(60)], "large": ["no"] * 30 + ["yes"] * 30}
        >>> bundle = vouch.fit(rows, "large", settings={"epochs": 2})
        >>> audit(bundle, only=["calibration"]).findings[0].challenge
        'calibration'
    """
    return audited(bundle, **options)[0].audit or Audit()


def audited(bundle: Bundle | str | Path, **options: Unpack[AuditOptions]) -> tuple[Bundle, LiveCase]:
    """The same as :func:`audit`; the bundle with its audit, written where it is from, and the case that was asked."""
    started = time.perf_counter()
    asked = chosen(options.get("only") or (), options.get("challenges") or ())
    levels = read_levels(options.get("thresholds"), (*ALL, *(options.get("challenges") or ())))
    model = as_it_stands(bundle)
    clock = clock_for(model, options.get("budget"), TRAININGS)
    case = case_of(model, options, clock, levels)
    case.scored("test")
    if clock.left <= 0:
        raise UsageError(
            "the budget is too small to run anything", expected=f"more than {time.perf_counter() - started:.1f} s",
            received=str(options.get("budget")), next_step="Give more, such as --budget 5m, or leave it out.",
        )  # fmt: skip
    memory = _Remembered(case.means.kept, _signature(model, levels, options))
    found = run(Plan(asked, case.under, clock, memory, case.means.progress))
    earlier = model.audit.proofs if model.audit else ()
    set_levels = tuple(
        (f"{challenge}.{check}.{level}", float(value))
        for challenge, checks in levels.items() for check, some in checks.items() for level, value in some.items()
    )  # fmt: skip
    result = replace(
        found, proofs=earlier, thresholds=set_levels, seconds=time.perf_counter() - started,
        training=float(model.run.seconds.get("train", 0.0)),
    )  # fmt: skip
    fresh = keep(model, case, result, Look("audit", now(), "findings of the audit"))
    return fresh, replace(case, bundle=fresh)


def chosen(only: Sequence[str], outside: Sequence[Challenge]) -> tuple[Challenge, ...]:
    """The challenges of these names; all when none is named.

    Raises:
        UsageError: there is no challenge of that name, or two of one name.
    """
    every = (*ALL, *outside)
    names = [challenge.name for challenge in every]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise UsageError(f"two challenges are called '{doubled.pop()}'", next_step="Give yours another name.")
    for name in only:
        if name not in names:
            raise UsageError(f"there is no challenge '{name}'", next_step=nearest(name, names))
    return tuple(challenge for challenge in every if not only or challenge.name in only)


def clock_for(bundle: Bundle, budget: str | float | None, trainings: float) -> Clock:
    """What may be spent: a number of trainings by default, or as many as fit into the budget that was given."""
    training = max(float(bundle.run.seconds.get("train", 1.0)), 1e-3)
    whole = sum(bundle.run.seconds.values())
    if budget is None:
        return Clock(trainings, max(_LEAST_SECONDS, 3 * trainings * whole))
    seconds = seconds_of(budget)
    return Clock(_SHARE * seconds / training, seconds)


def read_levels(given: Levels | str | Path | None, challenges: Sequence[Challenge]) -> Levels:
    """Thresholds as the user has set them, checked.

    Args:
        given: levels by challenge, check and "warn" or "fail", or a TOML file of them.
        challenges: those that exist.

    Raises:
        UsageError: the file cannot be read, or names a challenge, check or level that does not exist.

    Example:
        >>> read_levels({"overfitting": {"generalisation_gap": {"warn": 0.1}}}, ALL)["overfitting"]
        {'generalisation_gap': {'warn': 0.1}}
    """
    if given is None:
        return {}
    where = "" if isinstance(given, Mapping) else str(given)
    try:
        found: Any = given if isinstance(given, Mapping) else tomllib.loads(Path(given).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError("the thresholds cannot be read", where=where, received=str(error)[:120]) from error
    known = {one.name: [question.__name__ for question in getattr(one, "checks", ())] for one in challenges}
    for challenge, checks in found.items():
        if challenge not in known:
            raise UsageError(f"there is no challenge '{challenge}'", where=where, next_step=nearest(challenge, known))
        for check, levels in _table(checks, where).items():
            if known[challenge] and check not in known[challenge]:
                raise UsageError(
                    f"'{challenge}' has no check '{check}'", where=where, next_step=nearest(check, known[challenge])
                )
            _check_levels(f"{challenge}.{check}", _table(levels, where), where)
    return found


def suspect_rows(case: LiveCase, audit: Audit) -> pl.DataFrame:
    """Every row that a check points at, to be reviewed by hand: where it is, why, and its cells."""
    from vouch.challenges.data_quality.rows import export_rows

    tables = [export_rows(finding, case) for finding in audit.findings]
    return pl.concat(tables, how="diagonal_relaxed") if tables else pl.DataFrame()


def _table(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UsageError(
            "the thresholds are not tables of challenge, check and level", where=where, received=repr(value)[:60],
            next_step="For instance: [overfitting.generalisation_gap], then warn = 0.1.",
        )  # fmt: skip
    return value


def _check_levels(name: str, levels: Mapping[str, Any], where: str) -> None:
    for level, value in levels.items():
        if level not in ("warn", "fail"):
            raise UsageError(
                f"'{name}' has no level '{level}'", where=where, next_step=nearest(level, ["warn", "fail"])
            )
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise UsageError(f"'{name}.{level}' is no finite number", where=where, received=repr(value)[:60])


def _signature(bundle: Bundle, levels: Levels, options: AuditOptions) -> str:
    """All that findings depend on."""
    told = [repr(bundle.run), repr(bundle.recipe), repr(bundle.treatments), repr(levels), str(options.get("budget"))]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()
