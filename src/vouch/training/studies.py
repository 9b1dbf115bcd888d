"""The storage of a search: a file or a database that keeps every attempt, so that others may join and it can go on."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vouch.contracts.recipe import Recipe
from vouch.errors import TrainingError, UsageError
from vouch.training.space import Space

if TYPE_CHECKING:
    import optuna
    from sqlalchemy.engine import URL

OURS = "vouch"
_CONNECT_SECONDS, _LOCKED_SECONDS = 5, 60
_EXPECTED = "sqlite:///FILE or postgresql://USER@HOST/DATABASE"
_ELSEWHERE = "Name another place with --storage, or go on with it: --resume."


@dataclass(frozen=True, slots=True)
class Place:
    """Where a search is kept.

    Args:
        name: of the study in the storage.
        url: of the storage; none keeps the search in memory.
        own: whether the storage is the file beside the bundle, which is begun afresh like the bundle itself.
    """

    name: str
    url: str | None = None
    own: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """What a search is of: only a search of the same can go on where it stopped.

    Args:
        fingerprint: of the data.
        space: the settings that are open.
        recipe: the default.
        fixed: settings that the user has given.
    """

    fingerprint: str
    space: Space
    recipe: Recipe
    fixed: Mapping[str, object] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """The same as plain values, as a storage gives them back."""
        # How many epochs there are may follow from the time that was left when the search was begun.
        settings = [replace(one, choices=()) if one.name == "epochs" else one for one in self.space.settings]
        space = asdict(replace(self.space, settings=tuple(settings)))
        plain = {"fingerprint": self.fingerprint, "space": space, "recipe": self.recipe.plain()}
        return json.loads(json.dumps(plain | {"fixed": dict(self.fixed)}))


def engine() -> Any:
    """Optuna, which only a search needs.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise UsageError(
            "a search needs Optuna, which is not installed", next_step="pip install 'deepvouch[tune]'"
        ) from error
    return optuna


def check_place(place: Place, *, resume: bool) -> None:
    """Refuse a storage that does not answer, or has nothing to go on with, before any time is spent.

    Raises:
        UsageError: it is none, or does not answer.
        TrainingError: there is nothing to go on with.
    """
    engine()
    if resume and (place.url is None or _is_absent(place.url)):
        raise _nothing(place)
    if place.url is not None and _address(place.url).get_backend_name() != "sqlite":
        _connected(place.url, own=False).engine.dispose()


@contextmanager
def opened(place: Place, identity: Identity, *, resume: bool) -> Iterator[optuna.Study]:
    """A study that is new, or the one that is to go on; its storage is closed at the end.

    Args:
        place: where it is kept.
        identity: what it has to be of.
        resume: whether it is to be there already.

    Raises:
        UsageError: the storage cannot be used, or holds another study of that name.
        TrainingError: there is nothing to go on with, or it is of other data, settings or recipe; later, the storage
            does not answer any more.
    """
    if resume and (place.url is None or _is_absent(place.url)):
        raise _nothing(place)
    storage = None if place.url is None else _connected(place.url, own=place.own)
    try:
        with quiet(), nullcontext() if storage is None else _answering(str(place.url)):
            yield _study(storage, place, identity, resume=resume)
    finally:
        if storage is not None:
            storage.remove_session()
            storage.engine.dispose()


@contextmanager
def quiet() -> Iterator[None]:
    """Inside, Optuna reports errors alone; what is worth telling of a search is told by us."""
    log = engine().logging
    loud = log.get_verbosity()
    log.set_verbosity(log.ERROR)
    try:
        yield
    finally:
        log.set_verbosity(loud)


def kept_recipe(study: optuna.Study) -> Mapping[str, object]:
    """The settings of the default recipe that a study was begun with."""
    return study.user_attrs[OURS]["recipe"]


def me() -> str:
    """This process, as attempts name the one that trains them."""
    return f"{socket.gethostname()}:{os.getpid()}"


def bury(study: optuna.Study) -> int:
    """Count attempts as failed whose process, on this machine, is gone; how many those were."""
    from optuna.trial import TrialState

    gone = [one for one in study.get_trials(states=(TrialState.RUNNING,)) if _is_gone(str(one.user_attrs.get("by")))]
    for one in gone:
        study.tell(one.number, state=TrialState.FAIL, skip_if_finished=True)
    return len(gone)


