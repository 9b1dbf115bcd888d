"""Storages: files and a real server keep a search; what is no storage, or that of another search, is refused."""

from __future__ import annotations

import builtins
import importlib.util
import socket
import sqlite3
import subprocess
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from postgresql import server
from training.searches import MEMORY, RECIPE, SPACE, Made, identity, made, stored
from vouch.contracts.search import Setting
from vouch.errors import TrainingError, UsageError, VouchError
from vouch.training import studies
from vouch.training.search import Limits, attempts, begin, explore
from vouch.training.settings import override
from vouch.training.studies import Place, bury, hidden, kept_recipe, opened

__all__ = ["made", "server"]
SECONDS = 15


def started(place: Place, made: Made, count: int = 2) -> None:
    """A search of a few attempts."""
    with opened(place, identity(), resume=False) as study:
        begin(study, made.field())
        explore(study, made.field(), Limits(count), lambda *_: None)


def refusal(place: Place, *, resume: bool = False, **of: object) -> VouchError:
    """The error with which a storage is refused, which comes quickly and on one line."""
    begun = time.monotonic()
    with pytest.raises(VouchError) as caught, opened(place, identity(**of), resume=resume):  # type: ignore[arg-type]
        raise AssertionError("the storage was taken")
    assert time.monotonic() - begun < SECONDS
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_file_keeps_a_search_for_the_next_process(made: Made, tmp_path: Path) -> None:
    started(stored(tmp_path), made)
    with opened(stored(tmp_path), identity(), resume=True) as study:
        assert len(attempts(study)) == 2
        assert dict(kept_recipe(study))["epochs"] == RECIPE.epochs


def test_the_number_of_epochs_may_differ_for_it_follows_from_the_time(made: Made, tmp_path: Path) -> None:
    started(stored(tmp_path), made)
    with opened(stored(tmp_path), identity(recipe=replace(RECIPE, epochs=3)), resume=True) as study:
        assert kept_recipe(study)["epochs"] == RECIPE.epochs


def test_so_may_the_epochs_that_are_open(tmp_path: Path) -> None:
    spaces = [replace(SPACE, settings=(*SPACE.settings, Setting("epochs", choices=(n, 2 * n)))) for n in (12, 7)]
    with opened(stored(tmp_path), identity(space=spaces[0]), resume=False):
        pass
    with opened(stored(tmp_path), identity(space=spaces[1]), resume=True) as study:
        assert attempts(study) == ()


@pytest.mark.parametrize(
    ("of", "said"),
    [
        ({"fingerprint": "b" * 64}, "was made on other data"),
        ({"space": replace(SPACE, settings=SPACE.settings[:2])}, "was made over other settings"),
        ({"recipe": override(RECIPE, {"optimizer": "sgd", "seed": 3})}, "was made from another default recipe"),
    ],
)
def test_a_search_of_something_else_is_refused(made: Made, tmp_path: Path, of: dict[str, object], said: str) -> None:
    started(stored(tmp_path), made)
    error = refusal(stored(tmp_path), resume=True, **of)
    assert isinstance(error, TrainingError)
    assert said in str(error)


def test_the_keys_that_differ_are_named(made: Made, tmp_path: Path) -> None:
    started(stored(tmp_path), made)
    assert "another seed, optimizer" in str(
        refusal(stored(tmp_path), resume=True, recipe=override(RECIPE, {"optimizer": "sgd", "seed": 3}))
    )


def test_a_storage_that_was_named_and_is_in_use_is_refused(made: Made, tmp_path: Path) -> None:
    started(stored(tmp_path), made)
    error = refusal(stored(tmp_path))
    assert "holds a study 'search' already" in str(error)
    assert "--resume" in str(error)


def test_the_file_beside_the_bundle_is_begun_afresh(made: Made, tmp_path: Path) -> None:
    own = replace(stored(tmp_path), own=True)
    started(own, made)
    with opened(own, identity("c" * 64), resume=False) as study:
        assert attempts(study) == ()


def test_several_searches_share_a_storage_under_their_names(made: Made, tmp_path: Path) -> None:
    started(stored(tmp_path), made)
    started(stored(tmp_path, "another"), made, 3)
    for name, count in (("search", 2), ("another", 3)):
        with opened(stored(tmp_path, name), identity(), resume=True) as study:
            assert len(attempts(study)) == count


def test_a_study_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    import optuna

    place = replace(stored(tmp_path), own=True)
    storage = optuna.storages.RDBStorage(str(place.url))
    optuna.create_study(study_name="search", storage=storage)
    storage.engine.dispose()
    assert "holds a study 'search' already" in str(refusal(place))
    assert "is not one of Vouch" in str(refusal(place, resume=True))


