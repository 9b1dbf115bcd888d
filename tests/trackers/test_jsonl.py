"""A log in JSON lines is never written over what is no log, and one that was cut off goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vouch.contracts.finding import Estimate
from vouch.contracts.tracking import Opening
from vouch.errors import OutputError
from vouch.trackers import JsonLines

OPENING = Opening("a", "/b/a.vouch", {"epochs": 2}, {"task": "binary"})


@pytest.mark.parametrize("content", ["a,b\n1,2\n", '{"text": "hello"}\n', "[1, 2]\n", "\x00\x01\n"])
def test_a_file_that_is_no_log_is_left_as_it_is(content: str, tmp_path: Path) -> None:
    file = tmp_path / "data.jsonl"
    file.write_text(content)
    with pytest.raises(OutputError, match="the log cannot be written"):
        JsonLines(str(file)).check()
    assert file.read_text() == content


def test_an_empty_file_and_one_of_earlier_runs_can_be_written(tmp_path: Path) -> None:
    file = tmp_path / "runs.jsonl"
    file.touch()
    JsonLines(str(file)).check()
    JsonLines(str(file)).begin(OPENING)
    JsonLines(str(file)).check()


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="a new file in a folder that is there"):
        JsonLines(str(tmp_path / "none" / "runs.jsonl")).check()


def test_a_line_that_a_kill_has_cut_off_does_not_stop_the_run_that_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "runs.jsonl"
    first = JsonLines(str(file))
    first.begin(OPENING)
    first.epoch(1, {"loss": 0.5})
    whole = file.read_text()
    file.write_text(whole + '{"run": "abc", "ev')
    again = JsonLines(str(file))
    again.check()
    again.begin(Opening("a", "/b/a.vouch", {"epochs": 2}, {}, resumed=True))
    again.epoch(2, {"loss": 0.25})
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert len({line["run"] for line in lines}) == 1
    assert [line["event"] for line in lines] == ["begin", "epoch", "resume", "epoch"]


def test_a_figure_that_is_no_number_is_null(tmp_path: Path) -> None:
    file = tmp_path / "runs.jsonl"
    log = JsonLines(str(file))
    log.begin(OPENING)
    log.end({"sealed": [Estimate("r2", 0.5, float("-inf"), float("nan"), 3)]})
    told = json.loads(file.read_text().splitlines()[-1])["metrics"]["sealed"]["r2"]
    assert told == {"value": 0.5, "low": None, "high": None, "n": 3}
