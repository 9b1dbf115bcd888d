"""The case that challenges are asked about: a bundle, its data, and the means to train again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl
import torch

from vouch import store
from vouch.api.measuring import predicted
from vouch.api.preparing import Ready, fingerprint_of, ready_from
from vouch.api.training import jobs_of, silent, with_trained
from vouch.auditing import Clock
from vouch.contracts.bundle import BundleValue, Taught
from vouch.contracts.case import Block, BudgetSpent, Lesson, Scored
from vouch.contracts.dataset import Dataset
from vouch.contracts.explaining import Attribution, Explainer, Question
from vouch.contracts.finding import Part, Threshold
from vouch.contracts.roles import Encoder, Progress
from vouch.contracts.split import Split
from vouch.data.encode import encode
from vouch.data.schema import modality
from vouch.data.split import folds, part_of
from vouch.nets.build import apart
from vouch.nets.network import Network, outputs_of, vectors_of
from vouch.statistics.shifting import answered, deciding
from vouch.training.loop import train
from vouch.training.state import Epoch
from vouch.training.together import can_batch, mean_history, train_together

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Thresholds = Mapping[str, Mapping[str, Mapping[str, float]]]
T = TypeVar("T")

_MANY_FOLDS, _FEW_FOLDS = 5, 2
_FEWEST_EPOCHS = 3
# Numbers before the head that one case keeps: 200 MB.
_MOST_KEPT = 50_000_000
_ROOM_FOR_MANY = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Means:
    """What the views of one case share.

    Args:
        kept: where predictions of networks that were trained for it are kept.
        device: where to compute.
        thresholds: that the user has set, by challenge, check and level.
        progress: told before each training.
        memo: what was computed so far.
    """

    kept: store.Kept
    device: str
    thresholds: Thresholds
    progress: Progress
    memo: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class LiveCase:
    """A bundle with its data; what costs a training is computed once, when it is first asked for.

    Args:
        bundle: the network and its evidence.
        raw: the data as it was read.
        dataset: the same, canonical.
        budget: what may be spent.
        means: what the views of the case share.
        challenge: the challenge that is being asked.
        criterion: the metric by which a remedy will be judged; empty where none is.
    """

    bundle: BundleValue
    raw: Dataset
    dataset: Dataset
    budget: Clock
    means: Means
    challenge: str = ""
    criterion: str = ""

    def under(self, challenge: str, criterion: str = "") -> LiveCase:
        """A view of the same case for one challenge, whose remedies are judged by a criterion if there is one."""
        return replace(self, challenge=challenge, criterion=criterion)

    @property
    def split(self) -> Split:
        """Which rows train, choose, and are sealed."""
        return self.bundle.split

    @property
    def groups(self) -> npt.NDArray[np.generic] | None:
        """Which rows belong together (B,), when the user named a group."""
        group = next((column.name for column in self.bundle.schema.columns if column.role == "group"), None)
        return None if group is None else self.dataset.frame[group].cast(pl.String).to_numpy()

    @property
    def lesson(self) -> Lesson:
        """What the bundle's network was trained from."""
        bundle, split = self.bundle, self.bundle.split
        plain = Lesson(bundle.recipe, bundle.schema, self.dataset, split.train, split.valid)
        return plain if bundle.taught is None else retaught(plain, bundle.taught)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The encoded columns, in the order of the bundle's encoders."""
        if "blocks" not in self.means.memo:
            encoders, schema = self.bundle.encoders, self.bundle.schema
            tensors = encode(self.dataset.frame, encoders)
            columns = [tuple(schema.column(name) for name in encoder.columns) for encoder in encoders]
            kinds = [modality(some[0].kind).capabilities for some in columns]
            self.means.memo["blocks"] = tuple(map(Block, columns, kinds, tensors))
        return self.means.memo["blocks"]

    def random(self, what: str) -> np.random.Generator:
        """A generator that follows from the bundle's seed and a name."""
        told = hashlib.sha256(f"{self.bundle.recipe.seed}:{self.challenge}:{what}".encode()).digest()
        return np.random.default_rng(int.from_bytes(told[:8], "little"))

    def threshold(self, default: Threshold, check: str) -> Threshold:
        """A threshold with the values that the user has set for a check of this challenge."""
        levels = self.means.thresholds.get(self.challenge, {}).get(check, {})
        return replace(default, **{level: levels[level] for level in ("warn", "fail") if level in levels})

    def choosing(self, rows: Rows) -> LiveCase:
        """The same case as if only these validation rows were there to choose by."""
        view = self.holding(replace(self.bundle, split=replace(self.split, valid=rows)))
        # Its network is the same one, and says the same.
        view.means.memo.update({key: self.means.memo[key] for key in ("said",) if key in self.means.memo})
        return view

    def holding(self, bundle: BundleValue) -> LiveCase:
        """The same case with another bundle on the same encoded rows; nothing else is carried over."""
        return replace(self, bundle=bundle, means=replace(self.means, memo={"blocks": self.blocks}))

    def answered(self, bundle: BundleValue, rows: Rows) -> Floats:
        """What a bundle with the case's own network says of some rows, recalibrated where it is."""
        known = self.means.memo.get("said")
        if known is None:
            decoded = bundle.task.decode(outputs_of(bundle.network.cpu(), self._inputs(rows)))
        else:
            decoded = known[1][np.searchsorted(known[0], rows)]
        return answered(bundle, decoded, self._deciding(bundle, rows))

    def speaking(self, rows: Rows, decoded: Floats) -> LiveCase:
        """The same case as if its network said this of these rows, and nothing of others."""
        order = np.argsort(rows, kind="stable")
        memo = {"blocks": self.blocks, "said": (rows[order], decoded[order])}
        return replace(self, means=replace(self.means, memo=memo))

    def truth(self, rows: Rows) -> npt.NDArray[Any]:
        """Targets of some rows as the metrics want them."""
        return self.bundle.task.truth(self.dataset.frame[self.bundle.schema.target.name][rows])

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What is made when it is first asked for under this name by this challenge."""
        key = f"{self.challenge}: {name}"
        if key not in self.means.memo:
            self.means.memo[key] = make()
        return self.means.memo[key]

    def scored(self, part: Literal["train", "valid", "test"]) -> Scored:
        """The bundle's own predictions of one part."""
        key = f"scored {part}"
        if key not in self.means.memo:
            rows = getattr(self.split, part)
            decoded = self._decided(rows)
            self.means.memo[key] = self._scored(rows, decoded, part, np.zeros(len(rows), np.int64))
        return self.means.memo[key]

    def embeddings(self, rows: Rows, before: Literal["trunk", "head"] = "head") -> Floats:
        """The vectors (n, D) of some rows before the head, or before the trunk."""
        network = self.bundle.network.cpu()
        if not isinstance(network, Network):
            raise TypeError(f"a {type(network).__name__} has no vectors before its head")
        if before == "trunk":
            return vectors_of(network, self._inputs(rows), before).double().numpy()
        place = np.full(self.dataset.frame.height, -1)
        found, left = np.empty((len(rows), _size(network))), np.ones(len(rows), bool)
        for known, vectors in self.means.memo.get("vectors", []):
            place[known] = np.arange(len(known))
            here = place[rows] >= 0
            found[here], left[here] = vectors.numpy()[place[rows[here]]], False
            place[known] = -1
        if left.any():
            found[left] = vectors_of(network, self._inputs(rows[left]), before).flatten(1).numpy()
        return found

    def out_of_fold(self) -> Scored:
        """Predictions of training and validation rows by networks that never saw them.

        As many folds as the budget has room for: two cost about one training, five about four. Those that an audit
        has left in the bundle cost nothing.
        """
        if "out of fold" not in self.means.memo and (kept := self.bundle.out_of_fold) is not None:
            rows, fold = kept["row"].to_numpy(), kept["fold"].to_numpy()
            decoded = kept.drop("row", "fold").to_numpy()
            said = decoded if self.bundle.task.classes else decoded[:, 0]
            self.means.memo["out of fold"] = self._scored(rows, said, "out of fold", fold)
        if "out of fold" not in self.means.memo:
            many = self.budget.trainings >= _ROOM_FOR_MANY
            self.means.memo["out of fold"] = self._cross_fitted(_MANY_FOLDS if many else _FEW_FOLDS)
        return self.means.memo["out of fold"]

    @property
    def folds_frame(self) -> pl.DataFrame | None:
        """What was predicted out of fold, as the bundle keeps it; none where it was not asked for."""
        if (found := self.means.memo.get("out of fold")) is None:
            return self.bundle.out_of_fold
        decoded = found.decoded if found.decoded.ndim == 2 else found.decoded[:, None]
        values = {f"said[{k}]": decoded[:, k] for k in range(decoded.shape[1])}
        return pl.DataFrame({"row": found.rows, "fold": found.fold, **values})

    def retrain(self, lesson: Lesson, rows: Rows) -> Floats:
        """Train anew and predict some rows.

        Raises:
            BudgetSpent: there is no time for it.
        """
        self._pay_for(lesson)
        key = f"{_lesson_digest(lesson)} {_digest(rows)}"
        found = self.means.kept.array(key)
        if found is None or len(found) != len(rows):
            only, held = narrowed(lesson, rows)
            found = predicted(self.learned(only)[0], held)
            self.means.kept.keep_array(key, found)
        return found

    def attributions(
        self, lesson: Lesson, methods: Sequence[Explainer], questions: Sequence[Question]
    ) -> list[list[Attribution]]:
        """Train anew on the case's own encoded columns, and ask the network that comes of it for explanations.

        Raises:
            BudgetSpent: there is no time for it.
        """
        self._pay_for(lesson)
        only, _ = narrowed(lesson, np.zeros(0, np.int64))
        network = self.learned(only, self.bundle.encoders)[0].network
        asked = [replace(question, bundle=replace(question.bundle, network=network)) for question in questions]
        return [[method.attribute(question) for question in asked] for method in methods]

    def learned(self, lesson: Lesson, encoders: tuple[Encoder, ...] | None = None) -> tuple[Ready, list[Epoch]]:
        """Train a lesson: what comes back holds the trained network, and how it went.

        Args:
            lesson: what is learned from.
            encoders: of the columns; they are learned from the lesson when not given.
        """
        self.means.progress("training", rows=len(lesson.train), epochs=lesson.recipe.epochs)
        none, bundle = np.zeros(0, np.int64), self.bundle
        ready = ready_from(lesson, bundle.task, none, self.means.device, bundle.start, encoders)
        jobs = jobs_of(ready, None, silent)
        histories = train_together(jobs) if can_batch(jobs) else [train(job) for job in jobs]
        return with_trained(ready), mean_history(histories)

    def share_of(self, lesson: Lesson) -> float:
        """What training a lesson costs, in trainings of the bundle's own network."""
        own = len(self.split.train) * max(len(self.bundle.run.history), 1)
        epochs = lesson.recipe.epochs
        if lesson.recipe.patience and self.bundle.recipe.patience:
            # Stopping early will most likely stop about where it stopped before.
            epochs = min(epochs, len(self.bundle.run.history))
        networks = len(apart(lesson.recipe)) / len(apart(self.bundle.recipe))
        return networks * len(lesson.train) * max(epochs, 1) / max(own, 1)

    def _pay_for(self, lesson: Lesson) -> None:
        share = self.share_of(lesson)
        if not self.budget.fits(share):
            raise BudgetSpent(f"no time for another fit: {share:.2f} of a training")
        self.budget.spend(share)

    def _cross_fitted(self, count: int) -> Scored:
        rows = np.sort(np.concatenate([self.split.train, self.split.valid]))
        rng = self.under("").random(f"{count} folds")
        own, history = self.bundle.recipe, self.bundle.run.history
        # The bundle's own run shows how many epochs it takes to the weights that are kept: a fold makes those and half
        # of the patience, but never more than the run itself.
        patience = -(-own.patience // 2)
        best = min(history, key=lambda epoch: epoch[2])[0] if history else own.epochs
        recipe = replace(
            own, epochs=min(len(history) or own.epochs, max(best + patience, _FEWEST_EPOCHS)), patience=patience
        )
        fold = folds(self.dataset, self.bundle.schema, rows, count, rng)
        parts = []
        for number in range(count):
            learn, held = rows[fold != number], rows[fold == number]
            valid = part_of(self.dataset, self.bundle.schema, learn, self.bundle.recipe.valid_fraction, rng)
            lesson = replace(self.lesson, recipe=recipe, train=np.setdiff1d(learn, valid), valid=valid)
            parts.append(self.retrain(lesson, held))
        decoded = np.empty((len(rows), *parts[0].shape[1:]))
        for number, part in enumerate(parts):
            decoded[fold == number] = part
        return self._scored(rows, decoded, "out of fold", fold)

    def _scored(self, rows: Rows, decoded: Floats, part: Part, fold: Rows) -> Scored:
        truth = self.truth(rows)
        return Scored(rows, decoded, truth, self.bundle.task.losses(decoded, truth), part, fold)

    def _decided(self, rows: Rows) -> Floats:
        """What the bundle says of some rows; what its network says is kept where there is room."""
        if "said" in self.means.memo:
            return self.answered(self.bundle, rows)
        decoded = self.bundle.task.decode(self._outputs(rows))
        return answered(self.bundle, decoded, self._deciding(self.bundle, rows))

    def _deciding(self, bundle: BundleValue, rows: Rows) -> pl.DataFrame | None:
        """The columns by which a bundle's shifts group some rows; none where it has no shifts."""
        if bundle.shifts is None:
            return None
        lines = pl.Series(rows) if self.dataset.lines is None else self.dataset.lines[rows]
        return deciding(bundle, self.dataset.frame[rows], self.raw.frame, lines)

    def _outputs(self, rows: Rows) -> torch.Tensor:
        """What the network puts out for some rows (n, M, K); its vectors before the head are kept if there is room."""
        network = self.bundle.network.cpu()
        kept = self.means.memo.setdefault("vectors", [])
        together = len(rows) + sum(len(known) for known, _ in kept)
        if not isinstance(network, Network) or together * _size(network) > _MOST_KEPT:
            return outputs_of(network, self._inputs(rows))
        vectors = vectors_of(network, self._inputs(rows), "head")
        kept.append((rows, vectors.flatten(1)))
        with torch.inference_mode():
            return network.head(vectors)

    def _inputs(self, rows: Rows) -> list[torch.Tensor]:
        at = torch.from_numpy(rows)
        return [block.encoded[at] for block in self.blocks]


def narrowed(lesson: Lesson, rows: Rows) -> tuple[Lesson, Rows]:
    """The same lesson on the rows that it and its scoring need and no others, and where those to score are among them.

    What is learned is the same to the last bit; what is not looked at need not be encoded.
    """
    used = np.unique(np.concatenate([lesson.train, lesson.valid, rows]))
    train, valid, held = (np.searchsorted(used, part) for part in (lesson.train, lesson.valid, rows))
    dataset = replace(lesson.dataset, frame=lesson.dataset.frame[used])
    weights = None if lesson.weights is None else lesson.weights[used]
    return replace(lesson, dataset=dataset, train=train, valid=valid, weights=weights), held


def retaught(lesson: Lesson, taught: Taught) -> Lesson:
    """A lesson whose rows are those that trained a treated bundle."""
    frame, name = lesson.dataset.frame, lesson.schema.target.name
    if taught.rows:
        target = frame[name].scatter(list(taught.rows), pl.Series(taught.targets, dtype=frame[name].dtype))
        lesson = replace(lesson, dataset=replace(lesson.dataset, frame=frame.with_columns(target)))
    if not taught.weighted:
        return lesson
    weights = np.ones(frame.height)
    weights[list(taught.weighted)] = taught.weights
    return replace(lesson, weights=weights)


def taught_by(lesson: Lesson, original: Dataset) -> Taught | None:
    """How the rows of a lesson differ from the data; none where they do not."""
    name = lesson.schema.target.name
    before, after = original.frame[name], lesson.dataset.frame[name]
    rows = np.flatnonzero((before != after).to_numpy())
    weighted = np.zeros(0, np.int64) if lesson.weights is None else np.flatnonzero(lesson.weights != 1.0)
    if not len(rows) and not len(weighted):
        return None
    weights = () if lesson.weights is None else tuple(float(w) for w in lesson.weights[weighted])
    return Taught(tuple(map(int, rows)), tuple(after[rows].to_list()), tuple(map(int, weighted)), weights)


def _size(network: Network) -> int:
    """Numbers of one row before the head."""
    return int(network.trunk.members) * int(network.trunk.out_features)  # type: ignore[arg-type]


def _lesson_digest(lesson: Lesson) -> str:
    """All that decides what a lesson teaches."""
    ignored = [column.name for column in lesson.schema.columns if column.role == "ignored"]
    weights = np.zeros(0) if lesson.weights is None else lesson.weights
    told = [repr(lesson.recipe), repr(ignored), fingerprint_of(lesson.dataset)]
    return hashlib.sha256("\n".join([*told, *map(_digest, (lesson.train, lesson.valid, weights))]).encode()).hexdigest()


def _digest(array: npt.NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
