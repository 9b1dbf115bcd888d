"""Which features tell the group that a row is in, so that leaving the sensitive column out would hide little."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
import torch.nn.functional as F
from scipy.special import ndtri

from vouch.challenges.fairness.groups import FEWEST, Grouping, groupings
from vouch.challenges.judging import FEWEST_ROWS, judge, none_large_enough, not_asked, too_few, worst_of
from vouch.contracts.case import Block, Case
from vouch.contracts.finding import Check, Table, Threshold
from vouch.statistics.delong import Area, delong
from vouch.wording import clean, number

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

TOLD = Threshold(
    "group_auc", warn=0.75, fail=0.95,
    why="0.5 is no better than a guess; at 0.95 the other columns name the group nearly as well as its own would",
)  # fmt: skip
_MOST_ROWS, _FOLDS, _BINS, _PRIOR = 3_000, 2, 20, 5.0
_MOST_COLUMNS, _SHOWN = 200, 12
_BOTH, _GUESS = 2, 0.5
_PICTURE, _WRITING, _FIELDS, _MOST_CODES = 4, 2, 4, 300


@dataclass(frozen=True, slots=True, eq=False)
class Feature:
    """One column as numbers.

    Args:
        name: of the column.
        values: one number for each row, or several where the column is a text, a picture or the like (n, D).
    """

    name: str
    values: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """How well features tell one group from all others."""

    column: str
    group: str
    area: Area
    rows: int


def proxies(case: Case) -> Check:
    """How well do the other columns tell the group that a row is in?

    For each sensitive column small boosted trees learn its groups from the other features, the first 200 of them, of up
    to 3,000 training rows, and are scored on the half that they did not learn from. The figure is the largest area
    under the curve (ROC-AUC) of a group against all others, with an interval that allows for having looked at all: .5
    is a guess, 1 is certainty. Of pictures and texts the network's own vectors are used, beside their light and the
    words that occur. A table names the columns that tell most by themselves. That a group can be told is no harm by
    itself: it says that leaving its column out would not make the network blind.

    Promises to find: a column that tells one of two groups with an area of .85, from 1,000 training rows on.
    """
    name = "proxies"
    if not case.bundle.schema.sensitive:
        return not_asked(name, "no sensitive column was named (--sensitive)")
    by = [one for one in groupings(case) if len(one.columns) == 1]
    if not by:
        return not_asked(name, "the sensitive columns are not among those that are kept with the network")
    rows = _sample(case)
    if len(rows) < FEWEST_ROWS:
        return too_few(name, len(rows), "training rows")
    features = features_of(case, rows)
    if not features:
        return not_asked(name, "there is no column beside the sensitive ones")
    found = [one for grouping in by for one in _told(grouping, features, rows)]
    if not found:
        return none_large_enough(name, "group of training rows", FEWEST)
    return _said(case, found, _each(by, features, rows))


def features_of(case: Case, rows: Rows) -> list[Feature]:
    """Every feature that is not sensitive, as numbers of some rows."""
    hidden = set(case.bundle.schema.sensitive)
    found: list[Feature] = []
    ends = np.cumsum([0, *getattr(case.bundle.network, "sizes", [])])
    vectors: Floats | None = None
    for at, block in enumerate(case.blocks):
        for column in block.columns:
            if column.name in hidden:
                continue
            if _is_plain(block):
                found.append(Feature(column.name, as_numbers(case.dataset.frame[column.name])[rows, None]))
                continue
            vectors = case.embeddings(rows, "trunk") if vectors is None else vectors
            seen = vectors[:, ends[at] : ends[at + 1]]
            found.append(Feature(column.name, np.concatenate([seen, _coarsely(block, rows)], axis=1)))
    return found[:_MOST_COLUMNS]


def as_numbers(series: pl.Series) -> Floats:
    """Quantities as they are, with NaN for missing; other values as the place of each among them (B,)."""
    if series.dtype.is_numeric() or series.dtype.is_temporal() or series.dtype == pl.Boolean:
        return series.to_physical().cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
    return series.cast(pl.String).rank("dense").cast(pl.Float64).fill_null(0.0).to_numpy()


def _coarsely(block: Block, rows: Rows) -> Floats:
    """What can be seen of pictures and texts without the network: light in 16 fields, or which codes occur (n, D)."""
    encoded = block.encoded[torch.from_numpy(rows)]
    if block.capabilities.spatial and encoded.ndim == _PICTURE:
        return F.adaptive_avg_pool2d(encoded.float(), _FIELDS).flatten(1).double().numpy()
    if not block.capabilities.discrete or encoded.ndim != _WRITING:
        return np.zeros((len(rows), 0))
    codes = encoded.numpy()
    frequent = np.argsort(-np.bincount(codes[codes > 0], minlength=1), kind="stable")[:_MOST_CODES]
    return np.stack([(codes == code).any(axis=1) for code in frequent.tolist()], axis=1).astype(np.float64)


def _is_plain(block: Block) -> bool:
    can = block.capabilities
    return not can.spatial and not (can.discrete and can.ordered)


def _sample(case: Case) -> Rows:
    """Training rows, at most so many, and one of those that belong together."""
    rng, rows = case.random("proxies"), case.split.train
    rows = rows[rng.permutation(len(rows))]
    if case.groups is not None:
        rows = rows[np.unique(case.groups[rows], return_index=True)[1]]
        rows = rows[rng.permutation(len(rows))]
    return np.sort(rows[:_MOST_ROWS])


def _told(grouping: Grouping, features: Sequence[Feature], rows: Rows) -> list[Told]:
    """How well all features together tell each group of a sensitive column."""
    return _areas(grouping, rows, lambda code: _learned(np.concatenate([f.values for f in features], axis=1), code))


def _each(by: Sequence[Grouping], features: Sequence[Feature], rows: Rows) -> list[tuple[str, Told]]:
    """How well each feature alone tells the group that it tells best, the best first."""
    found: list[tuple[str, Told]] = []
    for grouping in by:
        for feature in features:
            values = feature.values
            score = _learned if values.shape[1] > 1 else _binned
            alone = _areas(grouping, rows, lambda code, v=values, s=score: s(v, code))
            found += [(feature.name, max(alone, key=lambda one: one.area.value))] if alone else []
    return sorted(found, key=lambda pair: -pair[1].area.value)


def _areas(grouping: Grouping, rows: Rows, score: Callable[[Rows], Floats]) -> list[Told]:
    code = grouping.code[rows]
    counts = np.bincount(code, minlength=len(grouping.names))
    large = [k for k in range(len(counts)) if FEWEST <= counts[k] <= len(code) - FEWEST]
    if not large:
        return []
    said = score(code)
    return [
        Told(grouping.columns[0], clean(grouping.names[k], 60), delong(code == k, said[:, k]), len(rows)) for k in large
    ]


def _learned(x: Floats, code: Rows) -> Floats:
    """The chance of each group (n, G), by trees that never saw the row."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    said = np.zeros((len(x), int(code.max()) + 1))
    for fold in range(_FOLDS):
        held = np.arange(len(x)) % _FOLDS == fold
        trees = HistGradientBoostingClassifier(
            max_iter=40, learning_rate=0.15, max_leaf_nodes=15, early_stopping=False, random_state=0
        )
        if len(np.unique(code[~held])) < _BOTH:
            continue
        trees.fit(x[~held], code[~held])
        said[np.ix_(held, trees.classes_)] = trees.predict_proba(x[held])
    return said


