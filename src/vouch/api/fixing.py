"""The verb that mends a trained network, and proves on untouched rows whether it is mended."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from vouch import store
from vouch.api.affording import FEWEST_SEEDS, changed, seeds_for, suited, trainings_for
from vouch.api.auditing import chosen, clock_for
from vouch.api.casing import LiveCase
from vouch.api.criteria import criterion_of, judging_of, main_of, metrics_on
from vouch.api.gathering import as_it_stands, case_of, keep
from vouch.api.grounds import ground_of_bundle, ground_of_folds, ground_of_training
from vouch.api.measuring import now, remeasured, truth_of
from vouch.api.predicting import Bundle, as_bundle
from vouch.api.retraining import retrained
from vouch.auditing.coverage import SHORTFALL, coverage_shortfall, held, held_by_own_word
from vouch.auditing.proving import Extra, Ledger, Pair, prove, sentence, without
from vouch.auditing.search import NOTHING, Aim, Choice, Ground, Pace, said_of, search
from vouch.contracts.bundle import Look, Treatment
from vouch.contracts.case import BudgetSpent, Challenge, Remedy
from vouch.contracts.options import FixOptions
from vouch.contracts.proof import TRANSFER, Audit, Proof
from vouch.errors import OutputError, UsageError
from vouch.report import pages
from vouch.report.figures.front import front
from vouch.tasks.metrics import BY_TASK, MetricSpec
from vouch.wording import count, metric_within


class Proven(Proof):
    """A proof with the treated network."""

    bundle: Bundle


@dataclass(frozen=True, slots=True, eq=False)
class _Fix:
    """What is to be mended, and how it is to be judged.

    Args:
        model: the bundle as it is used.
        case: of it.
        challenge: the failing.
        remedies: that suit.
        criterion: the metric that decides, on the sealed rows.
        by: name of the metric by which remedies are chosen.
        main: the metric whose loss is limited.
        max_loss: how much of it may be lost, in points or as a share; none when anything may.
        seeds: of the proof.
        look: the how-many-th proof on these sealed rows it is.
    """

    model: Bundle
    case: LiveCase
    challenge: Challenge
    remedies: tuple[Remedy[Any], ...]
    criterion: MetricSpec
    by: str
    main: MetricSpec
    max_loss: float | None
    seeds: tuple[int, ...]
    look: int


def fix(bundle: Bundle | str | Path, challenge: str, **options: Unpack[FixOptions]) -> Proven:
    """Treat a failing, and prove on the sealed rows what the treatment is worth.

    The remedy and its strength are chosen on rows that are not sealed; then the network is compared with and without it
    on the same sealed rows, over several seeds where it had to be trained again.

    Args:
        bundle: from ``fit`` or ``load``, or the folder of one; in a folder the proof is kept.
        challenge: what to treat, such as "overfitting".
        options: see :class:`vouch.contracts.options.FixOptions`.

    Returns:
        The proof; ``proof.bundle`` is the treated network, or the same as before where nothing was found that helps.

    Raises:
        VouchError: the options are wrong, no remedy suits, or the data is not there.

    Example:
        >>> import vouch
        >>> rows = {"size": [float(i) for i in range(200)], "large": ["no", "yes"] * 100}
        >>> bundle = vouch.fit(rows, "large", settings={"epochs": 1})
        >>> fix(bundle, "calibration").verdict in ("better", "no evidence", "worse")
        True
    """
    started = time.perf_counter()
    task = _ask(bundle, challenge, options)
    choice = _search(task)
    finishing = tuple(one for one in task.remedies if one.finishes)
    if choice.remedy is None and not finishing:
        found = _drawn(task, _nothing_helps(task, choice, time.perf_counter() - started))
        return _proven(_remember(task, found, looked=False), found)
    treated, pair, strength = _treat(task, choice, finishing)
    extra = [*_coverage(task, treated, pair), *_own(task, pair)]
    # Where sets are all that was added, what they hold is all that can have become better, unless another was named.
    alone = choice.remedy is None and options.get("criterion") is None
    criterion = extra[0].spec if alone else task.criterion
    ledger = prove(pair, criterion, task.look, task.case.bundle.recipe.seed, extra)
    seeds = task.seeds[: len(pair.before)]
    found = _drawn(task, _written(task, choice, ledger, strength, seeds, time.perf_counter() - started))
    _remember(task, found, looked=True)
    return _proven(_finish(task, treated, found, options.get("out")), found)


def _ask(bundle: Bundle | str | Path, name: str, options: FixOptions) -> _Fix:
    """Read and check everything that was asked."""
    (challenge,) = chosen((name,), options.get("challenges") or ())
    model = as_it_stands(bundle)
    if options.get("out") is not None:
        place = store.check_place(Path(str(options.get("out"))))
        if model.place is not None and place == model.place.resolve():
            raise OutputError(
                "the treated bundle would take the place of the one that is treated", where=str(place),
                next_step="Name another place with --out; the bundle keeps the proof.",
            )  # fmt: skip
    clock = clock_for(model, options.get("budget"), trainings_for(model))
    seeds = options.get("seeds") or seeds_for(clock)
    if seeds < FEWEST_SEEDS:
        raise UsageError("too few seeds for a proof", expected=f"at least {FEWEST_SEEDS}", received=str(seeds))
    case = case_of(model, options, clock)
    if why := challenge.applies(case) or judging_of(challenge).unsuited(case):
        raise UsageError(f"'{name}' cannot be treated here: {why}")
    wanted = criterion_of(case, challenge, options.get("criterion"))
    case = case.under(name, wanted)
    remedies = _suited(case, challenge, options.get("remedy"))
    if all(remedy.changes != "bundle" for remedy in challenge.remedies):
        # A network that is trained anew has no use for what brought another one's probabilities closer to frequencies.
        case = _bare(case)
    most = options.get("max_loss")
    seed = model.recipe.seed
    return _Fix(
        model, _with_folds(case, challenge, remedies), challenge, remedies,
        criterion=metrics_on(case, challenge, case.split.test)[wanted],
        # Of these a few rows tell little; a proper score moves with every row, towards calibration and sharpness.
        by="log_loss" if wanted in ("ece", "accuracy") else wanted,
        main=main_of(case, challenge),
        max_loss=judging_of(challenge).max_loss if most is None else _share(most),
        seeds=tuple(range(seed, seed + seeds)),
        look=1 + sum(one.by in ("fix", "tune", TRANSFER) for one in model.looks),
    )  # fmt: skip


def _bare(case: LiveCase) -> LiveCase:
    """The case of the network alone, without what comes after it."""
    return case.holding(replace(case.bundle, calibrator=None, conformal=None, shifts=None))


def _suited(case: LiveCase, challenge: Challenge, named: str | None) -> tuple[Remedy[Any], ...]:
    """The remedies that make sense; where answers are shifted by group, only those that leave the network as it is."""
    remedies = suited(case, challenge, named)
    if case.bundle.shifts is None:
        return remedies
    kept = tuple(one for one in remedies if one.changes == "bundle")
    if not kept:
        raise UsageError(
            "the answers of this bundle are shifted by group, which does not fit a network that is trained anew",
            received=", ".join(one.name for one in remedies),
            next_step="Treat the bundle that it was made from, and shift again afterwards.",
        )  # fmt: skip
    return kept


def _with_folds(case: LiveCase, challenge: Challenge, remedies: Sequence[Remedy[Any]]) -> LiveCase:
    """The case with what was said of rows out of fold, where remedies of a trained bundle learn from that."""
    learning = judging_of(challenge).folds and any(one.changes == "bundle" for one in remedies)
    if not learning or case.bundle.out_of_fold is not None:
        return case
    try:
        case.out_of_fold()
    except BudgetSpent:
        return case
    return case.holding(replace(case.bundle, out_of_fold=case.folds_frame))


def _search(task: _Fix) -> Choice:
    """Choose among remedies: on rows put aside from training where any trains anew, else on validation rows."""
    case, rng = task.case, task.case.random("ground")
    choosable = [one for one in task.remedies if not one.finishes]
    if not choosable:
        return Choice(())
    if (first := choosable[0]).outright:
        return Choice((), first, first.strengths(case)[0])
    training = [one for one in choosable if one.changes != "bundle"]
    asked, ground = _ground(task, choosable, rng)
    doubts = [one.doubts(case) for one in training if one.doubts is not None]
    ground = replace(ground, doubted=np.unique(np.concatenate([ground.doubted, *doubts])))
    truth = truth_of(case.bundle, case.dataset, ground.rows, "valid")
    reserved = (2 * len(task.seeds) - 1.0) if training else 0.0
    case.budget.spend(reserved)
    try:
        pace = Pace(case.budget, case.means.progress)
        spec = metrics_on(case, task.challenge, ground.rows)[task.by]
        return search(asked, choosable, Aim(spec, task.main, task.max_loss), ground, truth, pace)
    except BudgetSpent as spent:
        raise UsageError(
            "the budget is too small to try any remedy", received=str(spent),
            expected=f"about {case.budget.spent + 2:.0f} times the time of training",
            next_step="Give more, such as --budget 30m.",
        ) from spent  # fmt: skip
    finally:
        case.budget.spend(-reserved)


def _ground(task: _Fix, remedies: Sequence[Remedy[Any]], rng: np.random.Generator) -> tuple[LiveCase, Ground]:
    """The rows that suit the kinds of remedies, and the case as the search asks it."""
    case, kinds = task.case, {one.changes == "bundle" for one in remedies}
    kept = case.bundle.out_of_fold if judging_of(task.challenge).folds else None
    if kinds == {False}:
        return case, ground_of_training(case, rng)
    if kept is None and kinds == {True}:
        return case, ground_of_bundle(case, rng)
    # What the search holds back must not be known from elsewhere.
    forgetful = case.holding(replace(case.bundle, out_of_fold=None))
    if kept is None or False in kinds:
        return _bare(forgetful), ground_of_folds(case, rng)
    rows, decoded = kept["row"].to_numpy(), kept.drop("row", "fold").to_numpy()
    speaking = forgetful.speaking(rows, decoded if case.bundle.task.classes else decoded[:, 0])
    return speaking, ground_of_bundle(case, rng, rows)


def _treat(task: _Fix, choice: Choice, finishing: tuple[Remedy[Any], ...]) -> tuple[Bundle, Pair, str]:
    """Apply the remedy for good, and predict the sealed rows with and without it."""
    case, remedy = task.case, choice.remedy
    if remedy is not None and remedy.changes != "bundle":
        lesson = changed(case, remedy, case.lesson, choice.strength)
        bundle, pair = retrained(_bare(case), task.model, lesson, task.seeds, remedy.name)
        return bundle, pair, str(choice.strength)
    bundle = case.bundle
    steps = [] if remedy is None else [(remedy, choice.strength)]
    for one, strength in (*steps, *((last, last.strengths(case)[0]) for last in finishing)):
        bundle = one.treat(case.holding(bundle), bundle, strength)
    after = case.answered(bundle, case.split.test)
    truth = truth_of(case.bundle, case.dataset, case.split.test, "test")
    pair = Pair(truth, [case.scored("test").decoded], [after])
    inputs = [block.encoded for block in case.blocks]
    return remeasured(bundle, case.dataset, inputs, after), pair, str(choice.strength)


def _coverage(task: _Fix, treated: Bundle, pair: Pair) -> list[Extra]:
    """What the sets of a treated bundle hold on the sealed rows, against those of before, or the network's own word."""
    sets, had, truth = treated.conformal, task.model.conformal, pair.truth
    if sets is None:
        return []
    after = held(sets, pair.after[0], truth.values)
    if had is not None:
        before = held(had, pair.before[0], truth.values)
    else:
        spread = float(np.sqrt(np.square(task.case.scored("train").losses).mean()))
        before = held_by_own_word(pair.before[0], truth.values, sets.coverage, spread)
    return [Extra(coverage_shortfall(sets), Pair(truth, [before], [after]))]


