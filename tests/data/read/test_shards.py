"""A file that is read in shards gives what it gives in one go: the same cells, types, notes and errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from vouch.contracts.dataset import Dataset
from vouch.data.join import join_test
from vouch.data.read import read
from vouch.data.read.content import Content
from vouch.data.read.shards import parts_of_lines
from vouch.data.shelf import columns
from vouch.errors import EmptyDataError, FormatError, OutputError

LONG = "a cell that is longer than twelve bytes"
TEXTS = {
    "plain": "a,b\n" + "".join(f"{i},{i / 7:.3f}\n" for i in range(200)),
    "quotes": 'a,b\n"x, y",1\n"two\nlines",2\n"a ""quoted"" word",3\nplain,4\n' * 1 + f'"{LONG}\n{LONG}",5\n' * 40,
    "carriage returns": "a,b\r\n" + "1,x\r\n2,y\r\n" * 50,
    "blank lines": "a,b\n" + "1,x\n\n\n2,y\n,\n" * 40 + "\n\n",
    "one column with gaps": "a\n" + "1\n\n2\n" * 60,
    "a byte-order mark": "\ufeffa,b\n" + "1,x\n" * 60,
    "no header": "".join(f"{i},{i % 3}\n" for i in range(100)),
    "a title above": "Sales of 2024,,\n\na,b,c\n" + "1,2,3\n" * 60,
    "late text": "a,b\n" + "1,2\n" * 80 + "1,none\n" + "1,2\n" * 80,
    "late decimals": "a,b\n" + "1,2\n" * 80 + "1.5,2\n",
    "white space": "a,b\n" + " 1 , x \n2,y\n" * 40,
    "missing cells": "a,b\n" + "1,\n,x\n" * 40,
    "a nameless column": "a,b,\n" + "1,2,\n3,4,\n" * 40,
    "overlong rows": "a,b\n" + "1,2\n" * 40 + "3,4,,\n" + "5,6\n" * 40,
    "quotes that are text": "a,b\n" + '"x",2\n' * 60 + '"open,2\n' + "1,2\n" * 60,
    "semicolons": "a;b\n" + "1,5;x\n" * 60,
    "no line end": "a,b\n" + "1,2\n" * 60 + "3,4",
}


@pytest.fixture(params=[30, 100, 1_000])
def in_parts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Every table is too large for memory, and is read in shards of so many bytes."""
    monkeypatch.setattr(columns, "RESIDENT_BYTES", 0)
    monkeypatch.setattr(columns, "PIECE_BYTES", request.param)
    return monkeypatch


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.usefixtures("in_parts")
def test_delimited_text_is_the_same_in_parts(name: str, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(TEXTS[name].encode())
    names = ["a", "b"] if name == "no header" else None
    check_same(read(file, columns=names), whole(file, names))


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n" + "1,2\n" * 60 + "3\n" + "1,2\n" * 60,
        "a,b\n" + "11,22\n" * 60 + "33\n" + "11,22\n" * 60,
        "a,b\n" + "1,2\n" * 60 + "3,4,5\n" + "1,2\n" * 60,
        "a,b,c\n" + '"x, y",2,\n' * 50 + '"x\nz",2\n',
        "a,b\n" + "1,2\n" * 60 + "\0,2\n",
    ],
)
def test_damage_is_told_with_the_same_words(text: str, tmp_path: Path, in_parts: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(text.encode())
    with pytest.raises(FormatError) as told:
        read(file)
    in_parts.undo()
    with pytest.raises(FormatError) as expected:
        read(file)
    assert str(told.value) == str(expected.value)


@pytest.mark.usefixtures("in_parts")
def test_a_header_without_rows_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("a,b\n")
    with pytest.raises(EmptyDataError):
        read(file)


@pytest.mark.usefixtures("in_parts")
def test_parts_begin_and_end_with_whole_rows(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(TEXTS["quotes"].encode())
    parts = list(parts_of_lines(Content("a.csv", path=file), 1, '"'))
    assert b"".join(parts) == file.read_bytes().partition(b"\n")[2]
    assert all(part.count(b'"') % 2 == 0 for part in parts)
    assert all(part.endswith(b"\n") for part in parts)


def test_a_row_that_never_ends_is_refused(tmp_path: Path, in_parts: pytest.MonkeyPatch) -> None:
    in_parts.setattr("vouch.data.read.shards._LONGEST_ROW", 2_000)
    file = tmp_path / "a.csv"
    file.write_text('a,b\n1,"' + "x\n" * 5_000)
    with pytest.raises(FormatError, match="never ends"):
        list(parts_of_lines(Content("a.csv", path=file), 1, '"'))


@pytest.mark.parametrize("group", [7, 1_000])
@pytest.mark.usefixtures("in_parts")
def test_parquet_and_arrow_are_the_same_in_parts(group: int, tmp_path: Path) -> None:
    frame = every_type()
    frame.write_parquet(tmp_path / "a.parquet", row_group_size=group)
    frame.write_ipc(tmp_path / "a.arrow", record_batch_size=group)
    for file in (tmp_path / "a.parquet", tmp_path / "a.arrow"):
        check_same(read(file), whole(file))


def test_several_files_are_the_same_in_parts(tmp_path: Path, in_parts: pytest.MonkeyPatch) -> None:
    for number, text in enumerate(["a,b\n" + "1,x\n" * 20, "a,b\n" + "2,y\n" * 20, "b,a\n" + "y,0.5\n" * 20]):
        (tmp_path / f"{number}.csv").write_text(text)
    found = read(f"{tmp_path}/*.csv")
    in_parts.undo()
    expected = read(f"{tmp_path}/*.csv")
    assert found.frame.equals(expected.frame)
    assert found.frame.schema == expected.frame.schema


def test_many_small_files_that_are_large_together_move_to_few_files_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "RESIDENT_BYTES", 5_000)
    for number in range(40):
        (tmp_path / f"{number:02}.csv").write_text("a,b\n" + f"{number},x\n" * 20)
    found = read(f"{tmp_path}/*.csv")
    assert found.frame["a"].to_list() == [number for number in range(40) for _ in range(20)]
    assert "read in shards" in found.notes[1].text


def test_test_data_is_joined_the_same_in_parts(tmp_path: Path, in_parts: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text("a,b,y\n" + "1,x,0\n" * 50)
    (tmp_path / "t.csv").write_text("y,a,c\n" + "1,0.5,9\n" * 30)
    found = join_test(read(tmp_path / "a.csv"), read(tmp_path / "t.csv"), "y")
    in_parts.undo()
    expected = join_test(read(tmp_path / "a.csv"), read(tmp_path / "t.csv"), "y")
    assert found.frame.equals(expected.frame)
    assert found.frame.schema == expected.frame.schema


def test_where_there_is_no_room_it_is_said(tmp_path: Path, in_parts: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.csv"
    file.write_text(TEXTS["plain"])
    in_parts.setenv("TMPDIR", str(tmp_path / "absent"))
    with pytest.raises(OutputError, match="TMPDIR"):
        read(file)


def whole(file: Path, names: list[str] | None = None) -> Dataset:
    """The same file, read in one go."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "RESIDENT_BYTES", 2**30)
        return read(file, columns=names)


def check_same(found: Dataset, expected: Dataset) -> None:
    assert found.frame.schema == expected.frame.schema
    assert found.frame.equals(expected.frame)
    sharded = [note for note in found.notes if "read in shards" in note.text]
    assert [note.count for note in sharded] == [sharded[0].count]
    assert [note for note in found.notes if note not in sharded] == list(expected.notes)


def every_type() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    return pl.DataFrame({
        "x": rng.normal(size=100),
        "i": pl.Series(rng.integers(0, 5, 100)).set(pl.Series(rng.random(100) < 0.2), None),
        "t": [["a ", LONG, None][k] for k in rng.integers(0, 3, 100)],
        "c": pl.Series([["p", "q"][k] for k in rng.integers(0, 2, 100)], dtype=pl.Categorical),
        "d": pl.date_range(pl.date(2020, 1, 1), pl.date(2020, 4, 9), eager=True),
        "l": [[int(k), 1] for k in range(100)],
        "s": [{"u": int(k), "v": str(k)} for k in range(100)],
        "n": pl.Series([None] * 100),
        "y": rng.random(100) < 0.5,
    })  # fmt: skip