def hidden(url: str) -> str:
    """A URL without its password.

    Example:
        >>> hidden("postgresql://me:secret@here/base"), hidden("no url")
        ('postgresql://me:***@here/base', 'no url')
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url


def _study(storage: Any, place: Place, identity: Identity, *, resume: bool) -> optuna.Study:
    optuna = engine()
    there = storage is not None and place.name in optuna.study.get_all_study_names(storage)
    if there:
        study = optuna.load_study(study_name=place.name, storage=storage)
        if resume:
            _check(study, place, identity)
            return study
        if not place.own or OURS not in study.user_attrs:
            raise UsageError(
                f"the storage holds a study '{place.name}' already", where=hidden(str(place.url)), next_step=_ELSEWHERE
            )
        optuna.delete_study(study_name=place.name, storage=storage)
    if resume:
        raise _nothing(place)
    study = optuna.create_study(study_name=place.name, storage=storage, direction="minimize")
    study.set_user_attr(OURS, identity.facts())
    return study


def _nothing(place: Place) -> TrainingError:
    return TrainingError(
        "there is no search to resume", where="memory" if place.url is None else hidden(place.url),
        expected=f"a study '{place.name}'", next_step="Start without --resume.",
    )  # fmt: skip


def _check(study: optuna.Study, place: Place, identity: Identity) -> None:
    """Refuse a study of something else."""
    kept, mine = study.user_attrs.get(OURS), identity.facts()
    if not isinstance(kept, dict) or kept.keys() != mine.keys():
        raise UsageError(
            f"the study '{place.name}' is not one of Vouch", where=hidden(str(place.url)),
            next_step="Name another place with --storage.",
        )  # fmt: skip
    changed = [key for key, value in mine["recipe"].items() if kept["recipe"].get(key) != value and key != "epochs"]
    changed += [key for key, value in mine["fixed"].items() if kept["fixed"].get(key) != value and key not in changed]
    for what, differs, seen in (
        ("on other data", kept["fingerprint"] != mine["fingerprint"], "another fingerprint"),
        ("from another default recipe", bool(changed), f"another {', '.join(changed)}"),
        ("over other settings", kept["space"] != mine["space"], "another space"),
    ):
        if differs:
            raise TrainingError(
                f"the search in the storage was made {what}", where=hidden(str(place.url)), received=seen,
                next_step="Give the same data and options, or start another search with --storage.",
            )  # fmt: skip


def _connected(url: str, *, own: bool) -> Any:
    """A storage that has answered; the folder for a file of our own is made.

    Raises:
        UsageError: it has not.
    """
    optuna, place = engine(), _address(url)
    from sqlalchemy.exc import SQLAlchemyError

    file = place.get_backend_name() == "sqlite"
    arguments = {"timeout": _LOCKED_SECONDS} if file else {"connect_timeout": _CONNECT_SECONDS}
    try:
        if own:
            Path(str(place.database)).parent.mkdir(parents=True, exist_ok=True)
        return optuna.storages.RDBStorage(
            place.render_as_string(hide_password=False), {"connect_args": arguments, "pool_pre_ping": not file}
        )
    except (SQLAlchemyError, optuna.exceptions.OptunaError, OSError, RuntimeError) as error:
        raise UsageError(
            "the storage does not answer, or cannot be used", where=hidden(url), received=_first_line(error),
            next_step="Check the address and that its server runs, or leave --storage out.",
        ) from error  # fmt: skip


def _address(url: str) -> URL:
    """The address, with the driver that Vouch brings along.

    Raises:
        UsageError: it is none, of another kind of storage, or its driver is not installed.
    """
    from importlib.util import find_spec

    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        place = make_url(url)
    except ArgumentError as error:
        raise UsageError("the storage is no URL", expected=_EXPECTED, received=url) from error
    kind, _, driver = place.drivername.partition("+")
    if kind not in ("sqlite", "postgresql", "postgres"):
        raise UsageError(f"there is no storage of the kind '{kind}'", expected=_EXPECTED, received=hidden(url))
    if kind == "sqlite" and place.database in (None, "", ":memory:"):
        raise UsageError("the storage names no file", expected="sqlite:///FILE", received=url)
    if kind == "sqlite":
        return place
    if find_spec(driver or "psycopg") is None:
        raise UsageError(
            f"a PostgreSQL storage needs {driver or 'psycopg'}, which is not installed",
            next_step="pip install 'deepvouch[postgresql]'",
        )
    return place.set(drivername=f"postgresql+{driver or 'psycopg'}")


def _is_absent(url: str) -> bool:
    """Whether a storage is a file that is not there; it is not to be made by looking for it."""
    place = _address(url)
    return place.get_backend_name() == "sqlite" and not Path(str(place.database)).exists()


@contextmanager
def _answering(url: str) -> Iterator[None]:
    """Inside, a storage that stops answering is an error that can be understood."""
    optuna = engine()
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise TrainingError(
            "the storage stopped answering", where=hidden(url), received=_first_line(error.__cause__ or error),
            next_step="What was tried is kept there: repeat the command with --resume once it answers.",
        ) from error  # fmt: skip


def _first_line(error: BaseException) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)[:200]


def _is_gone(by: str) -> bool:
    """Whether a process of this machine does not run any more."""
    host, _, number = by.rpartition(":")
    return host == socket.gethostname() and number.isdigit() and not _runs(int(number))


def _runs(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def file_beside(out: Path) -> str:
    """The address of the file that keeps the search for a bundle."""
    return f"sqlite:///{out.with_name(out.name + '.tune.db').resolve()}"
