"""Rows without a label: a second network learns from them too, and is kept if it is better on validation rows.

Where rows can be seen from many sides, it learns to say of a strongly changed row what it is sure of when the row is
hardly changed. Of other rows it learns those that the first network is sure of.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl
import torch

from vouch.api.measuring import predicted, truth_of
from vouch.api.preparing import Ready, facts_of, networks_for
from vouch.auditing.proving import Pair, prove, sentence
from vouch.contracts.dataset import Dataset, Note
from vouch.contracts.schema import Schema
from vouch.contracts.split import Split
from vouch.data.clean import clean, unreadable_rows
from vouch.data.encode import encode
from vouch.data.read import read
from vouch.data.shelf import filtered, gathered, row_hashes
from vouch.errors import ColumnError, UsageError, nearest
from vouch.nets.network import Network
from vouch.objectives.consistent import NOT_LABELLED, SURE, views_of
from vouch.statistics.compare import main_metric
from vouch.statistics.evidence import Truth
from vouch.statistics.paired import paired_difference
from vouch.statistics.scale import borne_out
from vouch.training.feed import extended, outputs_at, placed
from vouch.training.plan import affordable_rows
from vouch.training.state import Epoch
from vouch.wording import count, number

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Learn = Callable[[Ready], tuple[Ready, list[Epoch]]]
# A row is labelled where of validation rows at least as sure this share is right, and there are so many of them.
_RIGHT, _FEWEST_SURE = 0.95, 10
# The second network sees so many times the rows that the first one saw, each of them at least so often.
GROWTH, _PASSES = 4, 3
# Rows without a label in a batch for each one that has one; and what such a row costs, beside one that has a label.
_BESIDE, _COST = 4, 4 / 3
# A rate that falls to nothing wants some epochs to fall in; more than so many add nothing.
_FEWEST_EPOCHS, _MOST_EPOCHS = 4, 40
# Labels that a network gives itself change from step to step; an average of the weights is steadier.
_AVERAGING = 0.995


@dataclass(frozen=True, slots=True, eq=False)
class Unlabelled:
    """Rows without a label, encoded like the others.

    Args:
        inputs: one tensor for each encoder, first dimension n.
        notes: what was done to them.
    """

    inputs: list[torch.Tensor]
    notes: tuple[Note, ...]


def read_unlabelled(data: object, schema: Schema) -> Dataset:
    """Rows without a label, canonical under the schema of those that have one.

    Raises:
        UsageError: the task is not one of classes.
        ColumnError: a column that the network sees is not in them.
    """
    if schema.task not in ("binary", "multiclass"):
        raise UsageError(
            "unlabelled rows need a target of classes", where="--unlabelled", received=schema.task,
            next_step="Leave --unlabelled out; 'vouch pretrain' learns from them for any task.",
        )  # fmt: skip
    raw = read(data)
    for column in schema.features:
        if column.name not in raw.frame.columns:
            raise ColumnError(
                f"the unlabelled data lacks the column '{column.name}'", where=raw.source,
                next_step=nearest(column.name, raw.frame.columns),
            )  # fmt: skip
    canonical = clean(raw, schema, labelled=False)
    bad = unreadable_rows(raw, canonical, schema)
    return replace(canonical, frame=filtered(canonical.frame, ~bad), notes=())


def unlabelled_for(ready: Ready, dataset: Dataset) -> Unlabelled:
    """The rows of a data set that equal no row held out, encoded.

    Args:
        ready: what the network is trained from.
        dataset: canonical rows without a label.
    """
    names = [column.name for column in ready.schema.features]
    held = np.concatenate([ready.split.valid, ready.split.test])
    known = pl.Series(row_hashes(gathered(ready.dataset.frame.select(names), held)))
    same = pl.Series(row_hashes(dataset.frame.select(names))).is_in(known.implode())
    frame = filtered(dataset.frame, ~same)
    told = f"{count(int(same.sum()), 'unlabelled row')} that equal a row held out"
    notes = (Note("dropped", told, int(same.sum())),) if same.any() else ()
    return Unlabelled(placed(encode(frame, ready.encoders), ready.wanted.device), notes)


def self_trained(
    ready: Ready, history: list[Epoch], extra: Unlabelled, learn: Learn, seconds: float | None = None
) -> tuple[Ready, list[Epoch]]:
    """A second network that has learned from rows without a label as well, if it is better on validation rows.

    Args:
        ready: with the first network, trained.
        history: of its training.
        extra: rows without a label.
        learn: trains what is ready; gives it back with its networks joined, and how it went.
        seconds: that the second training may take; none follows the plan.

    Returns:
        What is ready with the better one of the two networks, and how that one was trained.

    Source:
        Sohn and others, FixMatch (2020), where rows can be seen from many sides; else Lee, Pseudo-label (2013), and
        Zou et al., Unsupervised domain adaptation via class-balanced self-training (2018).
    """
    truth = truth_of(ready, ready.dataset, ready.split.valid, "valid")
    viewed = ready.recipe.consistency > 0 and bool(views_of(ready.encoders))
    second, told = _with_views(ready, history, extra, seconds) if viewed else _with_labels(ready, extra, truth.values)
    if second is None:
        return _noted(ready, extra, told), history
    second, again = learn(second)
    # What learned from its own answers is surer than it is right: how sure it may be, validation rows say.
    outputs = [_answers(one) for one in (ready, second)]
    (own, before), (factor, after) = (borne_out(ready.task, one, truth.values) for one in outputs)
    scaled = [ready.task.decode(one * by) for one, by in zip(outputs, (own, factor), strict=True)]
    moved = f"validation score {number(before)} before, {number(after)} after; lower is better"
    if _speak_against(truth, *scaled) if viewed else after >= before:
        return _noted(ready, extra, f"{told}; not kept: {moved}"), history
    _scale(second, factor)
    kept = replace(ready, network=second.network, networks=second.networks)
    return _noted(kept, extra, f"{told}; kept: {moved}{_sealed(ready, kept)}"), again


def _speak_against(truth: Truth, before: Floats, after: Floats) -> bool:
    """Whether validation rows prove the second network worse, one-sided at 5 %; few rows often prove nothing."""
    spec = next(one for one in truth.metrics if one.name == "log_loss")
    return paired_difference(truth, [after], [before], metric=spec, level=0.9).estimate.low > 0


def _sealed(ready: Ready, kept: Ready) -> str:
    """What the sealed rows say of the second network, in a sentence; nothing where there are too few."""
    if not len(rows := ready.split.test):
        return ""
    truth = truth_of(ready, ready.dataset, rows, "test")
    before, after = (predicted(one, rows) for one in (ready, kept))
    spec = main_metric(truth, after)
    if not truth.enough_for(spec):
        return ""
    ledger = prove(Pair(truth, [before], [after]), spec, 1, ready.recipe.seed)
    return ". " + sentence(ledger.claim, ledger.before[0], ledger.after[0], "learning from them").removesuffix(".")


def _scale(ready: Ready, factor: float) -> None:
    """Make all outputs larger by a factor; a single network is the joined one itself."""
    heads = {id(one.head): one.head for one in (ready.network, *ready.networks) if isinstance(one, Network)}
    for head in heads.values():
        head.scale(factor)


def _answers(ready: Ready) -> torch.Tensor:
    """The network's outputs for the validation rows (n, M, K)."""
    inputs = [x.cpu() for x in ready.inputs]
    return outputs_at(ready.network.cpu(), inputs, torch.from_numpy(ready.split.valid)).float()