def _binned(x: Floats, code: Rows) -> Floats:
    """The same by the share of each group among rows of the other half that have about the same value."""
    place = _places(x[:, 0])
    groups = int(code.max()) + 1
    said = np.zeros((len(x), groups))
    for fold in range(_FOLDS):
        held = np.arange(len(x)) % _FOLDS == fold
        seen = np.zeros((int(place.max()) + 1, groups))
        np.add.at(seen, (place[~held], code[~held]), 1.0)
        share = seen.sum(axis=0) / max(seen.sum(), 1.0)
        rates = (seen + _PRIOR * share) / (seen.sum(axis=1, keepdims=True) + _PRIOR)
        said[held] = rates[place[held]]
    return said


def _places(values: Floats) -> Rows:
    """Values as numbers from 1: each by itself where they are few, else by twentieths; 0 for missing."""
    known = np.isfinite(values)
    ends = np.unique(values[known])
    if len(ends) > 10 * _BINS:
        ends = np.unique(np.quantile(values[known], np.linspace(0, 1, _BINS + 1)))[1:-1]
    return np.where(known, np.searchsorted(ends, np.where(known, values, 0.0)) + 1, 0)


def _said(case: Case, found: list[Told], each: list[tuple[str, Told]]) -> Check:
    name = "proxies"
    worst = max(found, key=lambda one: one.area.value)
    ends = _together([one.area for one in found])
    estimate = worst_of(TOLD.name, (worst.area.value, max(ends), max(one.area.high for one in found)), worst.rows)
    estimate = replace(estimate, split="train", method="delong")
    threshold = case.threshold(TOLD, name)
    judged = judge(estimate, threshold)
    best = [clean(column, 40) for column, one in each if one.column == worst.column and one.area.low > _GUESS][:3]
    alone = f"most by themselves: {', '.join(best)}" if best else "none by itself is better than a guess"
    headline = (
        f"The other columns tell “{worst.group}” from all other rows with a ROC-AUC of {number(worst.area.value)}; "
        f"{alone}."
    )
    reason = f"{judged.reason}; that a group can be told is no harm by itself"
    return Check(name, judged.verdict, headline, reason, (estimate,), threshold, tables=_tables(found, each))


def _together(areas: Sequence[Area]) -> list[float]:
    """Lower ends of areas that hold for all of them at once."""
    wider = float(ndtri(0.025 / len(areas)) / ndtri(0.025))
    return [max(area.value - wider * (area.value - area.low), 0.0) for area in areas]


def _tables(found: list[Told], each: list[tuple[str, Told]]) -> tuple[Table, Table]:
    heads = ("sensitive column", "group", "ROC-AUC", "from", "to")
    order = sorted(found, key=lambda one: -one.area.value)
    rows = tuple((clean(one.column), one.group, *_ends(one.area)) for one in order)
    alone = tuple((clean(one.column), clean(name), one.group, *_ends(one.area)) for name, one in each)
    more = ("sensitive column", "told by", "group", "ROC-AUC", "from", "to")
    return (
        Table("All other columns together", heads, rows[:_SHOWN], len(rows)),
        Table("Each other column alone, the most telling first", more, alone[:_SHOWN], len(alone)),
    )


def _ends(area: Area) -> tuple[float, float, float]:
    return round(area.value, 4), round(area.low, 4), round(area.high, 4)