def _own(task: _Fix, pair: Pair) -> list[Extra]:
    """The challenge's own metrics, on the sealed rows."""
    known = {spec.name for spec in pair.truth.metrics}
    every = metrics_on(task.case, task.challenge, task.case.split.test)
    return [Extra(spec, pair) for name, spec in every.items() if name not in known]


def _finish(task: _Fix, treated: Bundle, found: Proof, out: str | Path | None) -> Bundle:
    """Write down in the treated bundle what was done to it, and put it in its place."""
    case = task.case
    said = next((one.says for one in task.remedies if one.name == found.remedy), "")
    done = Treatment(task.challenge.name, found.remedy, found.strength, said)
    look = Look("fix", now(), f"proof of {found.remedy}")
    treatments, looks = (*case.bundle.treatments, done), (*case.bundle.looks, look)
    final = as_bundle(replace(treated, treatments=treatments, looks=looks, audit=Audit(proofs=(found,))))
    place = Path(out) if out is not None else beside(task.model, task.challenge.name)
    if place is not None:
        store.save(final, place, pages(final))
    return final.known(place, (case.raw, case.dataset))


def beside(bundle: Bundle, challenge: str) -> Path | None:
    """Where a treated bundle goes when nothing is said: beside the one that was treated."""
    place = bundle.place
    return None if place is None else place.with_name(f"{place.name.removesuffix('.vouch')}-{challenge}.vouch")


