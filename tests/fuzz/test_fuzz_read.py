"""Whatever bytes and folders come in, reading gives a data set or one of Vouch's own errors.

Run by hand: ``pytest tests/fuzz``; ``VOUCH_FUZZ_SECONDS=300`` makes it look for five minutes.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from vouch.contracts.dataset import Dataset
from vouch.data.read import read
from vouch.errors import VouchError

SECONDS = float(os.environ.get("VOUCH_FUZZ_SECONDS", "5"))
ROUNDS = 100
quick = settings(
    max_examples=ROUNDS,
    deadline=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)

cells = st.one_of(
    st.sampled_from(
        ["", " ", "0", "-1.5", "1e400", "nan", "NA", "?", "01", "1,5", "a", "ä", "Ω", "x y", "true", "\x00"]
    ),
    st.sampled_from(['"', '""', '"a"', 'a"b', '"a', "\\", '\\"', "'", "#", "#a", "\r", "\n", "\t", ";", ",", "|"]),
    st.text(max_size=6),
    st.integers().map(str),
    st.floats().map(str),
)
delimiters = st.sampled_from([",", ";", "\t", "|", ", ", " ", "^", "\x1f"])
ends = st.sampled_from(["\n", "\r\n", "\r", "\n\n"])
encodings = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1251", "gb18030", "utf-32"])
names = st.sampled_from(["a.csv", "a.tsv", "a.txt", "a", "a.CSV", "a.jsonl", "a.json", "a.parquet", "a.zip", "a.npz"])


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """Rows of nasty cells, mostly of one width."""
    width = draw(st.integers(1, 5))
    rows = draw(st.lists(st.lists(cells, min_size=width, max_size=width), max_size=12))
    rows += draw(st.lists(st.lists(cells, max_size=6), max_size=2))
    text = draw(ends).join(draw(st.just(draw(delimiters))).join(row) for row in rows)
    return text.encode(draw(encodings), "replace")


def outcome(source: object) -> None:
    """Read and look at what comes back: rows, or one line."""
    result = attempt(source)
    if isinstance(result, VouchError):
        assert "\n" not in str(result)
        assert len(str(result)) < 2000
    else:
        assert isinstance(result, Dataset)
        assert result.frame.height
        assert result.frame.width
        assert all("\n" not in note.text for note in result.notes)


def attempt(source: object) -> Dataset | VouchError:
    """The rows, or the error that is said in their place."""
    try:
        return read(source)
    except VouchError as error:
        return error


def repeated(check: Callable[[], None]) -> None:
    """Run a check again and again for its share of the time."""
    end = time.monotonic() + SECONDS / 6
    check()
    while time.monotonic() < end:
        check()


@pytest.mark.timeout(0)
def test_delimited_text(tmp_path: Path) -> None:
    @quick
    @given(st.one_of(tables(), st.binary(max_size=300)), names)
    def check(data: bytes, name: str) -> None:
        path = tmp_path / name
        path.write_bytes(data)
        outcome(path)

    repeated(check)


@pytest.mark.timeout(0)
def test_mutated_tables(tmp_path: Path) -> None:
    clean = b"name,size,kind,when\n" + b"".join(b'"Ada, B.",%d,x,2020-01-%02d\n' % (i, i + 1) for i in range(28))

    @quick
    @given(st.lists(st.tuples(st.integers(0, len(clean) - 1), st.binary(max_size=3)), max_size=6))
    def check(changes: list[tuple[int, bytes]]) -> None:
        data = bytearray(clean)
        for at, new in changes:
            data[at : at + len(new) + 1] = new
        path = tmp_path / "a.csv"
        path.write_bytes(bytes(data))
        outcome(path)

    repeated(check)


@pytest.mark.timeout(0)
def test_json_lines(tmp_path: Path) -> None:
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=8,
    )
    lines = st.one_of(values.map(lambda value: json.dumps(value).encode()), st.binary(max_size=40), st.just(b"{}"))
    objects = st.dictionaries(st.sampled_from(["a", "b", "c d", ""]), values, max_size=3)
    rows = objects.map(lambda value: json.dumps(value).encode())

    @quick
    @given(st.lists(rows, max_size=5), st.lists(lines, max_size=2))
    def check(first: list[bytes], second: list[bytes]) -> None:
        path = tmp_path / "a.jsonl"
        path.write_bytes(b"\n".join(first + second))
        outcome(path)

    repeated(check)


@pytest.mark.timeout(0)
def test_arrays_and_idx(tmp_path: Path) -> None:
    npz, flat = io.BytesIO(), io.BytesIO()
    np.savez(npz, X=np.arange(12.0).reshape(6, 2), y=np.arange(6), s=np.array(list("abcdef")))
    np.save(flat, np.arange(12.0).reshape(6, 2))
    idx = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 3]) + bytes(18)
    seeds = {"a.npz": npz.getvalue(), "a.npy": flat.getvalue(), "a-images-idx3-ubyte": idx}
    seeds["a-images-idx3-ubyte.gz"] = gzip.compress(idx)

    @quick
    @given(st.sampled_from(sorted(seeds)), st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=4)), max_size=5))
    def check(name: str, changes: list[tuple[int, bytes]]) -> None:
        data = bytearray(seeds[name])
        for at, new in changes:
            data[at % len(data) : at % len(data) + len(new)] = new
        for old in tmp_path.iterdir():
            old.unlink()
        path = tmp_path / name
        path.write_bytes(bytes(data))
        outcome(path)

    repeated(check)


@pytest.mark.timeout(0)
def test_archives(tmp_path: Path) -> None:
    inner = st.sampled_from(
        ["a.csv", "../a.csv", "b/c.png", "b/d.png", "/e.txt", "b", "b/", ".x/y.csv", "f.txt", "g\\h.png"]
    )

    @quick
    @given(st.dictionaries(inner, st.one_of(tables(), st.binary(max_size=50)), max_size=4), st.binary(max_size=3))
    def check(members: dict[str, bytes], noise: bytes) -> None:
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as file:
            for name, content in members.items():
                file.writestr(name, content)
        path = tmp_path / "a.zip"
        path.write_bytes(data.getvalue() + noise)
        outcome(path)

    repeated(check)


@pytest.mark.timeout(0)
def test_folders(tmp_path: Path) -> None:
    places = st.sampled_from(
        ["cat", "dog", "train/cat", "test/cat", "train", "test", ".", ".hidden", "a/b/c", "Train/cat"]
    )
    kinds = st.sampled_from(
        [
            "1.png",
            "2.txt",
            "metadata.csv",
            "metadata.jsonl",
            "x.csv",
            "y.wav",
            "noname",
            "a-images-idx3-ubyte",
            "Thumbs.db",
        ]
    )
    table = st.sampled_from(
        [b"file_name,a\n1.png,2\n", b"file_name\n../x\n", b'{"file_name": "1.png"}\n', b"a,b\n1,2\n"]
    )
    rounds = iter(range(10**9))

    @quick
    @given(st.dictionaries(st.tuples(places, kinds), st.one_of(table, tables(), st.binary(max_size=30)), max_size=8))
    def check(files: dict[tuple[str, str], bytes]) -> None:
        root = tmp_path / str(next(rounds))
        root.mkdir()
        for (place, name), data in files.items():
            folder = root / place
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        outcome(root)

    repeated(check)
