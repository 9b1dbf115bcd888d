"""MLflow: a run with parameters and metrics, in a database of a folder or on a tracking server."""

from __future__ import annotations

import logging
import math
import os
import re
import socket
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from vouch.contracts.finding import Estimate
from vouch.contracts.tracking import Opening
from vouch.errors import OutputError, UsageError

if TYPE_CHECKING:
    from mlflow import MlflowClient

_EXPERIMENT, _BUNDLE = "vouch", "vouch.bundle"
_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}
_SECONDS = 5
# MLflow asks a server that does not answer for many minutes, and tells of each table that it makes.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": str(_SECONDS), "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
_LONGEST_VALUE = 6000


class MLflow:
    """One run of the experiment "vouch".

    Args:
        place: the address of a tracking server or a database (``http://HOST:PORT``, ``sqlite:///FILE``,
            ``postgresql://…``), or a folder, which then holds the database ``mlflow.db``.

    Example:
        >>> MLflow("runs").address.endswith("runs/mlflow.db")
        True
    """

    scheme: ClassVar[str] = "mlflow"
    extra: ClassVar[str] = "track"

    def __init__(self, place: str) -> None:
        self.place = place
        # MLflow itself no longer writes to plain folders, and asks for a database in their place.
        self.address = place if "://" in place else f"sqlite:///{Path(place).absolute() / 'mlflow.db'}"
        self._run = ""
        self._last = 0

    def check(self) -> None:
        """MLflow is installed; the server answers, or the folder of the database can be written."""
        if find_spec("mlflow") is None:
            raise UsageError(
                "MLflow is not installed", where=f"--log mlflow:{self.place}", expected="the extra 'track'",
                next_step="Install it: pip install 'deepvouch[track]'.",
            )  # fmt: skip
        parts = urlsplit(self.address)
        scheme = parts.scheme.partition("+")[0]
        try:
            if scheme == "sqlite":
                self._check_folder(Path(self.address.partition(":///")[2]))
            elif scheme in _PORTS:
                socket.create_connection((parts.hostname or "", parts.port or _PORTS[scheme]), _SECONDS).close()
            else:
                raise UsageError(
                    "that is no place of MLflow", where="--log", received=self.place[:80],
                    expected="a folder, http://HOST:PORT, sqlite:///FILE or postgresql://USER@HOST/DATABASE",
                )  # fmt: skip
            if scheme.startswith("http"):
                with self._client() as client:
                    client.search_experiments(max_results=1)
        except (OSError, ValueError) as error:
            raise self._unanswered(error) from error

    def begin(self, opening: Opening) -> None:
        """Start a run with the recipe as its parameters, or find the one that goes on."""
        from mlflow.entities import Param, RunTag

        with self._client() as client:
            experiment = client.get_experiment_by_name(_EXPERIMENT)
            number = experiment.experiment_id if experiment else client.create_experiment(_EXPERIMENT)
            self._run = self._earlier(client, number, opening) if opening.resumed else ""
            if self._run:
                client.update_run(self._run, status="RUNNING")
                return
            tags = {_BUNDLE: opening.run, **{f"vouch.{name}": str(value) for name, value in opening.facts.items()}}
            run = client.create_run(number, run_name=opening.name, tags=tags)
            self._run = run.info.run_id
            params = [Param(name, str(value)[:_LONGEST_VALUE]) for name, value in opening.recipe.items()]
            client.log_batch(self._run, params=params, tags=[RunTag("mlflow.source.name", "vouch fit")])

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        """One point of each metric."""
        self._last = max(self._last, number)
        self._log(values)

    def end(self, metrics: Mapping[str, Sequence[Estimate]]) -> None:
        """Each figure with the ends of its interval."""
        ends = {
            f"{part}/{one.name}{end}": value
            for part, some in metrics.items()
            for one in some
            for end, value in (("", one.value), ("_low", one.low), ("_high", one.high))
        }
        self._log({_name(name): value for name, value in ends.items() if math.isfinite(value)})

    def close(self, done: bool) -> None:
        """Say how the run ended."""
        if self._run:
            with self._client() as client:
                client.set_terminated(self._run, "FINISHED" if done else "KILLED")

    def _log(self, values: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        with self._client() as client:
            client.log_batch(self._run, metrics=[Metric(name, x, now, self._last) for name, x in values.items()])

    def _earlier(self, client: MlflowClient, experiment: str, opening: Opening) -> str:
        """The latest run of the same bundle."""
        mark = '"' if "'" in opening.run else "'"
        told = f"tags.`{_BUNDLE}` = {mark}{opening.run}{mark}"
        found = client.search_runs([experiment], told, order_by=["attributes.start_time DESC"], max_results=1)
        return found[0].info.run_id if found else ""

    @contextmanager
    def _client(self) -> Iterator[MlflowClient]:
        """A client that gives up soon and keeps to itself; nothing of it is set for the whole process.

        Raises:
            OutputError: the server does not answer as one of MLflow does.
        """
        added = {name: value for name, value in _PATIENCE.items() if name not in os.environ}
        os.environ.update(added)
        loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
        levels = [logger.level for logger in loggers]
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                from mlflow import MlflowClient
                from mlflow.exceptions import MlflowException

                try:
                    yield MlflowClient(tracking_uri=self.address)
                except MlflowException as error:
                    raise self._unanswered(error) from error
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
            for name in added:
                os.environ.pop(name, None)

    @staticmethod
    def _check_folder(file: Path) -> None:
        around = next(one for one in file.absolute().parents if one.exists())
        probe = around / ".vouch-log"
        probe.touch()
        probe.unlink()

    def _unanswered(self, error: Exception) -> OutputError:
        return OutputError(
            "the place to log to does not answer", where=f"mlflow:{self.place}", received=str(error)[:160],
            next_step="Start the server, or name another place.",
        )  # fmt: skip


def _name(text: str) -> str:
    """A name that MLflow takes: the class of a figure, in brackets, may hold anything."""
    return re.sub(r"[^\w\-. :/]", "_", text.replace("[", "/", 1).removesuffix("]"))
