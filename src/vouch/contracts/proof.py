"""What a remedy was worth: before and after on the same sealed rows, and what it cost elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vouch.contracts.finding import Estimate, Figure, Finding

Outcome = Literal["better", "no evidence", "worse"]
# The proof of what a network starts from: no failing is treated, so it has no challenge of its own.
TRANSFER = "transfer"


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure after the remedy minus the same figure before, on the same rows.

    Args:
        name: the metric.
        value: after less before.
        low: lower end of the interval.
        high: upper end of the interval.
        p_value: of the hypothesis that there is no difference, two-sided.
        adjusted: the same, corrected for all claims of the proof (Holm, 1979).
        n: sealed rows.
        unit: "" for a share, else the unit of the target.
        higher_is_better: which way is good.
        verdict: better, no evidence or worse; from the corrected p-value.
        level: of the interval; above .95 once the same sealed rows have carried earlier proofs.
    """

    name: str
    value: float
    low: float
    high: float
    p_value: float
    adjusted: float
    n: int
    unit: str = ""
    higher_is_better: bool = True
    verdict: Outcome = "no evidence"
    level: float = 0.95


@dataclass(frozen=True, slots=True)
class Trial:
    """One remedy at one strength, judged on validation rows; this is how the strength was chosen.

    Args:
        remedy: its name.
        strength: as a reader writes it.
        score: by what remedies are chosen by, on rows kept for choosing.
        error: standard error of the score's difference to doing nothing.
        main: the main metric on the same rows.
        seconds: wall time.
        chosen: whether this one was taken.
        why: why it could not be taken, whatever its score; empty where it could.
    """

    remedy: str
    strength: str
    score: float
    error: float
    main: float
    seconds: float
    chosen: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """A remedy held against doing nothing, on rows that chose neither.

    Args:
        challenge: which failing it was for.
        remedy: its name.
        strength: chosen on validation rows.
        criterion: the metric that decides.
        verdict: better, no evidence or worse, by the criterion.
        headline: one sentence with the number in it.
        before: every headline metric without the remedy, mean over seeds.
        after: the same with it.
        differences: what was claimed; the criterion first.
        price: every other headline metric and the costs.
        chosen_by: the metric by which the remedy was chosen.
        trials: every remedy and strength that was tried on rows kept for choosing; the first is doing nothing.
        seeds: of the paired trainings; one where nothing was trained.
        look: the how-many-th proof on these sealed rows this is, from 1.
        notes: what the reader must know.
        figures: what it draws.
        seconds: wall time.
        main: the metric whose loss is limited while choosing; empty in proofs from before that was kept.

    Example:
        >>> said = "There is no evidence that it helps: accuracy from 0.80 to 0.81."
        >>> Proof("size", "grow", "2", "accuracy", "no evidence", said, (), (), (), (), "accuracy", (), (0, 1, 2)).look
        1
    """

    challenge: str
    remedy: str
    strength: str
    criterion: str
    verdict: Outcome
    headline: str
    before: tuple[Estimate, ...]
    after: tuple[Estimate, ...]
    differences: tuple[Difference, ...]
    price: tuple[Difference, ...]
    chosen_by: str
    trials: tuple[Trial, ...]
    seeds: tuple[int, ...]
    look: int = 1
    notes: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    seconds: float = 0.0
    main: str = ""


@dataclass(frozen=True, slots=True)
class Audit:
    """Everything that was found and proved about a bundle; the file ``audit.json`` in it.

    Args:
        findings: one for each challenge, in the order of the challenges.
        proofs: of every remedy that was tried on this bundle, oldest first.
        tests: how many checks came with a p-value, over which false discovery was controlled.
        thresholds: those set by the user, as "challenge.check.level" and value.
        seconds: wall time of the audit.
        training: seconds that the training of the bundle took, to compare with.

    Example:
        >>> Audit().findings
        ()
    """

    findings: tuple[Finding, ...] = ()
    proofs: tuple[Proof, ...] = ()
    tests: int = 0
    thresholds: tuple[tuple[str, float], ...] = ()
    seconds: float = 0.0
    training: float = 0.0
