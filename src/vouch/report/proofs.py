"""Proofs as a reader sees them: before and after, the price, and how the remedy was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vouch.contracts.finding import Estimate
from vouch.contracts.proof import TRANSFER, Difference, Proof, Trial
from vouch.report.cells import chance, named, parts, spoken
from vouch.report.figures.tradeoff import letter
from vouch.report.treated import plain
from vouch.wording import clean, count, listed, number

_MOST_LINES, _MOST_TRIALS, _MOST_NOTES = 24, 24, 6
_MEANS = {
    "better": "“Better” means: on rows that chose neither, the criterion moved the right way by more than chance "
    "explains, and the whole interval is on that side. It holds for these rows and others like them.",
    "worse": "“Worse” means: on rows that chose neither, the criterion moved the wrong way by more than chance "
    "explains. Keep the network as it was.",
    "no evidence": "“No evidence” means: the difference may be chance. It does not mean that there is no difference; "
    "more sealed rows could show one.",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One metric before and after: the claim, or a part of the price."""

    name: str
    better: str
    before: tuple[str, str]
    after: tuple[str, str]
    moved: str
    ends: str
    p: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Tried:
    """One remedy at one strength, as it did on rows kept for choosing."""

    label: str
    remedy: str
    score: str
    error: str
    main: str
    seconds: float
    chosen: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """A proof as it stands on the page."""

    anchor: str
    label: str
    title: str
    verdict: str
    headline: str
    claim: tuple[Line, ...]
    price: tuple[Line, ...]
    level: str
    rows: str
    seals: str
    means: str
    chosen_by: str
    main: str
    trials: tuple[Tried, ...]
    rest: int
    notes: tuple[str, ...]
    seconds: float


def shown(proof: Proof, index: int) -> Shown:
    """A proof for the page.

    Args:
        proof: what was proved.
        index: its number among the proofs of the audit, from 0.
    """
    trials = _trials(proof, letter(index))
    price = _lines(proof.price[:_MOST_LINES], proof)
    strength = f" ({clean(proof.strength, 60)})" if proof.strength else ""
    return Shown(
        anchor=f"proof-{index + 1}",
        label=letter(index),
        title=f"{plain(proof.remedy).capitalize()}{strength}, for {plain(proof.challenge)}",
        verdict=proof.verdict,
        headline=clean(proof.headline, 500),
        claim=_lines(proof.differences, proof),
        price=price,
        level=_level(proof),
        rows=_rows(proof),
        seals=_seals(proof),
        means=_means(proof) if proof.differences else "",
        chosen_by=spoken(proof.chosen_by),
        main=named(proof.main or "main_metric"),
        trials=trials,
        rest=max(0, len(proof.trials) - len(trials)),
        notes=tuple(clean(note, 400) for note in proof.notes[:_MOST_NOTES]),
        seconds=proof.seconds,
    )


def _lines(moved: Sequence[Difference], proof: Proof) -> tuple[Line, ...]:
    before, after = ({one.name: one for one in side} for side in (proof.before, proof.after))
    return tuple(_line(one, before.get(one.name), after.get(one.name)) for one in moved[:_MOST_LINES])


def _line(moved: Difference, before: Estimate | None, after: Estimate | None) -> Line:
    sign = "+" if moved.value > 0 else ""
    unit = f" {clean(moved.unit, 20)}" if moved.unit else ""
    return Line(
        name=named(moved.name),
        better="higher is better" if moved.higher_is_better else "lower is better",
        before=("–", "") if before is None else parts(before),
        after=("–", "") if after is None else parts(after),
        moved=f"{sign}{number(moved.value)}{unit}",
        ends=f"{number(moved.low)} to {number(moved.high)}",
        p=chance(moved.adjusted),
        verdict=moved.verdict,
    )


def _means(proof: Proof) -> str:
    """What the verdict means, for somebody who has to act on it."""
    said = _MEANS[proof.verdict]
    return said.replace("Keep the network as it was.", "Fit from scratch.") if proof.challenge == TRANSFER else said


def _level(proof: Proof) -> str:
    """The level of the intervals, in percent."""
    return f"{100 * max((one.level for one in proof.differences), default=0.95):.4g} %"


def _rows(proof: Proof) -> str:
    n = max((one.n for one in proof.differences), default=0)
    if not n:
        return "The sealed rows were not looked at."
    said = f"Both networks were scored on the same {count(n, 'sealed row')}, which chose neither."
    if proof.challenge == TRANSFER:
        return f"{said} Each was trained once, with the seed {proof.seeds[0]}: it speaks of these two networks."
    if len(proof.seeds) < 2:
        return said + " Nothing was trained anew, so there is one pair."
    seeds = listed([str(seed) for seed in proof.seeds[:12]])
    return f"{said} Each was trained {len(proof.seeds)} times, with the seeds {seeds}; figures are means."


def _seals(proof: Proof) -> str:
    """How often the sealed rows had been looked at, and what that did to the intervals."""
    if not proof.differences:
        return ""
    if proof.look <= 1:
        return "It is the first proof on these sealed rows; its intervals have the usual level of 95 %."
    return (
        f"It is proof number {proof.look} on these sealed rows. Whoever looks often enough finds something by chance, "
        f"so its intervals were widened from 95 % to {_level(proof)}, and p must be at most {0.05 / proof.look:.3g}."
    )


def _trials(proof: Proof, label: str) -> tuple[Tried, ...]:
    """The first trials; the chosen one is always among them."""
    numbered = list(enumerate(proof.trials))
    kept = numbered[:_MOST_TRIALS]
    kept += [(i, one) for i, one in numbered[_MOST_TRIALS:] if one.chosen]
    return tuple(_tried(i, one, label) for i, one in kept)


def _tried(i: int, one: Trial, label: str) -> Tried:
    strength = f" ({clean(one.strength, 60)})" if one.strength else ""
    name = "nothing, as it was" if i == 0 else plain(one.remedy) + strength
    name += f": {one.why}" if one.why else ""
    error = "–" if i == 0 else f"± {number(1.96 * one.error)}"
    return Tried(f"{label}{i}" if i else "", name, number(one.score), error, number(one.main), one.seconds, one.chosen)