@pytest.mark.parametrize("place", [MEMORY, "absent", "empty"])
def test_there_must_be_something_to_resume(tmp_path: Path, place: object) -> None:
    kept = stored(tmp_path) if isinstance(place, str) else MEMORY
    if place == "empty":
        with closing(sqlite3.connect(tmp_path / "search.db")):
            pass
    before = sorted(tmp_path.iterdir())
    error = refusal(kept, resume=True)
    assert "there is no search to resume" in str(error)
    if place == "absent":
        assert sorted(tmp_path.iterdir()) == before, "nothing is made by looking for it"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("no url at all", "the storage is no URL"),
        ("mysql://me@here/base", "there is no storage of the kind 'mysql'"),
        ("redis://127.0.0.1", "there is no storage of the kind 'redis'"),
        ("sqlite://", "the storage names no file"),
        ("sqlite:///:memory:", "the storage names no file"),
        ("sqlite:////nowhere/at/all/search.db", "does not answer, or cannot be used"),
        ("postgresql+nothing://me@127.0.0.1/base", "needs nothing, which is not installed"),
    ],
)
def test_what_is_no_storage_is_refused(url: str, said: str) -> None:
    error = refusal(Place("search", url))
    assert isinstance(error, UsageError)
    assert said in str(error)


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "search.db").write_text("a,b\n1,2\n" * 200)
    assert "file is not a database" in str(refusal(replace(stored(tmp_path), own=True)))
    assert (tmp_path / "search.db").read_text() == "a,b\n1,2\n" * 200


@pytest.mark.parametrize("listens", [False, True], ids=["closed", "silent"])
def test_a_server_that_does_not_answer_is_refused_within_seconds(listens: bool) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if listens:
            server.listen()
        error = refusal(Place("search", f"postgresql://me:secret@127.0.0.1:{server.getsockname()[1]}/base"))
    assert isinstance(error, UsageError)
    assert "does not answer" in str(error)
    assert "secret" not in str(error)
    assert "postgresql://me:***@127.0.0.1" in str(error)


def test_passwords_are_hidden_and_what_is_no_url_is_shown() -> None:
    assert hidden("postgresql://me:secret@here:5432/base") == "postgresql://me:***@here:5432/base"
    assert hidden("nonsense") == "nonsense"


def test_without_optuna_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = builtins.__import__

    def absent(name: str, *rest: object) -> object:
        if name == "optuna":
            raise ImportError(name)
        return plain(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(UsageError, match=r"pip install 'deepvouch\[tune\]'"):
        studies.engine()


def test_without_a_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert "pip install 'deepvouch[postgresql]'" in str(refusal(Place("search", "postgresql://127.0.0.1/base")))


def test_attempts_of_a_process_that_is_gone_count_as_failed(made: Made, tmp_path: Path) -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    with opened(stored(tmp_path), identity(), resume=False) as study:
        begin(study, made.field())
        for by in (f"{socket.gethostname()}:{child.pid}", studies.me(), "elsewhere:1"):
            study.ask().set_user_attr("by", by)
        assert bury(study) == 1
        (gone,) = attempts(study)
        assert (gone.state, gone.why, gone.number) == ("failed", "interrupted", 0)


def test_a_storage_that_stops_answering_is_told_with_what_to_do(made: Made, tmp_path: Path) -> None:

    def cut_off() -> None:
        with opened(stored(tmp_path), identity(), resume=False) as study:
            with closing(sqlite3.connect(tmp_path / "search.db")) as file:
                file.execute("DROP TABLE trials")
                file.commit()
            begin(study, made.field())

    with pytest.raises(TrainingError) as caught:
        cut_off()
    assert "the storage stopped answering" in str(caught.value)
    assert "repeat the command with --resume once it answers" in str(caught.value)


def test_optuna_is_left_as_loud_as_it_was(made: Made, capfd: pytest.CaptureFixture[str]) -> None:
    import optuna

    before = optuna.logging.get_verbosity()
    started(MEMORY, made)
    assert optuna.logging.get_verbosity() == before
    assert capfd.readouterr() == ("", "")


def test_a_real_server_keeps_a_search(server: str, made: Made) -> None:
    place = Place("on the server", server)
    started(place, made, 3)
    assert "holds a study 'on the server' already" in str(refusal(place))
    with opened(place, identity(), resume=True) as study:
        begin(study, made.field())
        explore(study, made.field(), Limits(4), lambda *_: None)
        every = attempts(study)
    assert [one.number for one in every] == list(range(7))
    assert [one.default for one in every] == [True] + [False] * 6
    assert "other data" in str(refusal(place, resume=True, fingerprint="b" * 64))


def test_a_database_that_is_not_there_is_refused(server: str) -> None:
    error = refusal(Place("search", server.replace("/base", "/nothing")))
    assert 'database "nothing" does not exist' in str(error)
