"""What the answers rest on over all rows: how much worse they are when one column is shuffled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from vouch.challenges.black_box import drawings
from vouch.challenges.black_box.attributed import Floats, Rows
from vouch.challenges.black_box.effects import Answer, Effects, effects
from vouch.challenges.judging import FEWEST_ROWS, judge, not_asked, too_few
from vouch.contracts.case import Case
from vouch.contracts.finding import Check, Estimate, Figure, Table, Threshold
from vouch.nets.network import outputs_of
from vouch.statistics.intervals import bootstrap
from vouch.statistics.recalibration import said
from vouch.statistics.simultaneous import Together, several_means
from vouch.wording import clean, number

LEANS = Threshold(
    "share_of_one_column", warn=0.8, fail=0.95,
    why="at 0.95 all other columns together bring a twentieth: one cell that is wrong, or changes its meaning, decides",
)  # fmt: skip
_MOST_ROWS, _SHUFFLES, _SHOWN, _DRAWN = 2_000, 3, 30, 15
_FOLLOWED, _ROWS_FOLLOWED = 3, 1_000


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """A column and where it lies in the encoded rows: its block, and the values that are its own (none: all)."""

    name: str
    block: int
    own: torch.Tensor | None


def leans_on_one_column(case: Case) -> Check:
    """How much worse are predictions of sealed rows when one column is shuffled among them?

    The rise of the loss (negative log-likelihood, or the absolute error) is how much the network rests on the column
    beside all others (permutation importance: Breiman, 2001; Fisher, Rudin and Dominici, 2019), the mean of three
    shuffles, with intervals that hold for all columns at once. The figure is the share of the most important column in
    the sum of all rises. Columns that say the same share what they bring, and each may look small.

    Promises to find: one of four columns that decides 99 % of the score behind the target, on 500 sealed rows.
    """
    name = "leans_on_one_column"
    columns = _columns(case)
    if len(columns) < 2:
        return not_asked(name, "the network is told one thing alone")
    test = case.scored("test").rows
    if len(test) < FEWEST_ROWS:
        return too_few(name, len(test), "sealed rows")
    rng = case.random("shuffled columns")
    rows = np.sort(rng.choice(test, min(_MOST_ROWS, len(test)), replace=False))
    rises = _rises(case, columns, rows, rng)
    groups = None if case.groups is None else case.groups[rows]
    found = several_means(rises, np.ones(rises.shape, bool), groups)
    top = int(found.value.argmax())

    def share(weights: Floats) -> Floats:
        each = np.clip(weights @ rises, 0, None)
        total = each.sum(axis=1)
        return np.divide(each[:, top], total, out=np.full(len(total), np.nan), where=total > 0)

    drawn = bootstrap(share, len(rows), seed=case.bundle.recipe.seed, groups=groups)
    value, (low, high) = float(drawn.value[0]), (float(end[0]) for end in drawn.interval())
    if not np.isfinite([value, low, high]).all():
        return not_asked(name, "no column makes predictions worse when it is shuffled")
    estimate = Estimate(LEANS.name, value, low, high, len(rows), higher_is_better=False)
    threshold = case.threshold(LEANS, name)
    judged = judge(estimate, threshold)
    unit = "nats" if case.bundle.task.classes else case.bundle.schema.target.name
    headline = (
        f"Shuffling “{clean(columns[top].name, 60)}” costs most: the loss rises by {number(float(found.value[top]))} "
        f"{unit}, which is {number(value)} of what all {len(columns)} columns cost, each by itself."
    )
    figures = (_figure(columns, found, headline, unit), *_effects(case, columns, found))
    return Check(
        name, judged.verdict, headline, judged.reason, (estimate,), threshold, figures=figures,
        tables=(_table(columns, found, unit),),
    )  # fmt: skip


def _columns(case: Case) -> list[_Column]:
    """Every column that the network sees; those of one block by what each owns of the encoded row."""
    found = []
    for number_of, (encoder, block) in enumerate(zip(case.bundle.encoders, case.blocks, strict=True)):
        parts = encoder.parts(block.encoded[0])
        if parts.blank is not None:
            found.append(_Column(encoder.columns[0], number_of, None))
            continue
        found += [_Column(part, number_of, parts.owner == k) for k, part in enumerate(parts.names)]
    return found


def _rises(case: Case, columns: list[_Column], rows: Rows, rng: np.random.Generator) -> Floats:
    """How much each row's loss rises when each column comes from another row (n, columns)."""
    bundle, at, truth = case.bundle, torch.from_numpy(rows), case.truth(rows)
    inputs = [block.encoded[at] for block in case.blocks]

    def losses(given: list[torch.Tensor]) -> Floats:
        return bundle.task.losses(said(bundle, outputs_of(bundle.network.cpu(), given)), truth)

    before, out = losses(inputs), np.zeros((len(rows), len(columns)))
    for _ in range(_SHUFFLES):
        order = torch.from_numpy(rng.permutation(len(rows)))
        for k, column in enumerate(columns):
            given, own = list(inputs), inputs[column.block]
            moved = own[order]
            given[column.block] = moved if column.own is None else torch.where(column.own, moved, own)
            out[:, k] += (losses(given) - before) / _SHUFFLES
    return out


