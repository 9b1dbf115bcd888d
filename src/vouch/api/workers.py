"""Processes that search beside this one: each is the same command, with orders in a file that only its owner reads."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from vouch.api.clustering import check_address, check_extra
from vouch.api.questing import Quest
from vouch.contracts.options import TuneOptions
from vouch.errors import UsageError
from vouch.training.search import Limits

# A worker ends by itself when the time is over; after so many seconds more it is ended.
_GRACE_SECONDS = 30.0
_LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Orders:
    """What a worker is told beside the options of the data.

    Args:
        number: of the worker, from 1.
        recipe: the default recipe, every key.
        fixed: keys that are not searched.
        name: of the study.
        storage: its URL.
        trials: attempts that this worker makes; endless when not given.
        until: when the search is over, in seconds since 1970; endless when not given.
        longest: seconds that one attempt may take; endless when not given.
    """

    number: int
    recipe: dict[str, Any]
    fixed: tuple[str, ...]
    name: str
    storage: str
    trials: int | None = None
    until: float | None = None
    longest: float | None = None

    @property
    def limits(self) -> Limits:
        """How far the worker goes."""
        ends = math.inf if self.until is None else time.monotonic() + self.until - time.time()
        return Limits(self.trials, ends, math.inf if self.longest is None else self.longest, self.number)

    @classmethod
    def read(cls, file: Path) -> Orders:
        """The orders in a file.

        Raises:
            UsageError: there are none.
        """
        try:
            facts = json.loads(file.read_text(encoding="utf-8"))
            return cls(**{**facts, "fixed": tuple(facts["fixed"])})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError("a worker has no orders", where=str(file), received=str(error)[:120]) from error


@dataclass(frozen=True, slots=True, eq=False)
class _Worker:
    """A process, and what it says on standard error."""

    number: int
    process: subprocess.Popen[bytes]
    told: IO[bytes]


@dataclass(slots=True, eq=False)
class Crew:
    """All processes of a search.

    Args:
        size: how many there are, this one too.
        command: what starts another one, but for its orders.
        complaints: what those said that broke down.
    """

    size: int
    command: tuple[str, ...] = ()
    complaints: list[str] = field(default_factory=list)
    _workers: list[_Worker] = field(default_factory=list)

    def share_of(self, limits: Limits, number: int = 0) -> Limits:
        """The limits of one process: attempts that are counted are dealt out beforehand, so that none is made twice."""
        if limits.attempts is None:
            return replace(limits, worker=number)
        each, rest = divmod(limits.attempts, self.size)
        return replace(limits, attempts=each + (number < rest), worker=number)

    @contextmanager
    def at_work(self, quest: Quest, limits: Limits) -> Iterator[None]:
        """Inside, the other processes search; none is left behind, whatever happens."""
        with tempfile.TemporaryDirectory(prefix="vouch-") as folder:
            try:
                for number in range(1, self.size):
                    self._start(quest, self.share_of(limits, number), Path(folder))
                yield
            finally:
                self.complaints += [said for one in self._workers if (said := _ended(one))]
                self._workers.clear()

    def wait(self, limits: Limits) -> None:
        """Wait until all have ended, or should have."""
        while any(one.process.poll() is None for one in self._workers):
            if time.monotonic() > limits.ends + _GRACE_SECONDS:
                return
            time.sleep(_LOOK_SECONDS)

    def _start(self, quest: Quest, limits: Limits, folder: Path) -> None:
        endless = math.isinf(limits.ends)
        until = None if endless else time.time() + limits.ends - time.monotonic()
        orders = Orders(
            limits.worker, quest.ready.recipe.plain(), tuple(quest.fixed), quest.place.name, str(quest.place.url),
            limits.attempts, until, None if endless else limits.longest,
        )  # fmt: skip
        file = folder / f"{limits.worker}.json"
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as handle:
            json.dump(asdict(orders), handle)
        threads = str(max(1, (os.cpu_count() or 1) // self.size))
        environment = {**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), threads)}
        told = (folder / f"{limits.worker}.log").open("w+b")
        process = subprocess.Popen(
            [*self.command, "--worker", str(file)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=told,
            env=environment,
        )  # fmt: skip
        self._workers.append(_Worker(limits.worker, process, told))


def check_workers(data: object, options: TuneOptions) -> None:
    """Refuse data that another process cannot read, and a cluster that does not answer."""
    if (cluster := options.get("cluster")) is not None:
        check_extra()
        check_address(cluster)
        _check_shared(data, options)
    for name, given in (("data", data), ("test", options.get("test"))):
        if options.get("workers", 1) > 1 and given is not None and not isinstance(given, str | Path):
            raise UsageError(
                f"several workers read the {name} by themselves, each in a process of its own",
                expected="a path or a glob", received=f"a {type(given).__name__}",
                next_step="Write it to a file, or leave workers out.",
            )  # fmt: skip


def _check_shared(data: object, options: TuneOptions) -> None:
    """Refuse what other machines cannot find: files by a path that depends on where one is, and a storage in memory."""
    for name, given in (("data", data), ("test", options.get("test"))):
        if isinstance(given, str | Path) and not Path(given).is_absolute():
            raise UsageError(
                f"machines of a cluster look for the {name} where they are", expected="an absolute path",
                received=str(given), next_step=f"Give {Path(given).absolute()}, which all must see.",
            )  # fmt: skip
    if options.get("storage") is None:
        raise UsageError(
            "machines of a cluster meet in a storage", expected="--storage",
            next_step="Name one that all reach, such as postgresql://USER@HOST/DATABASE.",
        )  # fmt: skip


def crew_of(data: object, options: TuneOptions, quest: Quest) -> Crew:
    """The processes that were asked for; just this one by default."""
    asked = [word for pair in quest.ready.asked for word in pair]
    target = quest.ready.schema.target.name
    cluster = options.get("cluster")
    elsewhere = () if cluster is None else ("-m", "vouch.api.clustering", "run", cluster)
    command = (
        sys.executable, *elsewhere, "-m", "vouch", "tune", str(data), "--target", target, *asked,
        "--device", options.get("device", "auto"), "--quiet",
    )  # fmt: skip
    return Crew(options.get("workers", 1), command)


def _ended(one: _Worker) -> str:
    """End a process that still runs; what is wrong with it, if it did not end well by itself."""
    late = one.process.poll() is None
    if late:
        one.process.terminate()
        try:
            one.process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            one.process.kill()
            one.process.wait()
    if one.process.stdin is not None:
        one.process.stdin.close()
    one.told.seek(0)
    lines = one.told.read().decode(errors="replace").splitlines()
    one.told.close()
    if late:
        return f"Worker {one.number} was ended, for it took too long."
    said = lines[-1] if lines else f"exit code {one.process.returncode}"
    return f"Worker {one.number} broke down: {said}"[:300] if one.process.returncode else ""
