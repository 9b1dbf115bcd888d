"""Rows without a label that the network labels itself where it is sure, and a second network that learns from both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl
import torch

from vouch.api.measuring import predicted
from vouch.api.preparing import Ready, networks_for
from vouch.contracts.dataset import Dataset, Note
from vouch.contracts.schema import Schema
from vouch.contracts.split import Split
from vouch.data.clean import clean, unreadable_rows
from vouch.data.encode import encode
from vouch.data.read import read
from vouch.data.shelf import filtered, gathered, row_hashes
from vouch.errors import ColumnError, UsageError, nearest
from vouch.training.feed import extended, placed
from vouch.training.state import Epoch
from vouch.wording import count, number

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Learn = Callable[[Ready], tuple[Ready, list[Epoch]]]
# A row is labelled where of validation rows at least as sure this share is right, and there are so many of them.
_RIGHT, _FEWEST_SURE = 0.95, 10
# The second network sees so many times the rows that the first one saw, each of them at least so often.
GROWTH, _PASSES = 4, 3


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


def self_trained(ready: Ready, history: list[Epoch], extra: Unlabelled, learn: Learn) -> tuple[Ready, list[Epoch]]:
    """A second network, trained on rows with labels and on rows that the first one is sure of, if it is better.

    The validation rows say how sure the first network has to be, and whether the second one is better.

    Args:
        ready: with the first network, trained.
        history: of its training.
        extra: rows without a label.
        learn: trains what is ready; gives it back with its networks joined, and how it went.

    Returns:
        What is ready with the better one of the two networks, and how that one was trained.

    Source:
        Lee, Pseudo-label (2013); Zou et al., Unsupervised domain adaptation via class-balanced self-training (2018).
    """
    first = predicted(ready, ready.split.valid)
    truth = ready.task.truth(ready.dataset.frame[ready.schema.target.name][ready.split.valid])
    level, right = sure_enough(first, truth)
    said = predicted(replace(ready, inputs=extra.inputs), np.arange(len(extra.inputs[0])))
    shares = np.bincount(ready.wanted[ready.split.train].cpu().numpy(), minlength=first.shape[1])
    chosen = balanced(said, level, shares / shares.sum(), _most(ready))
    told = f"of {count(len(said), 'unlabelled row')} the network labelled {len(chosen):,} itself"
    if not len(chosen):
        return _noted(ready, extra, f"{told}, for nowhere is it sure enough"), history
    told += f" (at least {number(level)} sure, as {number(100 * right)} % of such validation rows are right)"
    second = _with_rows(ready, extra, chosen, torch.from_numpy(said[chosen].argmax(1)), right)
    second, again = learn(second)
    scores = [ready.task.score(one, truth) for one in (first, predicted(second, ready.split.valid))]
    moved = f"validation score {number(scores[0])} before, {number(scores[1])} after; lower is better"
    if scores[1] < scores[0]:
        kept = replace(ready, network=second.network, networks=second.networks)
        return _noted(kept, extra, f"{told}; kept: {moved}"), again
    return _noted(ready, extra, f"{told}; not kept: {moved}"), history


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