def _remember(task: _Fix, found: Proof, *, looked: bool) -> Bundle:
    """Keep a proof, and the look that it cost, in the bundle that was treated."""
    audit = task.model.audit or Audit()
    look = Look("fix", now(), f"proof of {found.remedy}") if looked else None
    return keep(task.model, task.case, replace(audit, proofs=(*audit.proofs, found)), look)


def _nothing_helps(task: _Fix, choice: Choice, seconds: float) -> Proof:
    dear = "" if task.max_loss is None else f" at a cost of at most {said_of(task.main, task.max_loss)}"
    said = (
        f"None of {count(len(choice.trials) - 1, 'candidate')} was shown to be better than doing nothing by "
        f"{metric_within(task.by)}{dear} on the rows kept for choosing; the sealed rows were not looked at, "
        "and nothing was changed."
    )
    return Proof(
        task.challenge.name, NOTHING, "", task.criterion.name, "no evidence", said, (), (), (), (),
        task.by, choice.trials, (), task.look, _notes(task, choice), (), seconds,
    )  # fmt: skip


def _written(
    task: _Fix, choice: Choice, ledger: Ledger, strength: str, seeds: tuple[int, ...], seconds: float
) -> Proof:
    remedy = choice.remedy.name if choice.remedy else next(one.name for one in task.remedies if one.finishes)
    what = remedy.replace("_", " ") + (f" ({strength})" if strength else "")
    outright = choice.remedy is not None and choice.remedy.outright
    said = (without if outright else sentence)(ledger.claim, ledger.before[0], ledger.after[0], what)
    if choice.remedy is None:
        said = f"{said} {_untouched(choice)}"
    return Proof(
        task.challenge.name, remedy, strength, ledger.claim.name, ledger.claim.verdict, said, ledger.before,
        ledger.after, (ledger.claim,), ledger.price, task.by, choice.trials, seeds, task.look,
        (*_notes(task, choice), *_fewer(task, choice, seeds), *_of_sets(task, ledger),
         *judging_of(task.challenge).notes(task.case)), (), seconds,
    )  # fmt: skip


