"""What every method of explanation says of some rows, and how the answers follow it; asked once for all checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vouch.contracts.bundle import BundleValue
from vouch.contracts.case import Case
from vouch.contracts.explaining import Attribution, Explainer, Question
from vouch.explainers import ALL
from vouch.explainers.asking import likeliest, questions
from vouch.explainers.faithfulness import Curves, curves
from vouch.explainers.game import Game

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Part = Literal["valid", "test"]

# Rows of one make are asked about together, which is cheap; others one by one.
_TOGETHER: dict[Part, int] = {"valid": 30, "test": 60}
_ONE_BY_ONE: dict[Part, int] = {"valid": 12, "test": 24}
_STAND_INS = 16
_PASSES = 400
# A check follows from its case alone: sampling stops at this precision and not by the clock.
_PRECISION, _NO_CLOCK = 0.05, float("inf")
_FEWEST_PARTS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """What one method says of some rows, and how the answers follow it.

    Args:
        method: the explainer.
        found: one attribution for each question.
        curves: deletion and insertion, for each question.
    """

    method: Explainer
    found: tuple[Attribution, ...]
    curves: tuple[Curves, ...]

    @property
    def shares(self) -> Floats:
        """Area under insertion less area under deletion of each row (n,), out of how far answers move in the mean."""
        reach = float(np.concatenate([one.reach for one in self.curves]).mean())
        return np.concatenate([one.gap for one in self.curves]) / max(reach, 1e-12)


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Questions about some rows of one part of the data.

    Args:
        questions: about rows of two parts or more, for fewer leave nothing to compare.
        rows: their numbers in the cleaned data, in the order of the questions (n,).
        parts: how many parts each of them has (n,).
    """

    questions: tuple[Question, ...]
    rows: Rows
    parts: Rows

    def together(self, case: Case) -> npt.NDArray[np.generic] | None:
        """Which of the rows belong together, when the user named a group."""
        return None if case.groups is None else case.groups[self.rows]


def asked(case: Case, part: Part) -> Asked:
    """Questions about some rows of a part, drawn at random."""
    return case.once(f"questions {part}", lambda: _asked(case, part))


def attributed(case: Case, part: Part, method: Explainer) -> Tried:
    """What a method says of the rows of a part."""
    return case.once(f"{part} {method.name}", lambda: tried(method, asked(case, part).questions))


def tried(method: Explainer, some: Sequence[Question]) -> Tried:
    """What a method says to some questions, and how the answers follow."""
    found = tuple(method.attribute(question) for question in some)
    return Tried(method, found, tuple(curves(Game(q), one.values) for q, one in zip(some, found, strict=True)))


def suitable(case: Case, methods: Sequence[Explainer] = ALL) -> list[Explainer]:
    """The methods that apply to this network; where rows are asked about one by one those that are cheap enough."""
    some = asked(case, "valid")
    fit = [method for method in methods if not any(method.applies(question) for question in some.questions)]
    if len(some.questions) < len(some.rows):
        return fit
    passes = {method.name: method.passes(int(some.parts.max())) for method in fit}
    dearest = max(_PASSES, min(passes.values()))
    return [method for method in fit if passes[method.name] <= dearest]


def best(case: Case, methods: Sequence[Explainer] = ALL) -> Explainer:
    """The method whose contributions the answers follow most closely on validation rows; of equals the first."""
    fit = suitable(case, methods)
    return fit[int(np.argmax([attributed(case, "valid", method).shares.mean() for method in fit]))]


def with_network(question: Question, network: torch.nn.Module) -> Question:
    """The same question to another network."""
    bundle: BundleValue = replace(question.bundle, network=network)
    return replace(question, bundle=bundle)


def _asked(case: Case, part: Part) -> Asked:
    rows: Rows = getattr(case.split, part)
    rows = case.random(f"explained {part}").permutation(rows)[: _TOGETHER[part]]
    others = _encoded(case, _stand_ins(case))

    def about(some: Rows) -> list[Question]:
        wanted = likeliest(case.bundle, case.answered(case.bundle, some))
        return questions(case.bundle, _encoded(case, some), others, wanted)

    found = about(np.sort(rows))
    if len(found) > 1:
        found, rows = about(np.sort(rows[: _ONE_BY_ONE[part]])), rows[: _ONE_BY_ONE[part]]
    kept = [len(one.names) >= _FEWEST_PARTS for one in found]
    some = tuple(replace(one, precision=_PRECISION, seconds=_NO_CLOCK) for one, k in zip(found, kept, strict=True) if k)
    left = np.sort(rows)[np.repeat(kept, [one.rows for one in found])]
    return Asked(some, left, np.repeat([len(one.names) for one in some], [one.rows for one in some]).astype(np.int64))


def _stand_ins(case: Case) -> Rows:
    train = np.unique(case.lesson.train)
    return np.sort(case.random("stand-ins").choice(train, min(_STAND_INS, len(train)), replace=False))


def _encoded(case: Case, rows: Rows) -> tuple[Tensor, ...]:
    return tuple(block.encoded[torch.from_numpy(rows)] for block in case.blocks)
