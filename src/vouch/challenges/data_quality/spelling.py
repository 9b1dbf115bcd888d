"""Misspelt categories: rare values that are one slip away from frequent ones."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np
import polars as pl

from vouch.challenges.data_quality.looking import Found, Say, choices, flagged, not_asked, table, told, too_few
from vouch.contracts.case import Case
from vouch.contracts.finding import Check, Threshold
from vouch.wording import clean

SHARE = Threshold("misspelt_share", 0.0005, 0.1, why="a value in two spellings is two values to the network")
_RARER, _ALIKE = 20, 5
_SHORT, _LONG = 4, 8
_MOST_VALUES = 5_000
_LONGEST = 40
_DIGIT = re.compile(r"\d")
_LETTER = re.compile(r"[^\W\d_]{2}")
_SPACES = re.compile(r"\s+")
_GAPS = re.compile(r"[\s_\-./]+")


def misspelt_categories(case: Case) -> Check:
    """How many rows hold a rare value that is a frequent one with a slip: case, spaces, or a letter or two.

    A slip is one letter left out, put in, changed or swapped with its neighbour (Damerau, 1964) in values of four
    letters and more, or two in values of eight and more; digits do not slip. Where frequent values differ so little
    among themselves it is a way of naming, and only case and spaces are looked at. It promises to find, with power .9,
    2 % of a column's cells misspelt by one slip, from 500 rows on, where values have at least four letters and hold
    10 % of the rows each, and where the slips differ: a spelling counts as a slip where it is twenty times rarer.
    """
    columns = {name: series for name, series in choices(case).items() if series.dtype == pl.String}
    if not columns:
        return not_asked("misspelt_categories", "There is no column of values in words.")
    if few := too_few(case, "misspelt_categories"):
        return few
    rows: list[int] = []
    scores: list[float] = []
    reasons: list[str] = []
    listed = []
    for name, series in columns.items():
        counts = dict(series.drop_nulls().value_counts(name="rows").iter_rows())
        meant = misspelt(counts)
        listed += [(clean(name, 60), clean(v, 60), clean(m, 60), counts[v]) for v, m in meant.items()]
        for row in np.flatnonzero(series.is_in(list(meant)).fill_null(False).to_numpy()).tolist():
            value = series[row]
            rows.append(row)
            scores.append(counts[meant[value]] / counts[value])
            reasons.append(f"'{clean(name, 40)}' is '{clean(value, 40)}', which looks like '{clean(meant[value], 40)}'")
    n = case.dataset.frame.height
    headline = told(len(set(rows)), n, "row", "holds", "hold") + " a value that looks misspelt."
    listed.sort(key=lambda row: -row[3])
    tables = (table("What may have been meant", ("column", "value", "looks like", "rows"), listed),) if listed else ()
    return flagged(case, "misspelt_categories", Found(rows, scores, reasons), n, Say(headline, SHARE, tables))


def misspelt(counts: Mapping[str, int]) -> dict[str, str]:
    """Values that look like slips, with what they look like.

    Args:
        counts: rows of each value.

    Returns:
        The frequent value for each misspelt one.

    Example:
        >>> misspelt({"private": 500, "privte": 3, "Private ": 2, "public": 400})
        {'privte': 'private', 'Private ': 'private'}
    """
    order = sorted(counts, key=lambda value: (-counts[value], value))[:_MOST_VALUES]
    found = _other_forms(order, counts)
    known = [value for value in order if value not in found]
    near: dict[str, list[str]] = defaultdict(list)
    for value in known:
        for short in _shortened(value.casefold()):
            near[short].append(value)
    slips: dict[str, str] = {}
    for value in known:
        beside = {one for short in _shortened(value.casefold()) for one in near[short]} - {value}
        likely = [one for one in beside if counts[one] > counts[value] and _one_slip(value.casefold(), one.casefold())]
        if likely:
            slips[value] = max(likely, key=lambda one: (counts[one], one))
    rare = {value: meant for value, meant in slips.items() if _RARER * counts[value] <= counts[meant]}
    usual = sum(_ALIKE * counts[value] > counts[meant] for value, meant in slips.items())
    if usual > len(rare) / 3:
        return found
    return {value: found.get(value) or rare[value] for value in counts if value in found or value in rare}


def slips_between(a: str, b: str, most: int = 2) -> int:
    """Slips from one word to another, a swap of neighbours counted once; ``most + 1`` at most (string alignment).

    Example:
        >>> slips_between("recieve", "receive"), slips_between("abc", "xyz")
        (1, 3)
    """
    if abs(len(a) - len(b)) > most:
        return most + 1
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        row = [i]
        for j, y in enumerate(b, start=1):
            cost = min(last[j] + 1, row[-1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return min(last[-1], most + 1)


def _other_forms(order: list[str], counts: Mapping[str, int]) -> dict[str, str]:
    """Values that differ from a more frequent one by case and spaces alone; single letters keep their case."""
    forms: dict[str, str] = {}
    found = {}
    for value in order:
        key = (_GAPS if _LETTER.search(value) else _SPACES).sub(" ", value.strip()).strip()
        key = key.casefold() if len(key) > 1 else key
        known = forms.setdefault(key, value) if key else value
        if known != value and counts[known] > counts[value]:
            found[value] = known
    return found


def _one_slip(a: str, b: str) -> bool:
    """Whether two words are a slip apart, or two where both are long, and their digits are the same."""
    shorter = min(len(a), len(b))
    most = 0 if shorter < _SHORT else 1 if shorter < _LONG else 2
    return _DIGIT.findall(a) == _DIGIT.findall(b) and most > 0 and slips_between(a, b, most) <= most


def _shortened(word: str) -> Iterator[str]:
    """The word with up to two letters left out, by which words a slip or two apart find one another."""
    yield word
    if not _SHORT - 1 <= len(word) <= _LONGEST:
        return
    for at in range(len(word)):
        yield word[:at] + word[at + 1 :]
    if len(word) >= _LONG - 2:
        for i, j in combinations(range(len(word)), 2):
            yield word[:i] + word[i + 1 : j] + word[j + 1 :]
