"""One failing, planted at a graded strength, and how often its check finds it."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from vouch.challenges.asking import Checklist, Question
from vouch.contracts.case import Case
from vouch.contracts.finding import Verdict
from vouch.statistics.intervals import wilson

Make = Callable[[int, float], Case]
Made = Literal["fitted", "edited", "drawn"]
MADE = {
    "fitted": "networks are trained on planted data",
    "edited": "the failing is put into the rows of a network that was trained on clean ones",
    "drawn": "what a network says is drawn from a known law",
}
ALARMS: tuple[Verdict, ...] = ("warn", "fail")


@dataclass(frozen=True, slots=True)
class Plant:
    """A failing that can be planted.

    Args:
        check: the question that is to find it.
        challenge: the challenge that the question belongs to.
        kind: what it looks like, in a few words.
        modality: what it is planted in: "table", "pictures", "texts", or "predictions".
        made: how the case comes about; see ``MADE``.
        make: from a seed and a strength to a case.
        strengths: three, mildest first.
        promised: the one of them from which on the documentation promises that it is found.
        clean: the strength at which there is nothing to find.
    """

    check: Question
    challenge: str
    kind: str
    modality: str
    made: Made
    make: Make
    strengths: tuple[float, float, float]
    promised: float
    clean: float = 0.0

    @property
    def name(self) -> str:
        """The name of the check."""
        return getattr(self.check, "__name__", "check")


@dataclass(frozen=True, slots=True)
class Promise:
    """What is promised of a check.

    Args:
        check: the question.
        challenge: the challenge that it belongs to.
        strengths: three, mildest first.
        promised: the one from which on the failing is found.
        clean: the strength at which there is nothing to find.
    """

    check: Question
    challenge: str
    strengths: tuple[float, float, float]
    promised: float
    clean: float = 0.0


def sow(promise: Promise, *kinds: tuple[str, str, Made, Make]) -> tuple[Plant, ...]:
    """The plants of one promise: what each looks like, its modality, how it is made, and what makes it."""
    one = promise
    return tuple(
        Plant(one.check, one.challenge, kind, modality, made, make, one.strengths, one.promised, one.clean)
        for kind, modality, made, make in kinds
    )


@dataclass(slots=True)
class Tally:
    """Verdicts of one plant, by strength.

    Args:
        plant: what was planted.
        verdicts: how often each verdict came, for each strength and for the clean twin.
    """

    plant: Plant
    verdicts: dict[float, Counter[str]] = field(default_factory=dict)

    def add(self, seed: int) -> None:
        """Ask the check about every strength and the clean twin of one seed."""
        for strength in (*self.plant.strengths, self.plant.clean):
            one = Checklist(self.plant.challenge, "", (self.plant.check,))
            found = one.diagnose(self.plant.make(seed, strength)).checks[0]
            # A check that raises is inconclusive in an audit; here it must not go unseen.
            verdict = "broken" if "could not run" in found.headline else found.verdict
            self.verdicts.setdefault(strength, Counter())[verdict] += 1

    def alarms(self, strength: float) -> tuple[int, int]:
        """How many cases of a strength were warned of, out of how many."""
        found = self.verdicts[strength]
        return sum(found[verdict] for verdict in ALARMS), found.total()

    def power(self, strength: float) -> float:
        """The share of cases of a strength that were warned of."""
        hits, n = self.alarms(strength)
        return hits / n

    def share_of(self, verdict: Verdict | Literal["broken"]) -> float:
        """How often a verdict came, over all strengths and the clean twins."""
        return sum(found[verdict] for found in self.verdicts.values()) / sum(f.total() for f in self.verdicts.values())


def rng_of(seed: int, what: str) -> np.random.Generator:
    """A generator that follows from a seed and a name."""
    return np.random.default_rng([seed, zlib.crc32(what.encode())])


def line(tally: Tally) -> str:
    """One plant: power at each strength (* is the promised one), false alarms, and how often nothing could be told."""
    plant = tally.plant
    powers = "  ".join(
        f"{strength:g}{'*' if strength == plant.promised else ' '} {tally.power(strength):.2f}"
        for strength in plant.strengths
    )
    hits, n = tally.alarms(plant.clean)
    low, high = wilson(hits, n)
    other = "".join(f", {tally.share_of(v):.0%} {v}" for v in ("not applicable", "broken") if tally.share_of(v))
    return (
        f"{plant.name:22} {plant.modality:11} {plant.made:6} {plant.kind:44} power {powers:34} "
        f"false alarms {hits}/{n} [{float(low):.2f}, {float(high):.2f}]  "
        f"inconclusive {tally.share_of('inconclusive'):.0%}{other}"
    )


def summary(tallies: list[Tally]) -> str:
    """All plants of one check: the lowest power at the promised strength, and the false alarms of all clean twins."""
    powers = [tally.power(tally.plant.promised) for tally in tallies]
    hits, n = np.sum([tally.alarms(tally.plant.clean) for tally in tallies], axis=0).tolist()
    low, high = wilson(hits, n)
    short = [f"power {min(powers):.2f} of {tallies[int(np.argmin(powers))].plant.kind}"] if min(powers) < 0.9 else []
    short += [f"false alarms {hits / n:.3f}"] if hits / n > 0.05 else []
    one = tallies[0].plant
    return (
        f"{one.challenge:12} {one.name:22} {len(tallies)} plants  lowest power {min(powers):.2f}  "
        f"false alarms {hits}/{n} = {hits / n:.3f} [{float(low):.3f}, {float(high):.3f}]"
        f"{'  <- ' + ', '.join(short) if short else ''}"
    )
