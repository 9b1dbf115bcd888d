"""The verb that says why a network answers as it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Unpack

import numpy as np
import numpy.typing as npt
import polars as pl
from torch import Tensor

from vouch.api.beside import Known, check_what_if, content, with_alike, with_what_if
from vouch.api.gathering import training_data
from vouch.api.measuring import shown
from vouch.api.predicting import Bundle, named_as_fitted
from vouch.api.standing_in import StandIns, known_background, known_groups, stand_ins
from vouch.api.synthesis import check_units, looked_into
from vouch.challenges import black_box
from vouch.challenges.black_box.faithful import faithful_explanations
from vouch.contracts.dataset import Dataset, Note
from vouch.contracts.explaining import Attribution, Explained, Explainer, Explanation, Question, Share
from vouch.contracts.finding import Estimate
from vouch.contracts.options import ExplainOptions
from vouch.contracts.proof import Audit
from vouch.data.clean import clean, unreadable_rows
from vouch.data.encode import encode
from vouch.data.read import read
from vouch.errors import EmptyDataError, UsageError, nearest
from vouch.explainers import ALL
from vouch.explainers.asking import likeliest, questions
from vouch.explainers.faithfulness import curves
from vouch.explainers.game import Game
from vouch.explainers.integrated_gradients import IntegratedGradients
from vouch.explainers.shapley import Shapley
from vouch.explainers.swarm import levels
from vouch.nets.network import outputs_of
from vouch.report.pictures import is_picture
from vouch.statistics.recalibration import said
from vouch.statistics.shifting import decided, deciding
from vouch.statistics.simultaneous import several_means

ROWS = "0:10"
Learned = Callable[[], Dataset | None]
_SHAPLEY, _QUICKER = Shapley(), IntegratedGradients()
# So many passes are a round of orders, of which several may be needed: what takes more keeps a reader waiting.
_QUICK = 128
_BEFORE_SHIFTS = "what is explained is what the network says, before the bundle moves its answers to other thresholds"


def explain(bundle: Bundle, data: object, **options: Unpack[ExplainOptions]) -> Explained:
    """Say how much each part of a row moved the network's answer: a column, a word, a patch of a picture.

    Args:
        bundle: from ``fit`` or ``load``.
        data: whatever ``fit`` reads, with or without the target.
        options: see :class:`vouch.contracts.options.ExplainOptions`.

    Returns:
        One explanation for each row, with the method and what it rests on.

    Raises:
        VouchError: the data is not usable, or there is no such row, method, class, background or column.

    Example:
        >>> import vouch
        >>> rows = {"size": [float(i) for i in range(60)], "large": ["no"] * 30 + ["yes"] * 30}
        >>> found = explain(vouch.fit(rows, "large", settings={"epochs": 2}), rows, rows="3")
        >>> found.explanations[0].shares[0].part
        'size'
    """
    return explain_with_notes(bundle, data, **options)[0]


def explain_with_notes(
    bundle: Bundle, data: object, **options: Unpack[ExplainOptions]
) -> tuple[Explained, tuple[Note, ...]]:
    """The same as :func:`explain`, and what had to be done to the data on the way."""
    background = known_background(options.get("background", "marginal"))
    together = known_groups(bundle, options.get("together") or ())
    # Which method is the truest was asked under a marginal background.
    default = _SHAPLEY.name if background == "conditional" else None
    method, chosen_by = found_method(options.get("method") or default, bundle)
    if options.get("what_if"):
        check_what_if(bundle, options.get("fixed") or ())
    if units := options.get("units", 0):
        check_units(bundle, units)
    whole = named_as_fitted(bundle, read(data))
    numbers = chosen_rows(options.get("rows", ROWS), whole.frame.height, whole.source)
    # Only what is looked at is decoded: a folder may hold a million pictures.
    raw = replace(whole, frame=whole.frame[numbers])
    canonical = clean(raw, bundle.schema, labelled=False)
    bad = unreadable_rows(raw, canonical, bundle.schema).to_numpy()
    numbers, skipped = numbers[~bad], int(bad.sum())
    if not len(numbers):
        raise EmptyDataError("none of the rows can be read", where=whole.source)
    frame = canonical.frame.filter(~bad)
    inputs = tuple(encode(frame, bundle.encoders))
    # Read again from where it was, once, and only if something asks for it.
    learned = cache(lambda: training_data(bundle))
    others = stand_ins(bundle, whole, inputs, learned, background)
    decoded = said(bundle, outputs_of(bundle.network.cpu(), inputs))
    asked = _Asked(bundle, inputs, others, decoded, options, together)
    every = asked.questions()
    if method is None:
        method, chosen_by = usual_method(every)
    attributions = [(question, _attributed(method, question)) for question in every]
    groups = deciding(bundle, canonical.frame, raw.frame, canonical.lines)
    final = decided(bundle, asked.decoded, None if groups is None else groups.filter(~bad))
    told = _told(asked, final, frame, numbers, method.name, attributions)
    explanations = _beside(asked, [question for question, _ in attributions], told, learned)
    inside = (
        looked_into(Known(bundle, numbers, frame, inputs), asked.wanted, learned(), units, options.get("seed", 0))
        if units else None
    )  # fmt: skip
    notes = _notes([one for _, one in attributions])
    before = (_BEFORE_SHIFTS,) if bundle.shifts is not None else ()
    lost = (Note("skipped", f"{skipped} rows whose picture cannot be read", skipped),) if skipped else ()
    faithful = _faithfulness(attributions, _unit(bundle))
    notes = (*notes, *others.notes, *before, *chosen_by)
    found = Explained(explanations, method.name, method.says, notes, faithful, inside, others.background)
    return found, (*canonical.notes, *lost)


def found_method(name: str | None, bundle: Bundle) -> tuple[Explainer | None, tuple[str, ...]]:
    """The explainer of that name, or the one that an audit found to be the truest of this network, or none.

    Args:
        name: what was asked for.
        bundle: which may hold an audit.

    Returns:
        The explainer, and why it is this one where it was not asked for by name.

    Raises:
        UsageError: there is no such method.
    """
    names = [one.name for one in ALL]
    if name is not None and name not in names:
        raise UsageError(f"there is no method '{name}'", where="--method", next_step=nearest(name, names))
    known = truest(bundle.audit) if name is None else name
    chosen = next((one for one in ALL if one.name == known), None)
    told = known is not None and name is None
    return chosen, ("of all methods this was the truest in the audit, on validation rows",) if told else ()


def usual_method(asked: Sequence[Question]) -> tuple[Explainer, tuple[str, ...]]:
    """Shapley values; where parts are inside pictures or long texts, and nobody would wait, integrated gradients.

    Returns:
        The explainer, and why it is not the first one.
    """
    inside = [one for one in asked if any(some.blank is not None for some in one.parts)]
    passes = max((_SHAPLEY.passes(len(one.names)) for one in inside), default=0)
    if passes <= _QUICK or any(_QUICKER.applies(one) for one in asked):
        return _SHAPLEY, ()
    told = f"Shapley values would take {passes:,} passes of the network or more for a row: ask for them by their name"
    return _QUICKER, (told,)


def truest(audit: Audit | None) -> str | None:
    """The method that passed an audit as the one that answers follow most closely; none where none did."""
    findings = () if audit is None else audit.findings
    checks = [check for one in findings if one.challenge == black_box.CHALLENGE.name for check in one.checks]
    passed = [check.estimates[0].name for check in checks
              if check.name == faithful_explanations.__name__ and check.verdict == "pass"]  # fmt: skip
    return passed[0].partition("[")[2].rstrip("]") if passed else None


def chosen_rows(text: str, count: int, source: str) -> npt.NDArray[np.int64]:
    """Numbers of rows: some, and slices of some, such as "3", "0:10" or "0:5,7,20:".

    Raises:
        UsageError: it cannot be read, or names no row of the data.

    Example:
        >>> chosen_rows("0:3,7", 20, "data.csv").tolist()
        [0, 1, 2, 7]
    """
    found: list[int] = []
    for part in text.split(","):
        begin, colon, end = (one.strip() for one in part.partition(":"))
        if not all(one.isdecimal() for one in (begin, end) if one) or not (begin or colon):
            raise UsageError(
                "the rows cannot be read", where="--rows", expected="numbers and slices from 0, such as 0:10 or 3,7",
                received=repr(text)[:60],
            )  # fmt: skip
        first = int(begin or 0)
        last = int(end or count) if colon else first + 1
        if first >= count or (not colon and last > count) or last <= first:
            raise UsageError(
                f"the data has no such rows: {part.strip()[:40]}", where=source, expected=f"rows from 0 to {count - 1}",
                next_step="Give others with --rows.",
            )  # fmt: skip
        found += range(first, min(last, count))
    return np.array(list(dict.fromkeys(found)), np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """Rows to be explained, encoded, with those that stand in for what is taken out, and what the bundle answers."""

    bundle: Bundle
    inputs: tuple[Tensor, ...]
    others: StandIns
    decoded: npt.NDArray[np.float64]
    options: ExplainOptions
    together: tuple[tuple[str, ...], ...]

    @property
    def wanted(self) -> npt.NDArray[np.int64]:
        """Which answer of each row is explained: of the class that is named; of two the second; else the likeliest."""
        classes, name = self.bundle.task.classes, self.options.get("output")
        if name is None:
            return likeliest(self.bundle, self.decoded)
        if name not in classes:
            raise UsageError(f"there is no class '{name}'", where="--class", next_step=nearest(name, classes))
        return np.full(len(self.inputs[0]), classes.index(name))

    def questions(self) -> list[Question]:
        """One question for all rows where they have the same parts, else one for each."""
        seed, background = self.options.get("seed", 0), self.others.background or "marginal"
        found = questions(self.bundle, self.inputs, self.others.inputs, self.wanted, seed)
        return [replace(one, background=background, together=self.together) for one in found]


def _attributed(method: Explainer, question: Question) -> Attribution:
    """What a method says to a question.

    Raises:
        UsageError: it does not apply to this network.
    """
    if why := method.applies(question):
        others = ", ".join(one.name for one in ALL if not one.applies(question))
        raise UsageError(
            f"the method '{method.name}' does not apply here: {why}", where="--method", expected=f"one of {others}"
        )
    return method.attribute(question)


def _beside(
    asked: _Asked, questions: Sequence[Question], told: tuple[Explanation, ...], learned: Learned
) -> tuple[Explanation, ...]:
    """The explanations with what else was asked for."""
    count, what_if = int(asked.options.get("alike") or 0), bool(asked.options.get("what_if"))
    by_rows = any(some.blank is None for question in questions for some in question.parts)
    option = "--alike" if count else "--what-if"
    known = Known.of(asked.bundle, learned(), option) if count or (what_if and by_rows) else None
    if what_if:
        told = with_what_if(known if by_rows else None, questions, told, asked.options.get("fixed") or ())
    return with_alike(known, questions, told, count) if known is not None and count else told


def _notes(found: Sequence[Attribution]) -> tuple[str, ...]:
    """How contributions were computed, and how exact they are."""
    notes = list(dict.fromkeys(note for one in found for note in one.notes))
    error = max(one.errors.max(initial=0.0) for one in found)
    misses = max(one.misses for one in found)
    fits = [one.fit.min(initial=1.0) for one in found if one.fit is not None]
    if error:
        notes.append(f"standard error {error:.2g} at most")
    if misses:
        notes.append(f"contributions miss the answers by {misses:.1g} at most")
    if fits:
        notes.append(f"they explain {min(fits):.0%} or more of how the answers vary near a row")
    return tuple(notes)


def _faithfulness(attributions: Sequence[tuple[Question, Attribution]], unit: str) -> tuple[Estimate, ...]:
    """How far the answers fall and rise when parts go and come in the order of their contributions."""
    found = [curves(Game(question), one.values) for question, one in attributions]
    out, put_in = (np.concatenate([curve.areas[k] for curve in found]) for k in (0, 1))
    each = np.stack([put_in - out, put_in, out], axis=1)
    means = several_means(each, np.ones(each.shape, bool))
    # One row says nothing of how much rows differ.
    low, high = means.alone if len(each) > 1 else (np.full(3, -np.inf), np.full(3, np.inf))
    return tuple(
        Estimate(name, float(means.value[k]), float(low[k]), float(high[k]), len(each), unit, k < 2, "all", "t")
        for k, name in enumerate(("insertion_less_deletion", "insertion", "deletion"))
    )


def _unit(bundle: Bundle) -> str:
    """The unit of what is explained: none of a probability."""
    return "" if bundle.task.classes else bundle.schema.target.name


def _told(
    asked: _Asked, final: npt.NDArray[np.float64], frame: pl.DataFrame, numbers: npt.NDArray[np.int64], method: str,
    attributions: Sequence[tuple[Question, Attribution]],
) -> tuple[Explanation, ...]:  # fmt: skip
    """Attributions for readers, one explanation for each row."""
    bundle, predictions = asked.bundle, asked.bundle.task.frame(final)["prediction"].to_list()
    whole = [(question, one, row) for question, one in attributions for row in range(question.rows)]
    found, heights = [], _levels(frame)
    for place, (question, one, row) in enumerate(whole):
        high = {name: values[place] for name, values in heights.items()}
        cells = shown(bundle.schema, frame.row(place, named=True), most=len(bundle.schema.features))
        output = bundle.task.classes[question.wanted[row]] if bundle.task.classes else ""
        shares = _shares(question, one, row, dict(cells), high)
        found.append(Explanation(
            int(numbers[place]), predictions[place], f"probability[{output}]" if output else bundle.schema.target.name,
            float(one.answers[row]), float(one.base[row]), shares, method, cells,
        ))  # fmt: skip
    return tuple(found)


def _levels(frame: pl.DataFrame) -> dict[str, list[float | None]]:
    """How high each value of the quantities and dates is among the rows; none where it is missing or does not vary."""
    ordered = [name for name, kind in frame.schema.items() if kind.is_numeric() or kind.is_temporal()]
    found = {name: levels(frame[name].to_physical().cast(pl.Float64).fill_null(float("nan")).to_numpy())
             for name in ordered}  # fmt: skip
    return {name: [None if np.isnan(level) else float(level) for level in some] for name, some in found.items()}


def _shares(
    question: Question, one: Attribution, row: int, cells: dict[str, str], high: dict[str, float | None]
) -> tuple[Share, ...]:
    """The contributions to the answer of one row, largest first."""
    found: dict[int, Share] = {}
    names, joined = question.names, {column: group for group in question.together for column in group}
    blocks = zip(question.parts, question.columns, question.players, strict=True)
    for some, columns, players in blocks:
        for k, (column, player) in enumerate(zip(columns, players, strict=True)):
            name, value, error = names[player], float(one.values[row, player]), float(one.errors[row, player])
            if column in joined:
                told = [cell for part in joined[column]
                        if (cell := cells.get(part, "")) and not is_picture(cell)]  # fmt: skip
                found[player] = Share(name, name, 0, "; ".join(told), value, error)
                continue
            cell, box = content(some, k, column, cells), some.boxes[k] if some.boxes else None
            found[player] = Share(
                name, column, 0 if some.blank is None else k, cell, value, error, box, high.get(column)
            )
    return tuple(sorted(found.values(), key=lambda share: -abs(share.value)))
