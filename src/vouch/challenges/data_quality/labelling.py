"""Label errors: which labels contradict networks that never saw them, and what may be done about those in training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import torch

from vouch.challenges.data_quality.bayes import believed
from vouch.challenges.data_quality.labels import (
    LabelErrors,
    Share,
    find_label_errors,
    find_label_errors_of_each,
    find_outlying_targets,
)  # fmt: skip
from vouch.challenges.data_quality.looking import (
    Floats,
    Found,
    Rows,
    Say,
    flagged,
    indicators,
    once,
    table,
    too_few,
    unsealed,
)  # fmt: skip
from vouch.challenges.data_quality.outliers import EXPECTED, beyond_tail
from vouch.challenges.data_quality.single import Skill, skill
from vouch.challenges.judging import judge
from vouch.contracts.case import Case, Lesson, Remedy, Scored, Strength
from vouch.contracts.finding import Check, Estimate, Table, Threshold
from vouch.wording import clean, count, number

SHARE = Threshold("label_errors", 0.02, 0.25, why="benchmark test sets hold 3.3 % wrong labels on average")
FAR = Threshold("target_errors", 0.0005, 0.05, why="beyond the tail that the other residuals have, none is expected")
_TOLD = 1 / 3
_ABOUT = 0.05
_SHARES = (0.05, 0.15)
_KEPT_WEIGHT = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Suspected:
    """Rows whose target is suspected, most suspect first, with what was predicted of all rows out of fold.

    Args:
        rows: those that are flagged, by their numbers in the cleaned data (n,).
        scores: how suspect each of these is (n,).
        meant: what was predicted instead of every ranked row: class codes, or values (B,).
        ranked: all rows that are not sealed, the flagged ones first, then by suspicion (B,).
        errors: one result for each question; one for a target of classes, one for each label.
    """

    rows: Rows
    scores: Floats
    meant: Floats
    ranked: Rows
    errors: tuple[LabelErrors, ...]


def label_errors(case: Case) -> Check:
    """How many targets contradict what models that never saw the row are sure of.

    The share is read off the rows of which the predictions are surest, which is what is wrong at least; confident
    learning (Northcutt et al., 2021) counts hard rows too and stands beside it. Texts that stand alone are judged by
    naive Bayes (Rennie et al., 2003), which can hardly learn the mistakes, as long as it predicts about as well as
    networks; all else by networks. Where these tell less than a third of the target's variance, a wrong label cannot
    be told from a hard row. It promises to find, with power .9,
    12 % of the labels set to another class, from 1 000 rows on, where a network tells nine tenths of the variance of
    the true ones.
    """
    if few := too_few(case, "label_errors", len(unsealed(case))):
        return few
    scored, found = _witness(case), suspected(case)
    if not case.bundle.task.classes:
        return _far_targets(case, scored, found)
    errors = max(found.errors, key=lambda one: one.surest.value if one.surest else -1.0)
    if errors.surest is None or errors.estimated is None:
        return Check("label_errors", "inconclusive", "No class has enough rows to judge its labels.", "too few rows")
    least, counted = _estimate("label_errors", errors.surest), _estimate("label_errors_counted", errors.estimated)
    threshold, told = case.threshold(SHARE, "label_errors"), _told(case, scored)
    verdict = judge(least, threshold)
    if verdict.verdict in ("warn", "fail") and told.value < _TOLD:
        return _hard_to_tell((least, counted), threshold, told.value)
    headline = (
        f"At least {_percent(least.value)} % of the labels look wrong, by the rows that predictions are surest of; "
        f"{count(len(found.rows), 'row')} of {len(scored.rows):,} are listed."
    )
    reason = f"{verdict.reason}; labels that are wrong in a way that models learn cannot be seen from within"
    suspects = Found(found.rows, found.scores, _reasons(case, found)).suspects
    return Check(
        "label_errors", verdict.verdict, headline, reason, (least, counted), threshold,
        suspects=suspects, tables=_mixed_up(case, errors),
    )  # fmt: skip


def _hard_to_tell(estimates: tuple[Estimate, ...], threshold: Threshold, told: float) -> Check:
    """The answer where predictions are so weak that no row can be pointed at."""
    what = f"the predictions tell {number(told)} of the target's variance"
    headline = f"Wrong labels cannot be told from hard rows here: {what}, and {number(_TOLD)} are needed."
    reason = f"{what}: wrong labels look like hard rows"
    return Check("label_errors", "inconclusive", headline, reason, estimates, threshold)


def suspected(case: Case) -> Suspected:
    """The rows whose target is suspected; computed once."""
    return once(case, "suspected targets", lambda: _suspected(case))


def prune(case: Case, lesson: Lesson, strength: Strength) -> Lesson:
    """Leave the most suspect training rows out."""
    return replace(lesson, train=lesson.train[~np.isin(lesson.train, _treated(case, lesson, strength)[0])])


def downweight(case: Case, lesson: Lesson, strength: Strength) -> Lesson:
    """Let the most suspect training rows count a tenth."""
    weights = np.ones(lesson.dataset.frame.height) if lesson.weights is None else lesson.weights.copy()
    weights[_treated(case, lesson, strength)[0]] *= _KEPT_WEIGHT
    return replace(lesson, weights=weights)


def relabel(case: Case, lesson: Lesson, strength: Strength) -> Lesson:
    """Give the most suspect training rows the target that was predicted of them out of fold."""
    rows, meant = _treated(case, lesson, strength)
    name, classes = lesson.schema.target.name, case.bundle.task.classes
    column = lesson.dataset.frame[name]
    cells = [classes[int(k)] for k in meant] if classes else meant.tolist()
    values = pl.Series(cells, dtype=column.dtype) if len(cells) else column.head(0)
    changed = column.scatter(rows, values) if len(rows) else column
    return replace(lesson, dataset=replace(lesson.dataset, frame=lesson.dataset.frame.with_columns(changed)))


def _treated(case: Case, lesson: Lesson, strength: Strength) -> tuple[Rows, Floats]:
    """The most suspect of the training rows, and what was predicted of them; ``strength`` is their share of the rows.

    No class loses more than half of its rows, for a class that the networks hardly know looks wrong as a whole.
    """
    found = suspected(case)
    mine = np.flatnonzero(np.isin(found.ranked, lesson.train))
    if case.bundle.task.classes and case.truth(found.ranked[:1]).ndim == 1:
        mine = mine[_within_half(case.truth(found.ranked[mine]), case.truth(np.unique(lesson.train)))]
    kept = mine[: round(float(strength) * len(np.unique(lesson.train)))]
    return found.ranked[kept], found.meant[kept]


def _within_half(ranked: Rows, every: Rows) -> Rows:
    """Places in a ranking whose row is among the first half of its class, by the class sizes in ``every``."""
    sizes, taken, places = np.bincount(every + 1), np.zeros(len(np.bincount(every + 1)), np.int64), []
    for place, code in enumerate((ranked + 1).tolist()):
        taken[code] += 1
        if taken[code] <= sizes[code] / 2:
            places.append(place)
    return np.array(places, dtype=np.int64)


def _witness(case: Case) -> Scored:
    """Predictions of rows that the models behind them never saw, by what is least likely to have learned mistakes."""
    return once(case, "witness", lambda: _called(case))


def _called(case: Case) -> Scored:
    """Naive Bayes for texts that stand alone, where it predicts the labels about as well as networks; else networks."""
    scored = case.out_of_fold()
    texts = [b for b in case.blocks if b.capabilities.discrete and b.capabilities.ordered]
    known = np.flatnonzero(scored.truth >= 0) if case.bundle.task.classes and scored.truth.ndim == 1 else ()
    if not len(known) or not texts or len(texts) < len(case.blocks):
        return scored
    rows = scored.rows[known]
    ids = np.concatenate([block.encoded[torch.from_numpy(rows)].long().numpy() for block in texts], axis=1)
    names = [column.name for block in texts for column in block.columns]
    cells = case.dataset.frame[rows].select(pl.concat_str(names, separator=" ", ignore_nulls=True).alias("texts"))
    units = np.arange(len(rows)) if case.groups is None else np.unique(case.groups[rows], return_inverse=True)[1]
    said = scored.decoded.copy()
    bayes = believed(ids, cells["texts"].fill_null("").to_list(), scored.truth[known], units)
    said[known] = np.pad(bayes, ((0, 0), (0, said.shape[1] - bayes.shape[1])))
    right = [(each[known].argmax(axis=1) == scored.truth[known]).mean() for each in (scored.decoded, said)]
    return replace(scored, decoded=said) if right[1] >= right[0] - _ABOUT else scored


def _suspected(case: Case) -> Suspected:
    scored = _witness(case)
    if not case.bundle.task.classes:
        errors = find_outlying_targets(scored.decoded, scored.truth)
        return _ranked(scored, errors.rows, errors.suspicion, scored.decoded, (errors,))
    if scored.truth.ndim == 2:
        each = find_label_errors_of_each(scored.decoded, scored.truth)
        highest = np.nanmax(np.stack([np.nan_to_num(one.suspicion) for one in each]), axis=0)
        at = np.unique(np.concatenate([one.rows for one in each]))
        at = at[np.argsort(-highest[at], kind="stable")]
        return _ranked(scored, at, highest, np.full(len(highest), np.nan), each)
    found = find_label_errors(scored.decoded, scored.truth)
    other = scored.decoded.copy()
    known = np.flatnonzero(scored.truth >= 0)
    other[known, scored.truth[known]] = -1
    return _ranked(scored, found.rows, found.suspicion, other.argmax(axis=1).astype(np.float64), (found,))


def _ranked(scored: Scored, at: Rows, suspicion: Floats, meant: Floats, errors: tuple[LabelErrors, ...]) -> Suspected:
    """The flagged rows first, then all others by suspicion."""
    score = np.nan_to_num(suspicion)
    rest = np.setdiff1d(np.argsort(-score, kind="stable"), at, assume_unique=True)
    order = np.concatenate([at, rest[np.argsort(-score[rest], kind="stable")]]).astype(np.int64)
    return Suspected(scored.rows[at], score[at], meant[order], scored.rows[order], errors)


def _far_targets(case: Case, scored: Scored, found: Suspected) -> Check:
    """The answer for a quantity: how many residuals lie beyond the tail of the others."""
    residuals = scored.truth - scored.decoded
    far = beyond_tail(residuals, EXPECTED)[0]
    n = len(residuals)
    headline = f"{count(len(far), 'target')} of {n:,} differ from what was predicted beyond the tail of the others."
    reasons = [f"predicted {number(float(value))}" for value in found.meant[: len(found.rows)]]
    suspects = Found(found.rows, found.scores, reasons).suspects
    counted = Found(scored.rows[far], np.ones(len(far)), [""] * len(far))
    return flagged(case, "label_errors", counted, n, Say(headline, FAR, suspects=suspects))


def _told(case: Case, scored: Scored) -> Skill:
    target, names = indicators(case, scored.rows)
    at = [case.bundle.task.classes.index(name) for name in names]
    errors = np.square(target - scored.decoded[:, at]).sum(axis=1)
    return skill(errors, np.square(target - target.mean(axis=0)).sum(axis=1))


def _reasons(case: Case, found: Suspected) -> list[str]:
    classes, truth = case.bundle.task.classes, case.truth(found.rows)
    if truth.ndim == 2:
        return ["a label contradicts what was predicted"] * len(found.rows)
    return [
        f"labelled '{clean(classes[int(is_)], 40)}', predicted '{clean(classes[int(meant)], 40)}'"
        for is_, meant in zip(truth, found.meant[: len(truth)], strict=True)
    ]


def _mixed_up(case: Case, errors: LabelErrors) -> tuple[Table, ...]:
    """Which classes bear which other labels, most often first."""
    classes = case.bundle.task.classes
    if errors.noise is None or len(errors.noise) != len(classes):
        return ()
    noise = np.nan_to_num(errors.noise)
    pairs = [(j, k) for j in range(len(classes)) for k in range(len(classes)) if j != k and noise[j, k] > 0]
    pairs.sort(key=lambda pair: -noise[pair])
    rows = [(clean(classes[j], 60), clean(classes[k], 60), round(float(noise[j, k]), 4)) for j, k in pairs]
    return (table("Classes that are mixed up, as counted", ("class", "labelled as", "share of its rows"), rows),)


def _percent(share: float) -> str:
    return number(100 * share) if share else "0"


def _estimate(name: str, found: Share) -> Estimate:
    return Estimate(name, found.value, found.low, found.high, found.n, "", False, "out of fold", "wilson")


def _some(case: Case) -> Sequence[Strength]:
    """Shares of the training rows; none where more wrong labels than the check warns of can be ruled out.

    Of quantities, whose tails are often heavy, there must be one beyond what the tail explains.
    """
    found = suspected(case)
    if not np.isin(found.rows, case.lesson.train).any():
        return ()
    if not case.bundle.task.classes:
        scored = _witness(case)
        return _SHARES if len(beyond_tail(scored.truth - scored.decoded, EXPECTED)[0]) else ()
    most = max((one.surest.high for one in found.errors if one.surest), default=1.0)
    return _SHARES if most >= case.threshold(SHARE, "label_errors").warn else ()


def _doubted(case: Case) -> Rows:
    """Rows whose label is not to judge the remedies: all that they call wrong when they are at their strongest.

    Of quantities those that are flagged: without the largest errors everything would look alike.
    """
    found = suspected(case)
    if not case.bundle.task.classes:
        return found.rows
    return found.ranked[: round(max(_SHARES) * len(found.ranked))]


def _renamed(case: Case) -> Sequence[Strength]:
    return _some(case) if case.bundle.task.name != "multilabel" else ()


PRUNE = Remedy(
    "prune_label_errors", "Training rows whose label looks wrong are left out.", "lesson", _some, prune,
    doubts=_doubted,
)  # fmt: skip
DOWNWEIGHT = Remedy(
    "downweight_label_errors", "Training rows whose label looks wrong count a tenth.", "lesson", _some, downweight,
    doubts=_doubted,
)  # fmt: skip
RELABEL = Remedy(
    "relabel_label_errors", "Training rows whose label looks wrong get the one that is predicted out of fold.",
    "lesson", _renamed, relabel, doubts=_doubted,
)  # fmt: skip