def _drawn(task: _Fix, found: Proof) -> Proof:
    """The proof with the front of what was tried, where it was judged by a metric that is none of the task's."""
    found = replace(found, main=task.main.name)
    known = {spec.name for spec in BY_TASK[task.model.schema.task]}
    drawn = None if found.criterion in known else front(found)
    return found if drawn is None else replace(found, figures=(drawn,))


def _fewer(task: _Fix, choice: Choice, seeds: tuple[int, ...]) -> tuple[str, ...]:
    """A note where a proof has fewer seeds than were asked for."""
    if choice.remedy is None or choice.remedy.changes == "bundle" or len(seeds) == len(task.seeds):
        return ()
    return (f"{len(seeds)} seeds were trained, and not {len(task.seeds)}: no time was left for more.",)


def _of_sets(task: _Fix, ledger: Ledger) -> tuple[str, ...]:
    """What the figure on sets of before is, where there were none."""
    if task.model.conformal is not None or not any(one.name == SHORTFALL for one in (ledger.claim, *ledger.price)):
        return ()
    return (
        "Before, the bundle gave no sets: the figure is that of sets which follow the network's own probabilities.",
    )


def _untouched(choice: Choice) -> str:
    """Why sets are all that was added."""
    if not choice.trials:
        return "The predictions stay as they are, for nothing that changes them could be tried."
    return f"The predictions stay as they are, for none of {count(len(choice.trials) - 1, 'candidate')} was better."


def _notes(task: _Fix, choice: Choice) -> tuple[str, ...]:
    if choice.remedy is not None and choice.remedy.outright:
        return (
            "Taken because it was named. What it takes away is in the sealed rows too, and made their scores too good.",
        )
    doubted = (
        f"Remedies were compared without the {choice.doubted:,} rows whose targets fit the predictions least, since "
        "targets may be wrong; what was clearly worse on all rows was not taken."
    )
    dear = None if task.max_loss is None else said_of(task.main, task.max_loss)
    too_dear = f"What cost more than {dear} on the rows kept for choosing was not taken."
    untried = f"Not tried, for no time was left to train them: {', '.join(choice.left_out)}. More budget tries them."
    notes = ((doubted, choice.doubted), (too_dear, dear), (untried, choice.left_out))
    return tuple(note for note, due in notes if due)


def _share(given: float | str | None) -> float | None:
    """A share, or points, as 0.02 or "2%"."""
    if given is None:
        return None
    text = str(given).strip()
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise UsageError("what may be lost is no share", expected="such as 2% or 0.02", received=repr(given))
    return value


def _proven(bundle: Bundle, found: Proof) -> Proven:
    proof = Proven(**{field.name: getattr(found, field.name) for field in fields(found)})
    object.__setattr__(proof, "bundle", bundle)
    return proof
