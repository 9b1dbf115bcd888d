"""Splits without leaks: drawn once, from a seed, with exact duplicates always on one side."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from vouch.contracts.dataset import Dataset, Note
from vouch.contracts.recipe import Recipe
from vouch.contracts.schema import Schema
from vouch.contracts.split import Split
from vouch.data.schema import modality
from vouch.data.shelf import row_hashes
from vouch.errors import TargetError, TooFewRowsError

Rows = npt.NDArray[np.int64]
FEWEST_ROWS = 20
MOST_SEALED, MOST_SEALED_MEDIA = 200_000, 50_000


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """How large the parts are.

    Args:
        seed: fixes the draw.
        valid_fraction: share of the rows that are not test rows.
        test_fraction: share of all rows; unused when the data itself says which rows are for testing.
        fewest_rows: rows below which there is nothing to measure.
    """

    seed: int
    valid_fraction: float
    test_fraction: float
    fewest_rows: int = FEWEST_ROWS


def split(dataset: Dataset, schema: Schema, plan: SplitPlan) -> tuple[Split, tuple[Note, ...]]:
    """Draw the training, validation and test rows.

    The data's own parts are kept when it has them; else rows are ordered by time, or kept together by group, or
    stratified by the target. Rows that are equal in every feature count as one unit and stay on one side. Of very many
    rows 200,000 are sealed (of pictures and texts 50,000), which tell a share to a quarter of a point.

    Args:
        dataset: canonical data (B rows).
        schema: says which column is the target, the group and the time.
        plan: sizes and seed.

    Returns:
        The split, and notes on rows that had to be left out.

    Raises:
        TooFewRowsError: too few rows, or a class with fewer than two.
    """
    frame = dataset.frame
    _check_size(dataset, schema, plan)
    units = _units(frame, schema)
    strata = _strata(frame[schema.target.name], schema.task)
    rng = np.random.default_rng(plan.seed)
    everything = np.arange(frame.height)
    roles = {column.role: column.name for column in schema.columns if column.role in ("group", "time")}
    if dataset.part:
        parts, notes = _given(frame[dataset.part], units, strata, plan, rng)
        return _sealing_fewer(parts, notes, most_sealed(schema), plan)
    plan, told = _capped(plan, frame.height, most_sealed(schema))
    if "time" in roles:
        train, test = _by_time(frame[roles["time"]], everything, plan.test_fraction)
        train, valid = _by_time(frame[roles["time"]], train, plan.valid_fraction)
        valid, late = _without_copies(valid, test, units, "validation")
        train, early = _without_copies(train, np.concatenate([test, valid]), units, "training")
        why = f"ordered by '{roles['time']}': the latest rows are for testing"
        return _parts(train, valid, test, "time", why), (*told, *early, *late)
    train, test = _draw(everything, units, strata, plan.test_fraction, rng)
    train, valid = _draw(train, units, strata, plan.valid_fraction, rng)
    if "group" in roles:
        return _parts(train, valid, test, "group", f"rows with one '{roles['group']}' stay on one side"), told
    return _parts(train, valid, test, "stratified", "drawn at random in proportion to the target"), told


def most_sealed(schema: Schema) -> int:
    """Rows that suffice for figures, so that no more are sealed."""
    kinds = [modality(column.kind).capabilities for column in schema.features]
    return MOST_SEALED_MEDIA if any(kind.spatial or kind.ordered for kind in kinds) else MOST_SEALED


def _capped(plan: SplitPlan, rows: int, most: int) -> tuple[SplitPlan, tuple[Note, ...]]:
    """The plan with a share for testing that is no more rows than figures need."""
    wanted = round(plan.test_fraction * rows)
    if wanted <= most:
        return plan, ()
    text = f"{most:,} rows are sealed instead of {wanted:,}, which suffice for the figures; the others are learned from"
    return replace(plan, test_fraction=most / rows), (Note("read", text, wanted - most),)


def _sealing_fewer(parts: Split, notes: tuple[Note, ...], most: int, plan: SplitPlan) -> tuple[Split, tuple[Note, ...]]:
    """Of test rows that were given, no more than figures need, drawn at random; the others teach nothing either."""
    given = len(parts.test)
    if given <= most:
        return parts, notes
    drawn = np.random.default_rng([plan.seed, 1]).choice(parts.test, most, replace=False)
    text = f"{given - most:,} of {given:,} test rows, drawn at random: {most:,} suffice for the figures"
    return replace(parts, test=np.sort(drawn)), (*notes, Note("dropped", text, given - most))


def folds(dataset: Dataset, schema: Schema, rows: Rows, count: int, rng: np.random.Generator) -> Rows:
    """Deal rows out to folds of about equal size, whole units at a time, in proportion to the target.

    Args:
        dataset: canonical data.
        schema: says which column is the target and which the group.
        rows: to be dealt out (n,).
        count: how many folds.
        rng: draws.

    Returns:
        The number of each row's fold (n,), from 0.
    """
    units = _units(dataset.frame, schema)
    strata = _strata(dataset.frame[schema.target.name], schema.task)
    fold = np.full(dataset.frame.height, -1, dtype=np.int64)
    rest = np.sort(rows)
    for number in range(count - 1):
        rest, drawn = _draw(rest, units, strata, 1 / (count - number), rng)
        fold[drawn] = number
    fold[rest] = count - 1
    return fold[rows]


def dealt(dataset: Dataset, schema: Schema, parts: Split, recipe: Recipe) -> Rows:
    """The fold of each row that a recipe asks for.

    With a column of time, the first half of the unsealed rows is in no fold and the later ones are dealt in order.

    Args:
        dataset: canonical data.
        schema: says which column is the target, the group and the time.
        parts: training and validation rows are dealt, test rows are in no fold.
        recipe: how many folds, and the seed.

    Returns:
        The number of each row's fold (B,), from 0; −1 where it is in none.

    Raises:
        TooFewRowsError: there are fewer rows than folds.
    """
    rows = np.sort(np.concatenate([parts.train, parts.valid]))
    time = next((column.name for column in schema.columns if column.role == "time"), None)
    if time is not None:
        rows = parts.train[np.argsort(dataset.frame[time][parts.train].rank("ordinal").to_numpy(), kind="stable")]
        rows = rows[len(rows) // 2 :]
    if len(rows) < recipe.folds:
        raise TooFewRowsError(
            "there are fewer rows than folds", where=dataset.source, expected=f"at least {recipe.folds}",
            received=str(len(rows)), next_step="Ask for fewer folds.",
        )  # fmt: skip
    fold = np.full(dataset.frame.height, -1, dtype=np.int64)
    if time is not None:
        fold[rows] = np.arange(len(rows)) * recipe.folds // len(rows)
    else:
        # Other draws than those of the split: the same ones would put all validation rows into the first fold.
        rng = np.random.default_rng((recipe.seed, recipe.folds))
        fold[rows] = folds(dataset, schema, rows, recipe.folds, rng)
    return fold


def part_of(dataset: Dataset, schema: Schema, rows: Rows, fraction: float, rng: np.random.Generator) -> Rows:
    """A share of some rows, whole units at a time, in proportion to the target (sorted)."""
    units = _units(dataset.frame, schema)
    return np.sort(_draw(rows, units, _strata(dataset.frame[schema.target.name], schema.task), fraction, rng)[1])


def _given(
    part: pl.Series, units: Rows, strata: Rows, plan: SplitPlan, rng: np.random.Generator
) -> tuple[Split, tuple[Note, ...]]:
    """The data says which rows are for testing; training rows that equal a test row are left out."""
    names = part.cast(pl.String).str.to_lowercase().fill_null("train").to_numpy()
    test = np.flatnonzero(np.isin(names, ("test", "testing")))
    valid = np.flatnonzero(np.isin(names, ("valid", "val", "validation", "dev")))
    train = np.flatnonzero(~np.isin(names, ("test", "testing", "valid", "val", "validation", "dev")))
    valid, early = _without_copies(valid, test, units, "validation")
    train, late = _without_copies(train, np.concatenate([test, valid]), units, "training")
    if not len(test):
        train, test = _draw(train, units, strata, plan.test_fraction, rng)
    if not len(valid):
        train, valid = _draw(train, units, strata, plan.valid_fraction, rng)
    return _parts(train, valid, test, "given", "the data says which rows are for testing"), (*early, *late)


def _without_copies(rows: Rows, held: Rows, units: Rows, part: str) -> tuple[Rows, tuple[Note, ...]]:
    """The rows that share no unit with a held-out row, and how many did."""
    leaked = np.isin(units[rows], units[held])
    if not leaked.any():
        return rows, ()
    told = f"{leaked.sum()} {part} rows that equal a held-out row, or belong to its group"
    return rows[~leaked], (Note("dropped", told, int(leaked.sum())),)


def _draw(rows: Rows, units: Rows, strata: Rows, fraction: float, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Split rows in two, whole units at a time, in each stratum by itself; none or at least one row is drawn."""
    if not fraction:
        return rows, rows[:0]
    unit, first = np.unique(units[rows], return_index=True)
    place = np.zeros(units.max() + 1, dtype=np.int64)
    place[unit] = np.arange(len(unit))
    sizes = np.bincount(place[units[rows]], minlength=len(unit))
    stratum = strata[rows][first]
    chosen = np.zeros(len(unit), dtype=bool)
    carried = 0.0
    for value in np.unique(stratum):
        members = rng.permutation(np.flatnonzero(stratum == value))
        wanted = fraction * sizes[members].sum() + carried
        before = np.concatenate([[0], np.cumsum(sizes[members])[:-1]])
        take = before + sizes[members] / 2 <= wanted
        if take.all():
            take[-1] = False
        chosen[members[take]] = True
        carried = wanted - sizes[members[take]].sum()
    if not chosen.any() and len(unit) > 1:
        chosen[rng.integers(len(unit))] = True
    picked = chosen[place[units[rows]]]
    return rows[~picked], rows[picked]


