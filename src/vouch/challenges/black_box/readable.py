"""The rows as a reader could judge them: quantities, choices and words, as columns of numbers that a tree can cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from vouch.challenges.black_box.attributed import Floats, Rows
from vouch.contracts.case import Block, Case
from vouch.contracts.roles import Encoder
from vouch.wording import clean, number

_MOST_VALUES, _MOST_WORDS, _FEWEST_ROWS, _NAMED = 60, 300, 20, 4


@dataclass(frozen=True, slots=True, eq=False)
class Readable:
    """One column of numbers, with the words for a cut through it.

    Args:
        name: of the column, or what is asked of it.
        numbers: one for each row (B,); NaN is missing.
        values: of a choice the values in the order of their numbers; the word, where it is a word; none for a quantity.
        is_word: whether it is 1 where a text holds a word, else 0.
    """

    name: str
    numbers: Floats
    values: tuple[str, ...] = ()
    is_word: bool = False

    def between(self, low: float, high: float) -> str:
        """What holds of rows above one cut and up to another.

        Example:
            >>> Readable("age", np.zeros(1)).between(18, 65), Readable("age", np.zeros(1)).between(18, np.inf)
            ('18.0 < age ≤ 65.0', 'age > 18.0')
            >>> Readable("plan", np.zeros(1), ("free", "basic", "full")).between(-np.inf, 1.5)
            'plan is free or basic'
        """
        if self.is_word:
            return f"{self.name} {'has' if low > 0 else 'lacks'} {self.values[0]}"
        if self.values:
            first, last = (int(np.floor(np.clip(cut, -1, len(self.values)))) + 1 for cut in (low, high))
            return f"{self.name} is {_some(self.values[max(first, 0) : last])}"
        if np.isfinite(low) and np.isfinite(high):
            return f"{number(low)} < {self.name} ≤ {number(high)}"
        return f"{self.name} > {number(low)}" if np.isfinite(low) else f"{self.name} ≤ {number(high)}"


def readables(case: Case, learned: Rows, rows: Rows, answers: Floats) -> list[Readable]:
    """All columns that a reader can judge, for some rows; what only a network can read is left out.

    The values of a choice are put in the order of the mean answer of the rows from which a tree is learned, so that one
    cut parts them as well as any set of them would (Fisher, 1958).

    Args:
        case: whose data is read.
        learned: rows from which a tree will be learned (n,).
        rows: all rows that are asked for (m,), the learned ones first.
        answers: one number for each learned row (n,).
    """
    found: list[Readable] = []
    for encoder, block in zip(case.bundle.encoders, case.blocks, strict=True):
        if block.capabilities.spatial:
            continue
        if block.capabilities.discrete and block.capabilities.ordered:
            found += _words(encoder, block, rows, len(learned))
            continue
        for column in block.columns:
            series = case.dataset.frame[column.name][rows]
            if block.capabilities.continuous:
                found.append(Readable(clean(column.name, 40), _as_numbers(series)))
            else:
                found += _choice(series, answers)
    return found


def _as_numbers(series: pl.Series) -> Floats:
    return series.to_physical().cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()


def _choice(series: pl.Series, answers: Floats) -> list[Readable]:
    """A column of values out of a set, in the order of their mean answers; of too many values no set can be read."""
    cells = np.array(["missing" if cell is None else clean(str(cell), 30) for cell in series.to_list()])
    seen = cells[: len(answers)]
    values, code, counts = np.unique(seen, return_inverse=True, return_counts=True)
    if not 1 < len(values) <= _MOST_VALUES:
        return []
    mean = np.bincount(code.reshape(-1), weights=answers) / counts
    order = np.argsort(mean, kind="stable")
    place = {str(values[k]): float(at) for at, k in enumerate(order)}
    numbers = np.array([place.get(str(cell), np.nan) for cell in cells])
    return [Readable(clean(series.name, 40), numbers, tuple(str(values[k]) for k in order))]


def _words(encoder: Encoder, block: Block, rows: Rows, learned: int) -> list[Readable]:
    """Whether a text holds a word, for words that several of the learned rows hold."""
    texts = [{cell.lower() for cell in encoder.parts(block.encoded[row]).cells} for row in rows.tolist()]
    counts: dict[str, int] = {}
    for text in texts[:learned]:
        for word in text:
            counts[word] = counts.get(word, 0) + 1
    some = [word for word, n in counts.items() if n >= _FEWEST_ROWS and any(c.isalnum() for c in word)]
    some = sorted(some, key=lambda word: (-counts[word], word))[:_MOST_WORDS]
    name = clean(block.columns[0].name, 40)
    return [
        Readable(name, np.array([float(word in text) for text in texts]), (f"“{clean(word, 20)}”",), is_word=True)
        for word in some
    ]


def _some(values: tuple[str, ...]) -> str:
    more = len(values) - _NAMED
    shown = values if more <= 0 else (*values[:_NAMED], f"{more} more")
    return " or ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def matrix(columns: list[Readable]) -> npt.NDArray[np.float32]:
    """The columns side by side (m, columns)."""
    return np.stack([one.numbers for one in columns], axis=1).astype(np.float32)
