"""What training leaves behind: the network, what it was made from, and the evidence of how good it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vouch.contracts.dataset import Note
from vouch.contracts.finding import Estimate
from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Encoder, Target
from vouch.contracts.schema import Schema
from vouch.contracts.split import Split

if TYPE_CHECKING:
    import polars as pl
    from torch import nn


@dataclass(frozen=True, slots=True)
class Look:
    """One occasion on which the sealed test rows were scored.

    Args:
        by: the verb that looked.
        when: UTC, as ``2026-01-31T12:00:00Z``.
        why: what for.
    """

    by: str
    when: str
    why: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """How good the network is on the sealed rows, beside simple methods on the same rows.

    Args:
        metrics: the network's figures.
        baselines: the figures of each simple method.
        verdict: one sentence saying who won.
        notes: what the reader must know of the baselines, such as a cap on their rows.
    """

    metrics: tuple[Estimate, ...]
    baselines: Mapping[str, tuple[Estimate, ...]]
    verdict: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """One sealed row as a reader would see it.

    Args:
        row: its number in the cleaned data.
        truth: the target.
        prediction: what the network said.
        loss: how wrong that was: negative log-likelihood in nats, or the absolute error in the target's unit.
        cells: column and content of each feature; a picture is a ``data:image/png`` address.
    """

    row: int
    truth: str
    prediction: str
    loss: float
    cells: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Run:
    """The circumstances of one training run.

    Args:
        source: what the user named as data.
        fingerprint: digest of the canonical data that was trained on.
        history: for each epoch its number, loss, validation score and seconds.
        seconds: wall time of each station: read, prepare, train, evaluate.
        versions: of Vouch, Python, torch and the other libraries that shape the result.
        threads: that torch used; other numbers may change the last bits.
        notes: everything that was done to the data.
        asked: options of the command and their values, those that the recipe does not hold.
    """

    source: str
    fingerprint: str
    history: tuple[tuple[int, float, float, float], ...]
    seconds: Mapping[str, float]
    versions: Mapping[str, str]
    threads: int
    notes: tuple[Note, ...]
    asked: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class BundleValue:
    """Everything that ``fit`` returns and the folder ``NAME.vouch`` holds.

    Args:
        schema: what each column is.
        task: what was learned from the target.
        recipe: every setting.
        encoders: what was learned from the feature columns, one for each block.
        network: the trained module, from encoded inputs to outputs (B, M, K).
        split: which rows trained, and which are sealed.
        evidence: figures on the sealed rows.
        predictions: of the sealed rows: row number, truth, prediction, probabilities.
        run: the circumstances.
        looks: every occasion on which the sealed rows were scored.
        examples: the sealed rows that the network got most wrong.
    """

    schema: Schema
    task: Target
    recipe: Recipe
    encoders: tuple[Encoder, ...]
    network: nn.Module
    split: Split
    evidence: Evidence
    predictions: pl.DataFrame
    run: Run
    looks: tuple[Look, ...]
    examples: tuple[Example, ...] = ()
