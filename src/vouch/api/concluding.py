"""The end of a search: the chosen recipe held against the default one on the sealed rows, and the bundle with it."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace

from vouch.api.deciding import Decision, changes, trained_ready, trials_of
from vouch.api.measuring import measure, predicted, truth_of
from vouch.api.predicting import Bundle, as_bundle
from vouch.api.preparing import Ready
from vouch.api.questing import Quest
from vouch.api.searching import PAIRS, Held
from vouch.auditing.proving import Pair, prove, sentence
from vouch.auditing.search import NOTHING
from vouch.contracts.bundle import Look
from vouch.contracts.proof import Audit, Proof
from vouch.contracts.search import Attempt, Search
from vouch.tasks.metrics import BY_TASK, MetricSpec
from vouch.training.search import importances, train_each
from vouch.wording import count, metric_within, number

CHALLENGE, REMEDY = "tuning", "tuned_recipe"
_WHAT = "the tuned recipe"
# A proof with more time has more pairs; some of the time is kept for measuring.
_MOST_PAIRS, _SHARE = 9, 0.8


def concluded(
    quest: Quest,
    decision: Decision,
    every: Sequence[Attempt],
    held: Held,
    beside: tuple[tuple[Look, ...], Sequence[str]],
) -> Bundle:
    """The bundle of the chosen recipe, with its proof and everything that was tried.

    Args:
        quest: what was searched.
        decision: what was chosen.
        every: all attempts.
        held: networks that need not be trained again.
        beside: looks at the sealed rows for proofs of this search, this one last; and notes.
    """
    looks, extra = beside
    chosen = decision.winner
    spec = score_of(quest)
    explained = importances(every, quest.space, quest.ready.recipe.seed)
    ready, trained = trained_ready(quest, chosen.recipe, held.networks.get(chosen.attempt.number))
    proof = _proof(quest, decision, ready, held, len(looks))
    before = time.monotonic() - quest.purse.started
    took = {"search": before - chosen.attempt.seconds, "train": chosen.attempt.seconds}
    bundle = measure(ready, trained.history, took)
    search = Search(
        _said(decision, every, spec), spec.name, quest.space.settings, _told(every, decision), explained,
        time.monotonic() - quest.purse.started, (*decision.notes, *extra),
    )  # fmt: skip
    return as_bundle(replace(bundle, looks=(*bundle.looks, *looks), audit=Audit(proofs=(proof,)), search=search))


def score_of(quest: Quest) -> MetricSpec:
    """The metric by which training chooses, as the reports know it."""
    metrics = {spec.name: spec for spec in BY_TASK[quest.ready.schema.task]}
    return metrics.get("log_loss", BY_TASK[quest.ready.schema.task][0])


def _proof(quest: Quest, decision: Decision, chosen: Ready, held: Held, look: int) -> Proof:
    """The chosen recipe against the default one, over several seeds; none where these are the same, or one failed."""
    started, default, spec = time.monotonic(), decision.default, score_of(quest)
    trials = trials_of(quest, decision, spec)
    if default is None or default is decision.winner:
        said = _unproved(decision, spec)
        return Proof(
            CHALLENGE, NOTHING if default else REMEDY, "", spec.name, "no evidence", said, (), (), (), (), spec.name,
            trials, (), max(look, 1), decision.notes, (), time.monotonic() - started,
        )  # fmt: skip
    plain = trained_ready(quest, default.recipe, held.networks.get(default.attempt.number))[0]
    pair, seeds, notes = _paired(quest, decision, plain, chosen)
    ledger = prove(pair, spec, look, quest.ready.recipe.seed)
    strength = changes(quest, decision.winner.attempt)
    said = sentence(ledger.claim, ledger.before[0], ledger.after[0], f"{_WHAT} ({strength})")
    return Proof(
        CHALLENGE, REMEDY, strength, spec.name, ledger.claim.verdict, said, ledger.before, ledger.after,
        (ledger.claim,), ledger.price, spec.name, trials, seeds, look, decision.notes + notes, (),
        time.monotonic() - started,
    )  # fmt: skip


def _paired(
    quest: Quest, decision: Decision, plain: Ready, chosen: Ready
) -> tuple[Pair, tuple[int, ...], tuple[str, ...]]:
    """Both recipes on the sealed rows: the networks of the search, then pairs with seeds that chose nothing."""
    rows, seed = quest.ready.split.test, quest.ready.recipe.seed
    truth = truth_of(quest.ready, quest.ready.dataset, rows, "test")
    before, after, seeds, notes = [predicted(plain, rows)], [predicted(chosen, rows)], [seed], []
    recipes = plain.recipe, chosen.recipe
    cost = sum(one.attempt.seconds for one in decision.finalists if one in (decision.default, decision.winner))
    affordable = _pairs(quest.purse.left, cost)
    # One pair speaks of two networks; two tell next to nothing of how much networks differ; so it is one, or three.
    if affordable < PAIRS:
        alone = "There was time for one pair of networks only: the proof speaks of these two, and not of other seeds."
        return Pair(truth, before, after), (seed,), (alone,)
    more = range(seed + 1, seed + affordable)
    quest.told("pairs", seeds=len(more))
    found = [train_each([quest.job(replace(recipe, seed=one)) for one in more]) for recipe in recipes]
    for one, pair in zip(more, zip(*found, strict=True), strict=True):
        networks = [trained.network for trained in pair if not isinstance(trained, str)]
        if len(networks) < len(pair):
            failed = next(reason for reason in pair if isinstance(reason, str))
            notes.append(f"The pair with seed {one} is missing: {failed}.")
            continue
        said = [predicted(replace(quest.ready, network=network), rows) for network in networks]
        before.append(said[0])
        after.append(said[1])
        seeds.append(one)
    return Pair(truth, before, after), tuple(seeds), tuple(notes)


def _pairs(left: float, cost: float) -> int:
    """How many pairs there is time for, the first of which is there already; three where time is not counted."""
    return PAIRS if math.isinf(left) else min(_MOST_PAIRS, 1 + int(_SHARE * max(left, 0.0) / max(cost, 1e-3)))


def _unproved(decision: Decision, spec: MetricSpec) -> str:
    """Why there is no proof."""
    if decision.default is None:
        return "The default recipe could not be trained, so that there is nothing to hold the tuned one against."
    return (
        f"No recipe was better than the default one by {metric_within(spec.name)} on the validation rows, with the "
        "seed of the search and with others: there is nothing to prove, and the bundle has the default recipe."
    )


def _said(decision: Decision, every: Sequence[Attempt], spec: MetricSpec) -> str:
    """What the search came to, in a sentence."""
    winner, default, name = decision.winner, decision.default, metric_within(spec.name)
    tried = count(len(every), "attempt")
    if default is None:
        return f"Of {tried}, number {winner.attempt.number} was best; the default recipe failed."
    if winner is default:
        return f"Of {tried}, none was better than the default recipe: validation {name} {number(default.score, 4)}."
    seeds = f"means of {count(len(winner.scores), 'other seed')}" if winner.scores else "one seed"
    return (
        f"Of {tried}, number {winner.attempt.number} was best: validation {name} {number(winner.score, 4)}, against "
        f"{number(default.score, 4)} of the default recipe ({seeds})."
    )


def _told(every: Sequence[Attempt], decision: Decision) -> tuple[Attempt, ...]:
    """All attempts, with the scores of further seeds, and which one was chosen."""
    again = {one.attempt.number: tuple(one.scores) for one in decision.finalists}
    chosen = decision.winner.attempt.number
    return tuple(replace(one, again=again.get(one.number, ()), chosen=one.number == chosen) for one in every)
