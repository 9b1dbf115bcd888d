"""Networks that lean on one column, that no few rules mimic, and explanations that are not of the network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from scipy.special import expit

from benchmarks.plants.bases import edited, fitted, pictures, table, texts
from benchmarks.plants.plant import Make, Promise, rng_of, sow
from vouch.api.casing import LiveCase
from vouch.auditing import Clock
from vouch.challenges.black_box.faithful import faithful_explanations as faithful
from vouch.challenges.black_box.leaning import leans_on_one_column
from vouch.challenges.black_box.permuted import knows_the_target as knows_target
from vouch.challenges.black_box.randomised import knows_the_weights as knows
from vouch.challenges.black_box.stable import stable_explanations as stable
from vouch.challenges.black_box.surrogate import simple_rules
from vouch.contracts.bundle import BundleValue
from vouch.contracts.case import Case
from vouch.contracts.explaining import Attribution, Explainer, Question
from vouch.contracts.finding import Check
from vouch.explainers.leaves import by_owner
from vouch.explainers.occlusion import Occlusion

BOX = "black_box"
Rng = np.random.Generator
Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
_WORDS = ("harbour", "lantern", "meadow", "pepper", "quarry", "ribbon", "saddle", "timber")
_SETTINGS: dict[str, Any] = {"epochs": 12, "learning_rate": 0.01}
_STEEP = 4.0
_NO_END = 1e6


# One column that decides


def _leaning(kind: str) -> Make:
    """Two classes that follow four columns, of which the first counts so much."""

    def make(seed: int, strength: float) -> Case:
        rng = rng_of(seed, f"leaning {kind}")
        values = rng.normal(size=(2500, 4))
        lean = np.sqrt(strength) * values[:, 0] + np.sqrt((1 - strength) / 3) * values[:, 1:].sum(axis=1)
        target = np.where(rng.random(2500) < expit(_STEEP * lean), "one", "two")
        columns = {f"measure {k}": values[:, k] for k in (1, 2, 3)}
        first = {"first": _first(kind, rng, values[:, 0])}
        return fitted(pl.DataFrame({**columns, **first, "target": target}), seed, _SETTINGS).under(BOX)

    return make


def _first(kind: str, rng: Rng, values: Floats) -> npt.NDArray[Any]:
    """A column that tells the value as a number, as one of six choices, or in words."""
    if kind == "number":
        return values
    if kind == "choice":
        return np.array(list("abcdef"))[np.digitize(values, [-1.2, -0.5, 0, 0.5, 1.2])]
    share = expit(3 * values)[:, None]
    place = np.where(rng.random((len(values), 12)) < share, 0, 4) + rng.integers(0, 4, (len(values), 12))
    return np.array([" ".join(row) for row in np.array(_WORDS)[place]])


# Answers that no few rules tell


@dataclass(frozen=True, slots=True, eq=False)
class _Lawful(LiveCase):
    """A case whose network answers by a law (B,)."""

    law: Floats | None = None

    def answered(self, bundle: BundleValue, rows: Rows) -> Floats:
        """The probabilities of both classes that the law gives."""
        del bundle
        assert self.law is not None
        return np.stack([1 - self.law[rows], self.law[rows]], axis=1)


def _entangled(kind: str) -> Make:
    """Answers of which so much follows an interplay of three things, and the rest one rule."""

    def make(seed: int, strength: float) -> Case:
        rng = rng_of(seed, f"entangled {kind}")
        signs = rng.choice([-1.0, 1.0], (1500, 4))
        law = expit(_STEEP * ((1 - strength) * signs[:, 0] + strength * signs[:, 1:].prod(axis=1)))
        target = np.where(rng.random(1500) < law, "one", "two")
        data = pl.DataFrame({**_told(kind, rng, signs), "target": target})
        case = fitted(data, seed, {"epochs": 1}).under(BOX)
        return _Lawful(case.bundle, case.raw, case.dataset, case.budget, case.means, BOX, law=law)

    return make


def _told(kind: str, rng: Rng, signs: Floats) -> dict[str, Any]:
    """Four signs as numbers above and below 0, as halves of the choices, or as words that are there or not."""
    if kind == "numbers":
        return {f"measure {k}": signs[:, k] * rng.exponential(size=len(signs)) for k in range(4)}
    if kind == "choices":
        place = np.where(signs > 0, 0, 3) + rng.integers(0, 3, signs.shape)
        return {f"choice {k}": np.array(list("abcdef"))[place[:, k]] for k in range(4)}
    held = signs > 0
    return {"text": [" ".join(["note", *(w for w, h in zip(_WORDS[:4], row, strict=True) if h), *rng.choice(
        _WORDS[4:], 3).tolist()]) for row in held.tolist()]}  # fmt: skip


# Explanations that are not of the network


@dataclass(frozen=True)
class _Mixed:
    """Occlusion, mixed with something else by so much; beyond 1 it says the contrary.

    Args:
        strength: how much of the other there is.
        other: from a question to values for every row and part (B, P).
    """

    strength: float
    other: Callable[[Question], Floats]
    name: ClassVar[str] = "mixed"
    says: ClassVar[str] = "Planted."
    reference: ClassVar[str] = "none"

    def applies(self, question: Question) -> str:
        """Everywhere."""
        del question
        return ""

    def passes(self, parts: int) -> int:
        """Once without each part."""
        return parts

    def attribute(self, question: Question) -> Attribution:
        """What occlusion says, mixed with the other."""
        found = Occlusion().attribute(question)
        mixed = (1 - self.strength) * _even(found.values) + abs(self.strength) * _even(self.other(question))
        return replace(found, values=mixed)


def _even(values: Floats) -> Floats:
    return values / np.maximum(values.std(axis=1, keepdims=True), 1e-12)


def _noise(question: Question) -> Floats:
    """Nothing but chance, another at each seed and for each row."""
    told = sum(int(x.double().abs().sum() * 1000) for x in question.inputs)
    return np.random.default_rng([question.seed, told]).normal(size=(question.rows, len(question.names)))


def _edges(question: Question) -> Floats:
    """How much there is to see in each part, whatever the network: edges of a picture, sizes of other values."""
    found = []
    for x, parts in zip(question.inputs, question.parts, strict=True):
        seen = x.double()
        if x.ndim == 4:
            down, across = (torch.diff(seen, dim=k, append=seen.narrow(k, -1, 1)).abs() for k in (2, 3))
            seen = down + across
        found.append(by_owner(seen.abs().float(), parts.owner, len(parts.names)).double().numpy())
    return np.concatenate(found, axis=1)


def _planted(make: Callable[[int], LiveCase], other: Callable[[Question], Floats]) -> Make:
    def planted(seed: int, strength: float) -> Case:
        case = make(seed)
        fresh = edited(case, case.dataset.frame, case.raw.frame).under(BOX)
        fresh.means.memo["methods"] = (_Mixed(strength, other),)
        # Each has its own time to train, though all are of one network.
        return replace(fresh, budget=Clock(1.0, _NO_END))

    return planted


def _methods(case: Case) -> tuple[Explainer, ...]:
    """The only method that there is in a planted case."""
    assert isinstance(case, LiveCase)
    return case.means.memo["methods"]


def faithful_explanations(case: Case) -> Check:
    """The check, with the planted method alone."""
    return faithful(case, _methods(case))


def knows_the_weights(case: Case) -> Check:
    """The check, with the planted method alone."""
    return knows(case, _methods(case))


def knows_the_target(case: Case) -> Check:
    """The check, with the planted method alone."""
    return knows_target(case, _methods(case))


def stable_explanations(case: Case) -> Check:
    """The check, with the planted method alone."""
    return stable(case, _methods(case))


def _three(other: Callable[[Question], Floats], what: str) -> tuple[Any, ...]:
    return (
        (f"{what}, of columns", "table", "edited", _planted(lambda seed: table("loans", seed), other)),
        (f"{what}, of words", "texts", "edited", _planted(lambda seed: texts("reviews", seed), other)),
        (f"{what}, of patches", "pictures", "edited", _planted(lambda seed: pictures("shapes", seed), other)),
    )


PLANTS = (
    *sow(
        Promise(leans_on_one_column, BOX, (0.9, 0.99, 1.0), 0.99, 0.25),
        ("a number decides", "table", "fitted", _leaning("number")),
        ("a choice decides", "table", "fitted", _leaning("choice")),
        ("words decide", "texts", "fitted", _leaning("words")),
    ),
    *sow(
        Promise(simple_rules, BOX, (0.5, 0.7, 0.9), 0.7),
        ("an interplay of numbers", "table", "drawn", _entangled("numbers")),
        ("an interplay of choices", "table", "drawn", _entangled("choices")),
        ("an interplay of words", "texts", "drawn", _entangled("words")),
    ),
    *sow(Promise(faithful_explanations, BOX, (0.8, 1.0, 1.5), 1.0), *_three(_noise, "noise")),
    *sow(Promise(knows_the_weights, BOX, (0.8, 0.95, 1.0), 1.0), *_three(_edges, "edges")),
    *sow(Promise(knows_the_target, BOX, (0.8, 0.95, 1.0), 1.0), *_three(_edges, "edges")),
    *sow(Promise(stable_explanations, BOX, (0.6, 0.8, 1.0), 0.8), *_three(_noise, "noise")),
)
