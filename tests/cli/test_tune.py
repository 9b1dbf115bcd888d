"""``vouch tune``: one JSON object, several processes, a real server, resuming, and bad input in one line."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import vouch
from cli.running import is_running, left, refused, run, table
from postgresql import server
from vouch.api import workers
from vouch.api.workers import Orders

__all__ = ["server"]
QUICK = ("--set", "epochs=2", "--set", "members=2", "--device", "cpu", "--target", "y")
SECONDS = 15


def asked(data: Path, out: Path, *rest: object) -> tuple[object, ...]:
    """A search of three quick attempts, but for what is said."""
    trials = () if "--trials" in rest else ("--trials", 3)
    return ("tune", data, *QUICK, "--out", out, *trials, *rest)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return table(tmp_path / "table.csv", 200)


def test_json_is_one_object_with_what_was_promised(data: Path, tmp_path: Path, capsys) -> None:
    ran = run(capsys, *asked(data, tmp_path / "a.vouch", "--json"))
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert {"bundle", "trials", "pruned", "failed", "best", "default", "importances", "proof", "seconds"} <= told.keys()
    assert (told["bundle"], told["trials"], told["failed"]) == (str(tmp_path / "a.vouch"), 3, 0)
    assert told["default"]["number"] == 0
    assert told["best"]["score"] <= told["default"]["score"]
    assert told["proof"]["criterion"] == told["metric"] == "log_loss"
    assert [one["number"] for one in told["attempts"]] == [0, 1, 2]
    kept = vouch.load(tmp_path / "a.vouch").search
    assert kept is not None
    assert kept.said == told["headline"]


def test_the_summary_names_the_best_the_proof_and_the_places(data: Path, tmp_path: Path, capsys) -> None:
    ran = run(capsys, *asked(data, tmp_path / "a.vouch"))
    assert ran.code == 0, ran.err
    assert ran.out.startswith("Of 3 attempts, ")
    assert "the default recipe" in ran.out
    assert ran.out.endswith(f"bundle {tmp_path / 'a.vouch'}\nreport {tmp_path / 'a.vouch' / 'report.html'}\n")
    assert "trial   0  " in ran.err
    assert "Traceback" not in ran.err


def test_a_bundle_goes_where_fit_would_put_it(data: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run(capsys, "tune", data.name, *QUICK, "--trials", 1, "--quiet")
    assert (ran.code, ran.err) == (0, "")
    assert left(tmp_path) == ["table.csv", "table.vouch", "table.vouch.tune.db"]


def test_resume_goes_on_with_the_attempts_that_were_made(data: Path, tmp_path: Path, capsys) -> None:
    place = tmp_path / "a.vouch"
    assert run(capsys, *asked(data, place, "--quiet")).code == 0
    told = json.loads(run(capsys, *asked(data, place, "--resume", "--json", "--trials", 5)).out)
    assert [one["number"] for one in told["attempts"]] == [0, 1, 2, 3, 4]
    again = json.loads(run(capsys, *asked(data, place, "--resume", "--json", "--trials", 5)).out)
    assert again["attempts"][4]["settings"] == told["attempts"][4]["settings"]
    assert again["trials"] == 5


def test_workers_share_the_attempts_and_the_storage(data: Path, tmp_path: Path, capsys) -> None:
    place = tmp_path / "a.vouch"
    ran = run(capsys, *asked(data, place, "--trials", 7, "--workers", 2, "--json", "--drop", "day"))
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert told["notes"] == []
    assert told["trials"] == 7
    assert len({json.dumps(one["settings"], sort_keys=True) for one in told["attempts"]}) == 7
    assert len(makers(tmp_path / "a.vouch.tune.db")) == 2, "both processes made attempts"
    assert told["default"]["number"] == 0


def test_workers_search_on_a_real_server(server: str, data: Path, tmp_path: Path, capsys) -> None:
    place = tmp_path / "server.vouch"
    ran = run(capsys, *asked(data, place, "--trials", 5, "--workers", 2, "--json", "--storage", server))
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert (told["trials"], told["notes"]) == (5, [])
    assert left(tmp_path) == ["server.vouch", "table.csv"]
    more = run(capsys, *asked(data, place, "--trials", 6, "--resume", "--json", "--storage", server))
    assert json.loads(more.out)["trials"] == 6
    said = refused(run(capsys, *asked(data, place, "--storage", server, "--quiet")), "V100")
    assert "holds a study 'server' already" in said


def test_a_worker_that_breaks_down_is_told_and_its_share_is_made(
    data: Path, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = workers.crew_of

    def broken(*given: object) -> workers.Crew:
        crew = plain(*given)  # type: ignore[arg-type]
        crew.command = (sys.executable, "-c", "import sys; sys.exit('no such luck')")
        return crew

    monkeypatch.setattr("vouch.api.tuning.crew_of", broken)
    ran = run(capsys, *asked(data, tmp_path / "a.vouch", "--trials", 5, "--workers", 2, "--json"))
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert told["trials"] == 5
    assert told["notes"] == ["Worker 1 broke down: no such luck"]


def test_no_worker_is_left_behind_by_an_interruption(
    data: Path, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[subprocess.Popen[bytes]] = []
    plain = subprocess.Popen

    def started(*given: object, **more: object) -> subprocess.Popen[bytes]:
        begun.append(plain(*given, **more))  # type: ignore[call-overload]
        return begun[-1]

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("subprocess.Popen", started)
    monkeypatch.setattr(workers.Crew, "wait", interrupted)
    ran = run(capsys, *asked(data, tmp_path / "a.vouch", "--trials", 4, "--workers", 2))
    assert ran.code == 130
    assert "the same command with --resume goes on where the search stopped" in ran.err
    assert [one.poll() is not None for one in begun] == [True]


def test_workers_do_not_outlive_a_search_that_is_killed(data: Path, tmp_path: Path) -> None:
    words = map(str, asked(data, tmp_path / "a.vouch", "--trials", 2000, "--workers", 2))
    with subprocess.Popen([sys.executable, "-m", "vouch", *words], stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: "trial   2" in str(process.stderr and process.stderr.readline()))
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        others = [int(one) for one in children if b"--worker" in Path(f"/proc/{one}/cmdline").read_bytes()]
        process.kill()
        process.communicate(timeout=60)
    assert len(others) == 1
    wait_until(lambda: not is_running(others[0]))


def test_ctrl_c_leaves_a_search_that_goes_on(data: Path, tmp_path: Path, capsys) -> None:
    place = tmp_path / "a.vouch"
    command = [sys.executable, "-m", "vouch", *map(str, asked(data, place, "--trials", "2000"))]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        wait_until(lambda: "trial   3" in str(process.stderr and process.stderr.readline()))
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in told
    assert "vouch: the same command with --resume goes on where the search stopped\n" in told
    assert told.endswith("vouch: interrupted\n")
    assert not place.exists()
    done = json.loads(run(capsys, *asked(data, place, "--trials", 6, "--resume", "--json")).out)
    cut = [one for one in done["attempts"] if one["why"] == "interrupted"]
    assert done["trials"] - len(cut) >= 6


def test_kill_9_leaves_a_search_that_goes_on(data: Path, tmp_path: Path, capsys) -> None:
    place = tmp_path / "a.vouch"
    command = [sys.executable, "-m", "vouch", *map(str, asked(data, place, "--trials", "2000"))]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: "trial   2" in str(process.stderr and process.stderr.readline()))
        process.kill()
        process.communicate(timeout=60)
    ran = run(capsys, *asked(data, place, "--trials", 6, "--resume", "--json"))
    assert ran.code == 0, ran.err
    done = json.loads(ran.out)
    assert sum(one["why"] != "interrupted" for one in done["attempts"]) >= 6
    assert done["attempts"][0]["default"]


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        (("--trials", 0), "V100", "too few trials"),
        (("--workers", 0), "V100", "too few workers"),
        (("--trials", "many"), "V100", "'many' is not a valid integer"),
        (("--budget", "soon"), "V100", "the budget is not a time"),
        (("--set", "dropuot=1"), "V100", "Did you mean 'dropout'?"),
        (("--trails", 3), "V100", "Did you mean '--trials'?"),
        (("--storage", "nonsense"), "V100", "the storage is no URL"),
        (("--storage", "mongodb://me@here/base"), "V100", "there is no storage of the kind 'mongodb'"),
        (("--storage", "postgresql://me:secret@127.0.0.1:9/base"), "V100", "the storage does not answer"),
        (("--storage", "sqlite:////nowhere/at/all.db"), "V100", "the storage does not answer"),
        (("--resume",), "V500", "there is no search to resume"),
        (("--worker", "nowhere.json"), "V100", "a worker has no orders"),
    ],
)
def test_bad_input_is_one_line_within_seconds(
    data: Path, tmp_path: Path, capsys, given: tuple[object, ...], code: str, said: str
) -> None:
    started = time.monotonic()
    line = refused(run(capsys, *asked(data, tmp_path / "a.vouch", "--quiet", *given)), code)
    assert time.monotonic() - started < SECONDS
    assert said in line
    assert "secret" not in line
    assert left(tmp_path) == ["table.csv"]


def test_other_data_is_refused_when_a_search_goes_on(data: Path, tmp_path: Path, capsys) -> None:
    place = tmp_path / "a.vouch"
    assert run(capsys, *asked(data, place, "--trials", 1, "--quiet")).code == 0
    table(data, 190)
    line = refused(run(capsys, *asked(data, place, "--resume", "--quiet")), "V500")
    assert "the search in the storage was made on other data" in line


@pytest.mark.parametrize("other", [("--set", "dropout=0.1"), ("--seed", 4), ("--set", "epochs=3")])
def test_other_settings_are_refused_when_a_search_goes_on(data: Path, tmp_path: Path, capsys, other) -> None:
    place = tmp_path / "a.vouch"
    assert run(capsys, *asked(data, place, "--trials", 1, "--quiet")).code == 0
    line = refused(run(capsys, *asked(data, place, "--resume", "--quiet", *other)), "V500")
    assert "the search in the storage was made" in line


def test_orders_are_read_as_they_were_written(tmp_path: Path) -> None:
    orders = Orders(1, {"epochs": 3}, ("epochs",), "search", "sqlite:///a.db", 4, time.time() + 5, 2.0)
    file = tmp_path / "orders.json"
    file.write_text(json.dumps({name: getattr(orders, name) for name in Orders.__dataclass_fields__}))
    assert Orders.read(file) == orders
    limits = orders.limits
    assert (limits.attempts, limits.longest, limits.worker) == (4, 2.0, 1)
    assert 0 < limits.ends - time.monotonic() <= 5


def makers(file: Path) -> set[str]:
    """The processes that made attempts."""
    with closing(sqlite3.connect(file)) as base:
        found = base.execute("SELECT DISTINCT value_json FROM trial_user_attributes WHERE key = 'by'").fetchall()
    assert any(str(os.getpid()) in one for (one,) in found)
    return {one for (one,) in found}


def wait_until(happened: Callable[[], bool], seconds: float = 120) -> None:
    ends = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < ends, "it did not happen in time"