def _table(columns: list[_Column], found: Together, unit: str) -> Table:
    order = np.argsort(-found.value, kind="stable")
    cells = tuple(
        (clean(columns[k].name, 60), *(round(float(x[k]), 4) for x in (found.value, found.low, found.high)))
        for k in order[:_SHOWN]
    )
    heads = ("column", f"rise of the loss ({unit})", "from", "to")
    return Table("What the network rests on", heads, cells, len(columns))


def _figure(columns: list[_Column], found: Together, says: str, unit: str) -> Figure:
    rows = [
        {"who": clean(columns[k].name, 40), "value": float(found.value[k]), "low": float(found.low[k]),
         "high": float(found.high[k])}
        for k in np.argsort(-found.value, kind="stable")[:_DRAWN]
    ]  # fmt: skip
    spec = drawings.bars(says, rows, f"Rise of the loss when the column is shuffled ({unit})")
    return Figure("leans_on_one_column", "What the network rests on", says, spec)


def _effects(case: Case, columns: list[_Column], found: Together) -> list[Figure]:
    """How answers to training rows follow the quantities that matter most."""
    rng = case.random("effects")
    train = np.unique(case.lesson.train)
    rows = np.sort(rng.choice(train, min(_ROWS_FOLLOWED, len(train)), replace=False))
    inputs = [block.encoded[torch.from_numpy(rows)] for block in case.blocks]
    decoded = case.answered(case.bundle, rows)
    output = 0 if decoded.ndim == 1 else 1 if decoded.shape[1] == 2 else int(decoded.var(axis=0).argmax())
    classes = case.bundle.task.classes
    unit = f"Probability of {clean(classes[output], 30)}" if classes else clean(case.bundle.schema.target.name, 40)
    figures = []
    for k in np.argsort(-found.value, kind="stable"):
        column = columns[k]
        if not case.blocks[column.block].capabilities.continuous or column.own is None or len(figures) == _FOLLOWED:
            continue
        values = case.dataset.frame[column.name][rows].to_physical().cast(float).fill_null(np.nan).to_numpy()
        curve = effects(values, _given(case, inputs, column, output), rng)
        if curve is not None:
            figures.append(_followed(len(figures), column.name, unit, curve))
    return figures


def _given(case: Case, inputs: list[torch.Tensor], column: _Column, output: int) -> Answer:
    """Answers to rows whose cell of a column is that of other rows."""
    own = column.own
    assert own is not None

    def answer(some: Rows, given: Rows) -> Floats:
        at = torch.from_numpy(some)
        asked = [x[at] for x in inputs]
        asked[column.block] = torch.where(own, inputs[column.block][torch.from_numpy(given)], asked[column.block])
        decoded = said(case.bundle, outputs_of(case.bundle.network.cpu(), asked))
        return decoded if decoded.ndim == 1 else decoded[:, output]

    return answer


def _followed(number_of: int, name: str, unit: str, curve: Effects) -> Figure:
    top, bottom = int(curve.local.argmax()), int(curve.local.argmin())
    says = (
        f"The answer is highest near {clean(name, 40)} = {number(float(curve.at[top]))} and lowest near "
        f"{number(float(curve.at[bottom]))}, {number(float(curve.local[top] - curve.local[bottom]))} apart, other "
        "things being as they are; dashed is the partial dependence."
    )
    columns = (curve.at, curve.local, curve.low, curve.high, curve.everywhere)
    heads = ("x", "local", "low", "high", "everywhere")
    rows: drawings.Rows = [dict(zip(heads, map(float, row), strict=True)) for row in zip(*columns, strict=True)]
    spec = drawings.followed(says, rows, clean(name, 40), f"{unit}, less its mean")
    return Figure(f"effects_{number_of}", f"How the answer follows {clean(name, 40)}", says, spec)
