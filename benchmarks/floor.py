"""Vouch's step and epoch over those of a loop written by hand for the same net, rows, batches and optimiser.

    python benchmarks/floor.py
    python benchmarks/floor.py mlp-1e3 resnet --pairs 9

Both train in one process, an epoch each in turn: the loop by hand takes its epoch where Vouch would evaluate. Vouch's
epoch is everything that ``train`` does but evaluating. "plain" is the net with AdamW at a constant rate and nothing
else; "recipe" is what the default recipe adds (clipping, averaged weights, its optimiser and schedule), on both sides.
Pictures are not changed at random on either side. Real data is looked for as in ``quality.py``.
"""

from __future__ import annotations

import argparse
import copy
import gzip
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import torch
import torch.nn.functional as F
from quality import ADULT, DATA, NEWS
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from vouch.api.preparing import gather, prepare
from vouch.api.training import jobs_of, settled, silent
from vouch.contracts.options import FitOptions
from vouch.contracts.recipe import Recipe
from vouch.training.loop import Job, train
from vouch.training.optimise import make_optimizer
from vouch.training.rates import rate_at

PAIRS = 7
SECONDS = 1.0
PLAIN = {
    "optimizer": "adamw", "schedule": "constant", "warmup": 0, "clip": 0, "averaging": 0, "label_smoothing": 0,
}  # fmt: skip
VARIANTS: dict[str, Mapping[str, object]] = {"plain": PLAIN, "recipe": {}}


@dataclass(frozen=True)
class Case:
    """A net on real rows: what to read, what to predict, and how many rows train.

    Args:
        data: reads the data; what it gives is planned and encoded as a whole, and may have more rows than train.
        target: the column to predict.
        rows: how many rows train.
        settings: which net, where it is not the default one.
        columns: names for data that has no header.
    """

    data: Callable[[], object]
    target: str
    rows: int
    settings: Mapping[str, object] = field(default_factory=dict)
    columns: list[str] | None = None


def adult() -> pl.DataFrame:
    """As many rows as leave 1,000 to train."""
    with gzip.open(DATA / "adult/adult-train.csv.gz") as file:
        return pl.read_csv(file.read(), has_header=False, new_columns=ADULT).sample(1_600, seed=0)


def fraud() -> pl.DataFrame:
    """Card transactions with what they are like beside earlier ones, as many as leave 100,000 to train."""
    frame = pl.read_parquet(DATA / "fraud-handbook/transactions_2018-07-25_2018-08-14.parquet")
    told = ("TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_FRAUD_SCENARIO")
    return frame.drop(*told).sample(160_000, seed=0)