def _by_time(time: pl.Series, rows: Rows, fraction: float) -> tuple[Rows, Rows]:
    """The earlier and the later rows; equal times are never parted, rows without a time come first."""
    if not fraction:
        return rows, rows[:0]
    moments = time.to_physical().cast(pl.Float64).fill_null(-np.inf).to_numpy()[rows]
    border = np.quantile(moments, 1 - fraction, method="higher")
    later = moments >= border
    if later.all():
        later = moments > moments.min()
    return rows[~later], rows[later]


def _units(frame: pl.DataFrame, schema: Schema) -> Rows:
    """A number for each row; rows of one group, and rows equal in every feature, share it."""
    features = [column.name for column in schema.features]
    group = next((column.name for column in schema.columns if column.role == "group"), None)
    same = row_hashes(frame.select(features))
    units = np.unique(same, return_inverse=True)[1].astype(np.int64)
    if group is None:
        return units
    groups = np.unique(row_hashes(frame.select(group)), return_inverse=True)[1]
    return _joined(groups.astype(np.int64), units)


def _joined(a: Rows, b: Rows) -> Rows:
    """Connected components when rows are tied by either labelling."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = coo_array((np.ones(len(a)), (a, b + a.max() + 1)), shape=(a.max() + b.max() + 2,) * 2)
    return connected_components(edges, directed=False)[1][a].astype(np.int64)


def _strata(target: pl.Series, task: str) -> Rows:
    """Classes, or tenths of a quantity."""
    if task == "regression":
        ranks = target.rank("ordinal").to_numpy()
        return (ranks * 10 // (len(ranks) + 1)).astype(np.int64)
    return target.cast(pl.String).rank("dense").to_numpy().astype(np.int64) - 1


def _check_size(dataset: Dataset, schema: Schema, plan: SplitPlan) -> None:
    target = dataset.frame[schema.target.name]
    where = f"{dataset.source}, column '{target.name}'"
    if len(target) < plan.fewest_rows:
        raise TooFewRowsError(
            "there are too few rows", where=dataset.source, expected=f"at least {plan.fewest_rows}",
            received=str(len(target)), next_step="Collect more rows; fewer cannot show whether a model works.",
        )  # fmt: skip
    if schema.task not in ("binary", "multiclass"):
        return
    counts = target.value_counts(name="rows").sort("rows", target.name)
    if len(counts) < 2:
        raise TargetError("the target has one value only", where=where, next_step="Name another --target.")
    rare = counts.filter(pl.col("rows") < 2)
    if len(rare):
        names = ", ".join(repr(str(name))[:30] for name in rare[target.name].head(5).to_list())
        raise TooFewRowsError(
            f"{len(rare)} classes have fewer than 2 rows", where=where, received=names,
            next_step="Drop these rows, merge the classes, or say --task regression for a quantity.",
        )  # fmt: skip


def _parts(train: Rows, valid: Rows, test: Rows, how: str, why: str) -> Split:
    if not len(train) or not len(valid):
        raise TooFewRowsError(
            "no rows are left to train on and to choose by", expected="rows that differ",
            received=f"{len(train)} for training, {len(valid)} for validation",
            next_step="Most rows are copies of one another, of one group or of one time: give more varied data.",
        )  # fmt: skip
    return Split(np.sort(train), np.sort(valid), np.sort(test), how, why)
