"""Groups that are treated otherwise: called the class, found, or believed less often, or answered worse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.plants.drawn import PlantedCase, Said, drawn
from benchmarks.plants.plant import Make, Promise, rng_of, sow
from vouch.challenges.fairness.columns import sensitive_columns
from vouch.challenges.fairness.parity import demographic_parity, equalized_odds, predictive_parity
from vouch.challenges.fairness.worst import error_parity

FAIR = "fairness"
Rng = np.random.Generator
Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
# From a generator, which rows are in the group that is treated otherwise, and by how much, to what is said.
Treat = Callable[[Rng, Bools, float], Said]
_FEW = 60


def _in_groups(treat: Treat, rows: int, groups: int = 5) -> Make:
    """Groups of as many sealed rows each, of which the last is treated otherwise."""

    def make(seed: int, strength: float) -> PlantedCase:
        rng = rng_of(seed, f"unfair {treat.__name__} {rows} {groups}")
        who = rng.permutation(np.arange(rows * groups) % groups)
        said = treat(rng, who == groups - 1, strength)
        return _case(rng, said, {"who": np.array([f"group {k}" for k in who])}, treat)

    return make


def _in_intersections(treat: Treat, rows: int) -> Make:
    """Four intersections of two columns with as many sealed rows each, of which one is treated otherwise."""

    def make(seed: int, strength: float) -> PlantedCase:
        rng = rng_of(seed, f"unfair intersections {treat.__name__} {rows}")
        one, other = rng.permutation(np.arange(4 * rows) % 4) // 2, rng.integers(0, 2, 4 * rows)
        said = treat(rng, (one == 1) & (other == 1), strength)
        return _case(rng, said, {"one": np.array(["a", "b"])[one], "other": np.array(["x", "y"])[other]}, treat)

    return make


def _case(rng: Rng, test: Said, columns: dict[str, npt.NDArray[np.str_]], treat: Treat) -> PlantedCase:
    early = treat(rng, np.zeros(2 * _FEW, bool), 0.0)
    train, valid = (early.rows(np.arange(a, a + _FEW)) for a in (0, _FEW))
    every = {name: [cells[0]] * (2 * _FEW) + cells.tolist() for name, cells in columns.items()}
    return drawn(train, valid, test, FAIR, every)


def _called(called: Rows, classes: int, rng: Rng) -> Floats:
    """Probabilities of which that of the called class is the largest."""
    sure = rng.uniform(0.55, 0.95, len(called))
    out = np.tile(((1 - sure) / (classes - 1))[:, None], (1, classes))
    out[np.arange(len(called)), called] = sure
    return out


def selected_less(rng: Rng, inside: Bools, by: float) -> Said:
    """Half of the rows are called the class, of the group fewer."""
    called = (rng.random(len(inside)) < 0.5 - by * inside).astype(np.int64)
    truth = np.where(rng.random(len(inside)) < 0.8, called, 1 - called)
    return Said(_called(called, 2, rng), truth)


def one_of_four_less(rng: Rng, inside: Bools, by: float) -> Said:
    """Two in five rows are called the first of four classes, of the group fewer."""
    first = rng.random(len(inside)) < 0.4 - by * inside
    called = np.where(first, 0, rng.integers(1, 4, len(inside)))
    truth = np.where(rng.random(len(inside)) < 0.8, called, rng.integers(0, 4, len(inside)))
    return Said(_called(called, 4, rng), truth)


def numbers_less(rng: Rng, inside: Bools, by: float) -> Said:
    """Predictions that are so many standard deviations of the target lower."""
    truth = rng.normal(size=len(inside))
    return Said(0.8 * truth + 0.4 * rng.normal(size=len(inside)) - by * inside, truth)


def found_less(rng: Rng, inside: Bools, by: float) -> Said:
    """Of the rows of the class four in five are found, of the group fewer; three in five rows are of it."""
    truth = (rng.random(len(inside)) < 0.6).astype(np.int64)
    found = rng.random(len(inside)) < np.where(truth == 1, 0.8 - by * inside, 0.2)
    return Said(_called(found.astype(np.int64), 2, rng), truth)


def taken_more(rng: Rng, inside: Bools, by: float) -> Said:
    """Of the rows that are not of the class one in five is taken for it, of the group more."""
    truth = (rng.random(len(inside)) < 0.4).astype(np.int64)
    found = rng.random(len(inside)) < np.where(truth == 1, 0.8, 0.2 + by * inside)
    return Said(_called(found.astype(np.int64), 2, rng), truth)


def label_found_less(rng: Rng, inside: Bools, by: float) -> Said:
    """One of three labels is found less often in the group; three in five rows have each."""
    truth = (rng.random((len(inside), 3)) < 0.6).astype(np.int64)
    hits = np.where(truth == 1, 0.8, 0.2) - by * (inside[:, None] & (truth == 1) & (np.arange(3) == 0))
    found = rng.random(truth.shape) < hits
    return Said(np.where(found, 0.9, 0.1), truth)


def believed_less(rng: Rng, inside: Bools, by: float) -> Said:
    """Of the rows that are called the class four in five are of it, of the group fewer; three in five are called it."""
    called = (rng.random(len(inside)) < 0.6).astype(np.int64)
    right = rng.random(len(inside)) < np.where(called == 1, 0.8 - by * inside, 0.8)
    return Said(_called(called, 2, rng), np.where(right, called, 1 - called))


def one_of_three_believed_less(rng: Rng, inside: Bools, by: float) -> Said:
    """Three in five rows are called the first of three classes; of the group fewer of these are of it."""
    called = np.where(rng.random(len(inside)) < 0.6, 0, rng.integers(1, 3, len(inside)))
    right = rng.random(len(inside)) < 0.8 - by * (inside & (called == 0))
    other = (called + rng.integers(1, 3, len(inside))) % 3
    return Said(_called(called, 3, rng), np.where(right, called, other))


def numbers_too_low(rng: Rng, inside: Bools, by: float) -> Said:
    """The truth of the group is so many standard deviations higher, and predictions are not."""
    said = 0.8 * rng.normal(size=len(inside))
    return Said(said, said + 0.6 * rng.normal(size=len(inside)) + by * inside)


def wrong_more(rng: Rng, inside: Bools, by: float) -> Said:
    """One row in five is called wrong, of the group more."""
    truth = rng.integers(0, 2, len(inside))
    wrong = rng.random(len(inside)) < 0.2 + by * inside
    return Said(_called(np.where(wrong, 1 - truth, truth), 2, rng), truth)


def wrong_more_of_six(rng: Rng, inside: Bools, by: float) -> Said:
    """The same of six classes."""
    truth = rng.integers(0, 6, len(inside))
    wrong = rng.random(len(inside)) < 0.2 + by * inside
    other = (truth + rng.integers(1, 6, len(inside))) % 6
    return Said(_called(np.where(wrong, other, truth), 6, rng), truth)


def missed_by_more(rng: Rng, inside: Bools, times: float) -> Said:
    """Errors of the group are larger by this, as a share of those of others."""
    truth = 3 * rng.normal(size=len(inside))
    return Said(truth + rng.standard_t(5, len(inside)) * (1 + times * inside), truth)


def _with_columns(names: tuple[str, ...], cells: Callable[[Rng, int], list[str]]) -> Make:
    """A table with so many columns that tell of people, beside columns that do not."""

    def make(seed: int, strength: float) -> PlantedCase:
        rng = rng_of(seed, f"columns {names[0]}")
        case = _case(rng, selected_less(rng, np.zeros(200, bool), 0.0), {}, selected_less)
        n = case.frame.height
        asked = rng.permutation(np.array(names))[: round(strength)].tolist()
        plain = {name: rng.normal(size=n) for name in ("amount", "house_age", "stage", "average", "message_length")}
        plain |= {"agency": rng.choice(["north", "south"], n), "sextant": rng.choice(["m", "s"], n)}
        return replace(case, frame=pl.DataFrame({**plain, **{name: cells(rng, n) for name in asked}}))

    return make


def _any_words(rng: Rng, n: int) -> list[str]:
    return rng.choice(["first", "second", "third"], n).tolist()


def _of_sex(rng: Rng, n: int) -> list[str]:
    pairs = (["Male", "Female"], ["m", "f"], ["Homme", "Femme"], ["männlich", "weiblich"], ["hombre", "mujer"])
    return rng.choice(pairs[int(rng.integers(len(pairs)))], n).tolist()


_ENGLISH = ("sex", "Gender", "race", "applicant_age", "MaritalStatus", "date-of-birth", "native.country", "is_disabled")
_OTHERS = ("Geschlecht", "nationalité", "EDAD", "stato_civile", "religião", "leeftijd", "Familienstand", "etnia_codigo")
_HIDDEN = ("v1", "column 7", "code", "x")

_PARITY, _ODDS, _BELIEF, _ERRORS = (0.1, 0.2, 0.3), (0.15, 0.25, 0.4), (0.15, 0.25, 0.4), (0.08, 0.15, 0.25)
_LESS, _LOW, _TIMES, _MANY = (0.3, 0.6, 1.0), (0.2, 0.4, 0.7), (0.5, 1.0, 2.0), (1.0, 2.0, 3.0)

PLANTS = (
    *sow(
        Promise(sensitive_columns, FAIR, _MANY, 1.0),
        ("names in English", "table", "drawn", _with_columns(_ENGLISH, _any_words)),
        ("names in other languages", "table", "drawn", _with_columns(_OTHERS, _any_words)),
        ("values under other names", "table", "drawn", _with_columns(_HIDDEN, _of_sex)),
    ),
    *sow(
        Promise(demographic_parity, FAIR, _PARITY, 0.2),
        ("one of five groups, two classes", "predictions", "drawn", _in_groups(selected_less, 500)),
        ("one of five groups, four classes", "predictions", "drawn", _in_groups(one_of_four_less, 500)),
        ("one intersection of two columns", "predictions", "drawn", _in_intersections(selected_less, 500)),
    ),
    *sow(
        Promise(demographic_parity, FAIR, _LESS, 0.6),
        ("one of five groups, numbers", "predictions", "drawn", _in_groups(numbers_less, 500)),
    ),
    *sow(
        Promise(equalized_odds, FAIR, _ODDS, 0.25),
        ("one of five groups found less often", "predictions", "drawn", _in_groups(found_less, 500)),
        ("one of two groups taken for it", "predictions", "drawn", _in_groups(taken_more, 500, 2)),
        ("one label of three found less often", "predictions", "drawn", _in_groups(label_found_less, 500)),
    ),
    *sow(
        Promise(predictive_parity, FAIR, _BELIEF, 0.25),
        ("one of five groups, two classes", "predictions", "drawn", _in_groups(believed_less, 500)),
        ("one of five groups, three classes", "predictions", "drawn", _in_groups(one_of_three_believed_less, 500)),
    ),
    *sow(
        Promise(predictive_parity, FAIR, _LOW, 0.4),
        ("one of five groups, numbers", "predictions", "drawn", _in_groups(numbers_too_low, 500)),
    ),
    *sow(
        Promise(error_parity, FAIR, _ERRORS, 0.15),
        ("one of five groups, two classes", "predictions", "drawn", _in_groups(wrong_more, 500)),
        ("one of five groups, six classes", "predictions", "drawn", _in_groups(wrong_more_of_six, 500)),
        ("one intersection of two columns", "predictions", "drawn", _in_intersections(wrong_more, 500)),
    ),
    *sow(
        Promise(error_parity, FAIR, _TIMES, 1.0),
        ("one of five groups, numbers", "predictions", "drawn", _in_groups(missed_by_more, 500)),
    ),
)