def numbers(rows: int) -> pl.DataFrame:
    """Ten numbers and a class that follows from them, as many rows as leave so many to train."""
    drawn = np.random.default_rng(0).normal(size=(rows * 8 // 5, 10)).round(3)
    label = np.where(drawn.sum(axis=1) > 0, "yes", "no")
    return pl.DataFrame({f"x{i}": drawn[:, i] for i in range(10)} | {"y": label})


def folder(name: str) -> Callable[[], Path]:
    """A file or a folder of the shared data, as it is."""
    return lambda: DATA / name


CASES = {
    "mlp-1e3": Case(adult, "income", 1_000, {"network": "mlp"}),
    "mlp-1e5": Case(fraud, "TX_FRAUD", 100_000, {"network": "mlp"}),
    "resnet": Case(folder("fashion-mnist"), "label", 5_120),
    "transformer": Case(folder("ag-news/train-subset.csv.gz"), "class", 5_120, {"network": "transformer"}, NEWS),
    "ensemble-1e3": Case(lambda: numbers(1_000), "y", 1_000),
    "ensemble-3e4": Case(lambda: numbers(30_000), "y", 30_000),
    "ensemble-3e5": Case(lambda: numbers(300_000), "y", 300_000),
}


def main() -> None:
    """Measure what is named, or everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CASES))
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--rows", type=int, help="rows that train, where they are to be fewer")
    asked = parser.parse_args()
    if unknown := [name for name in asked.names if name not in CASES]:
        parser.error(f"there is no {unknown}; there is: {', '.join(CASES)}")
    for name in asked.names or CASES:
        case = replace(CASES[name], rows=min(asked.rows or CASES[name].rows, CASES[name].rows))
        for variant, settings in VARIANTS.items():
            print(f"{name} {variant}: {measure(prepared(case, settings), asked.pairs)}", flush=True)


def prepared(case: Case, settings: Mapping[str, object]) -> Job:
    """The job that ``vouch fit`` would train, cut down to so many rows, and with no random changes to them."""
    asked = FitOptions(settings={**case.settings, **settings, "augment": ()}, columns=case.columns, device="cpu")
    ready = settled(prepare(*gather(case.data(), case.target, asked), asked), None)
    job = jobs_of(ready, None, silent)[0]
    if len(job.rows) < case.rows:
        raise SystemExit(f"{len(job.rows)} rows are left to train, {case.rows} are wanted")
    # Both sides compute whole rows, though Vouch would cut batches of texts where their longest ends.
    return replace(job, rows=job.rows[: case.rows], steps=None, lengths={})


def measure(job: Job, pairs: int) -> str:
    """Both ratios in words: of each pair of turns, the median and the spread."""
    first = Turns(job)
    first.take(2)
    each = max(1, round(SECONDS / first.by_hand.epochs[-1]))
    turns = Turns(job)
    turns.take((pairs + 1) * each)  # the first pair warms up
    ours, by_hand = (turn.in_parts(each)[1:] for turn in (turns.ours, turns.by_hand))
    found = {
        "epoch": [sum(a.epochs) / sum(b.epochs) for a, b in zip(ours, by_hand, strict=True)],
        "step": [statistics.median(a.steps) / statistics.median(b.steps) for a, b in zip(ours, by_hand, strict=True)],
    }
    said = [f"{name} {statistics.median(r):.3f} ({min(r):.3f} to {max(r):.3f})" for name, r in found.items()]
    size = f"{len(job.rows):,} rows in batches of {job.recipe.batch_size}, {pairs} pairs of {each} epochs"
    by_step = f"{1e6 * statistics.median(by_hand[0].steps):.0f} µs a step by hand"
    return f"{', '.join(said)} of a hand-written loop; {size}, {by_step}"


@dataclass
class Turn:
    """Seconds of the epochs of one side, and from each batch to the next within them."""

    epochs: list[float] = field(default_factory=list)
    steps: list[float] = field(default_factory=list)
    ticks: list[float] = field(default_factory=list)

    def tick(self) -> None:
        """A batch has been taken."""
        self.ticks.append(time.perf_counter())

    def end(self, seconds: float) -> None:
        """An epoch is over."""
        self.epochs.append(seconds)
        self.steps += [after - before for before, after in pairwise(self.ticks)]
        self.ticks.clear()

    def in_parts(self, size: int) -> list[Turn]:
        """The same, so many epochs at a time; an epoch of one batch is itself the step."""
        each = len(self.steps) // len(self.epochs)
        return [
            Turn(self.epochs[i : i + size], self.steps[i * each : (i + size) * each] or self.epochs[i : i + size])
            for i in range(0, len(self.epochs), size)
        ]


class Turns:
    """A job whose evaluation is an epoch of the loop by hand, on a copy of the network.

    Args:
        job: what to train.
    """

    def __init__(self, job: Job) -> None:
        self.job, self.ours, self.by_hand = job, Turn(), Turn()
        self._began, self._left = 0.0, 0.0

    def take(self, epochs: int) -> None:
        """Train for so many epochs on both sides."""
        recipe = replace(self.job.recipe, epochs=epochs, patience=0)
        self._hand = ByHand(replace(self.job, recipe=recipe), self.by_hand)
        job = replace(
            self.job, recipe=recipe, augment=self._augment, evaluate=self._evaluate, progress=self._progress
        )  # fmt: skip
        self._began = time.perf_counter()
        train(job)

    def _augment(self, batch: list[Tensor], generator: torch.Generator) -> list[Tensor]:
        self.ours.tick()
        return self.job.augment(batch, generator)

    def _evaluate(self, network: nn.Module) -> float:
        """The other side's turn; the score never changes, so that no weights are kept as the best."""
        del network
        self._left = time.perf_counter() - self._began
        started = time.perf_counter()
        with torch.enable_grad():
            self._hand.epoch()
        self._began = time.perf_counter()
        self.by_hand.end(self._began - started)
        return 0.0

    def _progress(self, event: str, /, **facts: float | int | str | None) -> None:
        del facts
        if event == "epoch":
            now = time.perf_counter()
            self.ours.end(self._left + now - self._began)
            self._began = now


class ByHand:
    """The loop that somebody would write for this net alone.

    Args:
        job: network, rows and settings; the network is copied.
        turn: told when a batch has been taken.
    """

    def __init__(self, job: Job, turn: Turn) -> None:
        self.network = copy.deepcopy(job.network)
        self.job, self.turn = job, turn
        self.inputs = [x[job.rows] for x in job.inputs]
        self.target = job.target[job.rows]
        self.optimizer = _optimizer(self.network, job.recipe)
        self.schedule = _schedule(self.optimizer, job.recipe, job.steps_in_epoch)
        self.weights = [value for value in self.network.state_dict().values() if value.is_floating_point()]
        self.averages = [value.clone() for value in self.weights]

    def epoch(self) -> float:
        """One pass over the rows in random order; the mean loss."""
        network, optimizer, recipe = self.network, self.optimizer, self.job.recipe
        inputs, target = self.inputs, self.target
        follow = get_ema_multi_avg_fn(recipe.averaging)
        parameters = list(network.parameters())
        total = torch.zeros(())
        network.train()
        for rows in torch.randperm(len(target)).split(recipe.batch_size):
            batch = [x[rows] for x in inputs]
            self.turn.tick()
            output = network(*batch)
            wanted = target[rows] if output.shape[1] == 1 else target[rows].repeat_interleave(output.shape[1])
            loss = F.cross_entropy(output.flatten(0, 1), wanted, label_smoothing=recipe.label_smoothing)
            loss.backward()
            if recipe.clip:
                nn.utils.clip_grad_norm_(parameters, recipe.clip)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            if self.schedule is not None:
                self.schedule.step()
            if recipe.averaging:
                follow(self.averages, self.weights, 1)
            total += loss.detach() * len(rows)
        return float(total) / len(target)


def _optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW over all weights alike; where the recipe names another one, that one."""
    named = make_optimizer(network, recipe)
    if not isinstance(named, torch.optim.AdamW):
        return named
    return torch.optim.AdamW(
        network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
    )


def _schedule(
    optimizer: torch.optim.Optimizer, recipe: Recipe, steps: int
) -> torch.optim.lr_scheduler.LRScheduler | None:
    """Torch's own scheduler with the recipe's curve; none for a constant rate."""
    if all(rate_at(i / 16, recipe) == 1.0 for i in range(17)):
        return None
    every = steps * recipe.epochs
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: rate_at(min(done / every, 1.0), recipe))


if __name__ == "__main__":
    main()