def _with_views(
    ready: Ready, history: list[Epoch], extra: Unlabelled, seconds: float | None
) -> tuple[Ready | None, str]:
    """What the second network is trained from where it goes on from the first, and each batch has rows of both kinds.

    Rows with a label come back often enough to be one in five.
    """
    rows, own = len(extra.inputs[0]), len(ready.split.train)
    if not rows:
        return None, "no unlabelled row is left"
    if seconds is None:
        most = affordable_rows(facts_of(ready.schema, own), ready.recipe.image_width)
    else:
        most = round(own * len(history) * seconds / max(sum(epoch.seconds for epoch in history), 1e-3))
    # Of so many passes, this many rows without a label can be seen, together with those that have one.
    most = max(1, round(most * _BESIDE / (1 + _BESIDE * _COST)))
    used = min(rows, max(most // _FEWEST_EPOCHS, 1))
    chosen = np.sort(np.random.default_rng(ready.recipe.seed).permutation(rows)[:used])
    device, first = ready.wanted.device, len(ready.wanted)
    wanted = torch.cat([ready.wanted, torch.full((used,), NOT_LABELLED, device=device, dtype=ready.wanted.dtype)])
    often = np.tile(ready.split.train, max(1, round(used / _BESIDE / own)))
    # Evenly among the others, so that those read from disk in blocks are mixed as well.
    train = np.insert(first + np.arange(used), np.linspace(0, used, len(often), endpoint=False).astype(int), often)
    epochs, batch = min(max(most // used, 1), _MOST_EPOCHS), ready.recipe.batch_size * (1 + _BESIDE)
    recipe = replace(
        ready.recipe, epochs=epochs, batch_size=batch, probe=0.0, unfreezing=0.0, label_smoothing=0.0,
        averaging=_AVERAGING,
    )  # fmt: skip
    networks = tuple(copy.deepcopy(network).to(device) for network in ready.networks)
    weights = None if ready.weights is None else torch.cat([ready.weights, torch.ones(used, device=device)])
    second = replace(
        ready, inputs=extended(ready.inputs, extra.inputs, torch.from_numpy(chosen)), wanted=wanted, weights=weights,
        split=replace(ready.split, train=train), recipe=recipe,
        network=networks[0], networks=networks, partly=True,
    )  # fmt: skip
    share = f"{used:,} of " if used < rows else ""
    told = f"{share}{count(rows, 'unlabelled row')} were learned from, changed a little and much: what the network is"
    return second, f"{told} {100 * SURE:g} % sure of must hold for both, over {count(recipe.epochs, 'epoch')}"


def _with_labels(ready: Ready, extra: Unlabelled, truth: Rows) -> tuple[Ready | None, str]:
    """What the second network is trained from where rows get a label that the first network is sure of, if any do."""
    first = predicted(ready, ready.split.valid)
    level, right = sure_enough(first, truth)
    said = predicted(replace(ready, inputs=extra.inputs), np.arange(len(extra.inputs[0])))
    shares = np.bincount(ready.wanted[ready.split.train].cpu().numpy(), minlength=first.shape[1])
    chosen = balanced(said, level, shares / shares.sum(), _most(ready))
    told = f"of {count(len(said), 'unlabelled row')} the network labelled {len(chosen):,} itself"
    if not len(chosen):
        return None, f"{told}, for nowhere is it sure enough"
    told += f" (at least {number(level)} sure, as {number(100 * right)} % of such validation rows are right)"
    return _with_rows(ready, extra, chosen, torch.from_numpy(said[chosen].argmax(1)), right), told


def sure_enough(decoded: Floats, truth: npt.NDArray[np.int64]) -> tuple[float, float]:
    """The least probability from which on nearly all answers are right, and the share of them that is.

    Args:
        decoded: probabilities of validation rows (n, K).
        truth: their class codes (n,).

    Returns:
        A probability above 1 where no level will do.

    Example:
        >>> decoded = np.array([[0.9, 0.1]] * 30 + [[0.6, 0.4]] * 30)
        >>> sure_enough(decoded, np.array([0] * 30 + [0, 1] * 15))
        (0.9, 1.0)
    """
    confidence, hit = decoded.max(1), decoded.argmax(1) == truth
    order = np.argsort(-confidence, kind="stable")
    right = np.cumsum(hit[order]) / np.arange(1, len(order) + 1)
    # Rows that are equally sure stand or fall together.
    ends = np.append(confidence[order][1:] < confidence[order][:-1], True)
    good = ends & (right >= _RIGHT) & (np.arange(1, len(order) + 1) >= _FEWEST_SURE)
    if not good.any():
        return 2.0, 0.0
    last = int(np.flatnonzero(good)[-1])
    return float(confidence[order[last]]), float(right[last])


def balanced(decoded: Floats, level: float, shares: Floats, most: int) -> Rows:
    """Rows that are sure enough, the surest of each class, none with more than its share among the labelled rows.

    Args:
        decoded: probabilities (n, K).
        level: how sure a row has to be.
        shares: of each class among the labelled rows (K,).
        most: rows to take.

    Returns:
        Numbers of rows (sorted).

    Example:
        >>> decoded = np.array([[0.99, 0.01]] * 8 + [[0.02, 0.98]] * 2)
        >>> balanced(decoded, 0.9, np.array([0.5, 0.5]), most=100).tolist()
        [0, 1, 2, 3, 4, 8, 9]
    """
    confidence, said = decoded.max(1), decoded.argmax(1)
    sure = np.flatnonzero(confidence >= level)
    total = min(len(sure), most)
    chosen = [np.zeros(0, np.int64)]
    for k, share in enumerate(shares):
        mine = sure[said[sure] == k]
        chosen.append(mine[np.argsort(-confidence[mine], kind="stable")][: int(np.ceil(share * total))])
    return np.sort(np.concatenate(chosen))


def _most(ready: Ready) -> int:
    """How many rows the second network can see often enough."""
    return GROWTH * ready.recipe.epochs * len(ready.split.train) // _PASSES


def _with_rows(ready: Ready, extra: Unlabelled, chosen: Rows, codes: torch.Tensor, right: float) -> Ready:
    """What the second network is trained from: its own rows follow those of the data."""
    inputs = extended(ready.inputs, extra.inputs, torch.from_numpy(chosen))
    wanted = torch.cat([ready.wanted, codes.to(ready.wanted)])
    first, rows = len(ready.wanted), len(ready.split.train) + len(chosen)
    train = np.concatenate([ready.split.train, first + np.arange(len(chosen))])
    own = torch.ones(first, device=wanted.device) if ready.weights is None else ready.weights
    weights = torch.cat([own, torch.full((len(chosen),), right, device=wanted.device)])
    epochs = round(GROWTH * ready.recipe.epochs * len(ready.split.train) / rows)
    recipe = replace(ready.recipe, epochs=min(max(epochs, 1), ready.recipe.epochs))
    networks = networks_for(ready.encoders, ready.task.outputs, recipe, ready.start)[1]
    networks = tuple(network.to(wanted.device) for network in networks)
    split = Split(train, ready.split.valid, ready.split.test, ready.split.how, ready.split.why)
    return replace(
        ready, inputs=inputs, wanted=wanted, weights=weights, split=split, recipe=recipe, network=networks[0],
        networks=networks,
    )  # fmt: skip


def _noted(ready: Ready, extra: Unlabelled, told: str) -> Ready:
    return replace(ready, dataset=ready.dataset.with_notes(*extra.notes, Note("read", told)))
