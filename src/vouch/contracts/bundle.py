"""What training leaves behind: the network, what it was made from, and the evidence of how good it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vouch.contracts.backbone import Backbone
from vouch.contracts.dataset import Note
from vouch.contracts.finding import Estimate
from vouch.contracts.proof import Audit
from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Encoder, Target
from vouch.contracts.schema import Schema
from vouch.contracts.search import Search
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
        rival: the strongest simple method on these rows; empty when there is none.
        lead: the network's main metric less the rival's on the same rows, with its paired interval.
        out_of_fold: figures on rows that are not sealed, each predicted by a network of a fold that it was not in; of
            one such network, not of their mean. None without folds.
    """

    metrics: tuple[Estimate, ...]
    baselines: Mapping[str, tuple[Estimate, ...]]
    verdict: str
    notes: tuple[str, ...] = ()
    rival: str = ""
    lead: Estimate | None = None
    out_of_fold: tuple[Estimate, ...] = ()


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
        memory: bytes that training was estimated to need, and the most that it was measured to use.
    """

    source: str
    fingerprint: str
    history: tuple[tuple[int, float, float, float], ...]
    seconds: Mapping[str, float]
    versions: Mapping[str, str]
    threads: int
    notes: tuple[Note, ...]
    asked: tuple[tuple[str, str], ...] = ()
    memory: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Calibrator:
    """What brings probabilities closer to frequencies after the network has spoken.

    Args:
        method: "temperature", "vector" or "isotonic".
        parameters: what the method has learned, rows of numbers in a layout of its own.
        rows: how many rows it was learned from.
        smoothing: of the labels in training, which is taken out of the probabilities first.
    """

    method: str
    parameters: tuple[tuple[float, ...], ...]
    rows: int
    smoothing: float = 0.0


@dataclass(frozen=True, slots=True)
class Conformal:
    """What turns a prediction into a set, or an interval, that holds the truth with a stated probability.

    Args:
        method: how a row is scored, such as "aps" or "absolute_residual".
        coverage: the share of rows whose set holds the truth, such as 0.9.
        quantiles: the scores up to which an answer is in the set; one for all rows, or one for each class.
        rows: how many rows they rest on.
    """

    method: str
    coverage: float
    quantiles: tuple[float, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class GroupRule:
    """How a row is told to be in a group, by its own cells alone.

    Args:
        columns: by which rows are grouped; where there are none, all rows are one group.
        edges: for each column where it is cut in parts; nothing for one that is taken by its values.
        cells: the combinations of values, or parts, that are known.
        place: the group of each combination.
        groups: their names.
    """

    columns: tuple[str, ...]
    edges: tuple[tuple[float, ...], ...]
    cells: tuple[tuple[str, ...], ...]
    place: tuple[int, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupShifts:
    """What is added to the answers for the rows of each group, so that one half is then the group's own threshold.

    Args:
        rule: which group a row is in; rows of unknown groups are left as they are.
        shifts: for each group what is added to the log-probability of each class, to the log-odds of each label, or to
            the value.
        criterion: what the shifts were chosen for.
        rows: how many rows they were learned from.
    """

    rule: GroupRule
    shifts: tuple[tuple[float, ...], ...]
    criterion: str
    rows: int


@dataclass(frozen=True, slots=True)
class Treatment:
    """A remedy that was applied before or after training, so that a reader knows what the bundle is.

    Args:
        challenge: which failing it was for.
        remedy: its name.
        strength: as a reader writes it.
        says: one sentence on what was changed.
    """

    challenge: str
    remedy: str
    strength: str
    says: str


@dataclass(frozen=True, slots=True)
class Taught:
    """How the rows that trained a treated bundle differ from those in the data.

    Args:
        rows: whose target was another in training.
        targets: what it was, as in the data.
        weighted: rows that did not count as one.
        weights: how much each of them counted.
    """

    rows: tuple[int, ...] = ()
    targets: tuple[str | int | float | bool, ...] = ()
    weighted: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()


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
        calibrator: applied to every probability the network gives, if there is one.
        conformal: makes prediction sets or intervals, if there is one.
        treatments: every remedy that made this bundle what it is, oldest first.
        taught: how the training rows differ from the data, after a remedy that changed them.
        audit: what was found and proved.
        out_of_fold: what networks that never saw a row said of it, for all rows that are not sealed: row number, fold,
            and one column for each probability or the value.
        search: the search over settings that the recipe comes from, if there was one.
        start: what the weights started from, so that the same can be trained again; none for random ones.
        shifts: added to what the network, recalibrated, says of each group, if there are any.
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
    calibrator: Calibrator | None = None
    conformal: Conformal | None = None
    treatments: tuple[Treatment, ...] = ()
    taught: Taught | None = None
    audit: Audit | None = None
    out_of_fold: pl.DataFrame | None = None
    search: Search | None = None
    start: Backbone | None = None
    shifts: GroupShifts | None = None
