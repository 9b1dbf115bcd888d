"""Whether starting from other weights was worth it: the network held against one that started from random ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from vouch.api.measuring import now, predicted, truth_of
from vouch.api.predicting import Bundle, as_bundle
from vouch.api.preparing import Ready, ready_from
from vouch.auditing.proving import Ledger, Pair, prove
from vouch.contracts.bundle import Look
from vouch.contracts.case import Lesson
from vouch.contracts.finding import Estimate
from vouch.contracts.options import FitOptions
from vouch.contracts.proof import TRANSFER, Audit, Difference, Proof
from vouch.contracts.recipe import Recipe
from vouch.statistics.compare import main_metric
from vouch.training.starting import is_borrowed
from vouch.wording import metric_within, number

_SAME = "Before is the same recipe from random weights, all layers learning at one rate from the first step."
_PLANNED = "Before is a network of our own from random weights, as it is planned for such data."


def proves(options: FitOptions) -> bool:
    """Whether what a network starts from is held against random weights, which takes a second training."""
    started = options.get("start") is not None or options.get("backbone") is not None
    return started and options.get("proof", True)


def held_against_scratch(bundle: Bundle, ready: Ready, planned: Recipe, learn: Callable[[Ready], Ready]) -> Bundle:
    """Train from random weights, and prove on the sealed rows what the others were worth.

    The recipe is the same, all layers learning at one rate from the first step. Where the net is from elsewhere, which
    is too large to be learned from scratch, a network of our own as it is planned takes its place.

    Args:
        bundle: just measured; its network started from other weights.
        ready: what it was trained from.
        planned: the recipe that is used when there is nothing to start from.
        learn: trains what is ready, in the way in which the other was trained.

    Returns:
        The bundle with the proof, and one more look at the sealed rows; with a note where these cannot tell.
    """
    started, test = time.perf_counter(), bundle.split.test
    assert bundle.start is not None
    truth = truth_of(bundle, ready.dataset, test, "test")
    own = predicted(ready, test)
    spec = main_metric(truth, own) if len(test) else None
    if spec is None or not truth.enough_for(spec):
        return untold(bundle, f"{len(test)} sealed rows are too few to tell")
    same = not any(is_borrowed(one) for one in bundle.start.encoders)
    plain = replace(ready.recipe if same else planned, start="", probe=0.0, unfreezing=0.0, layer_decay=1.0)
    lesson = Lesson(plain, ready.schema, ready.dataset, ready.split.train, ready.split.valid)
    scratch = learn(ready_from(lesson, ready.task, test, str(ready.wanted.device)))
    ledger = prove(Pair(truth, [predicted(scratch, test)], [own]), spec, 1, plain.seed)
    found = _written(bundle, ledger, _SAME if same else _PLANNED, time.perf_counter() - started)
    look = Look(TRANSFER, now(), f"what starting from '{bundle.start.name}' was worth")
    return as_bundle(replace(bundle, looks=(*bundle.looks, look), audit=Audit(proofs=(found,))))


def untold(bundle: Bundle, why: str) -> Bundle:
    """The bundle with a note that nothing was proved."""
    assert bundle.start is not None
    note = f"What starting from '{bundle.start.name}' was worth was not proved: {why}."
    return as_bundle(replace(bundle, evidence=replace(bundle.evidence, notes=(*bundle.evidence.notes, note))))


def _written(bundle: Bundle, ledger: Ledger, before: str, seconds: float) -> Proof:
    assert bundle.start is not None
    claim, name = ledger.claim, bundle.start.name
    return Proof(
        TRANSFER, "start_from", name, claim.name, claim.verdict, told(claim, ledger.before[0], ledger.after[0], name),
        ledger.before, ledger.after, (claim,), ledger.price, "", (), (bundle.recipe.seed,), 1,
        (before,), (), seconds,
    )  # fmt: skip


def told(claim: Difference, before: Estimate, after: Estimate, name: str) -> str:
    """The verdict in a sentence, with its numbers.

    Args:
        claim: the difference in the main metric, with less without.
        before: the metric from random weights.
        after: the metric from the others.
        name: of what the weights started from.
    """
    moved = f"{metric_within(claim.name)} {number(before.value)} from scratch and {number(after.value)} from '{name}'"
    ends = f"difference {number(claim.value)}, {claim.level * 100:.3g} % interval {number(claim.low)} to "
    figures = f"{moved} on {claim.n:,} sealed rows ({ends}{number(claim.high)})"
    return {
        "better": f"Starting from '{name}' helps: {figures}.",
        "worse": f"Starting from '{name}' hurts: {figures}; fit without it.",
        "no evidence": f"There is no evidence that starting from '{name}' helps or hurts: {figures}.",
    }[claim.verdict]
