"""Whatever table or bundle comes in, it is prepared or loaded, or refused with one of Vouch's own errors.

Run by hand: ``pytest tests/fuzz``; ``VOUCH_FUZZ_SECONDS=300`` makes it look for five minutes.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
import time
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import vouch
from helpers import rows
from vouch.api.preparing import gather, prepare
from vouch.contracts.options import FitOptions
from vouch.data.clean import clean
from vouch.data.encode import encode
from vouch.data.read import read
from vouch.errors import BundleError, VouchError

SECONDS = float(os.environ.get("VOUCH_FUZZ_SECONDS", "5"))
quick = settings(
    max_examples=50,
    deadline=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
SMALL = {"epochs": 1, "members": 2, "width": 8, "number_embedding": 2, "category_embedding": 2, "vocabulary": 300}
COUNTS: dict[str, int] = {}

names = st.one_of(
    st.sampled_from(
        ["y", "size", "part", "split", "a b", "ä", "__", "0", "prediction", "row", "label", "=", "\\", "$x"]
    ),
    st.text(min_size=1, max_size=4),
)
texts = st.one_of(
    st.sampled_from(
        ["", "?", "NA", "-", "1", "-1.5", "1e400", "inf", "nan", "1,200", "$5", "15 %", "2020-01-02", "01/02/2020"]
    ),
    st.sampled_from(["a", "A", "a.", "yes", "no", "x.png", "../x.png", "x y z", "ä", "a;b", "a|b", "-999", "9" * 400]),
    st.text(max_size=5),
)
kinds: dict[str, st.SearchStrategy[Any]] = {
    "texts": texts,
    "few": st.sampled_from(["a", "b", "c", None]),
    "whole": st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3) | st.sampled_from([-999, 999, None]),
    "floats": st.floats() | st.none(),
    "truths": st.booleans() | st.none(),
    "dates": st.dates(date(1, 1, 1), date(9999, 12, 31)) | st.none(),
    "moments": st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)) | st.none(),
    "lists": st.lists(st.integers(0, 3), max_size=2) | st.none(),
    "one": st.just("same"),
}


@st.composite
def frames(draw: st.DrawFn) -> pl.DataFrame:
    """Small tables: columns of one kind each, of nasty cells and nasty names."""
    height = draw(st.sampled_from([1, 5, 19, 20, 24, 40]))
    columns = {}
    for name in draw(st.lists(names, min_size=1, max_size=4, unique=True)):
        kind = draw(st.sampled_from(sorted(kinds)))
        pool = draw(st.lists(kinds[kind], min_size=1, max_size=6))
        pick = draw(st.lists(st.integers(0, len(pool) - 1), min_size=height, max_size=height))
        columns[name] = pl.Series(name, [pool[i] for i in pick], strict=False)
    return pl.DataFrame(columns)


@st.composite
def asked(draw: st.DrawFn, columns: list[str]) -> FitOptions:
    """Options that name columns of the table, or others."""
    some = st.sampled_from([*columns, "nowhere"]) if draw(st.integers(0, 9)) == 0 else st.sampled_from(columns)
    maybe = st.none() | st.none() | some
    options: FitOptions = {"settings": SMALL, "group": draw(maybe), "time": draw(maybe), "device": "cpu"}
    options["task"] = draw(st.sampled_from([None, None, None, "binary", "multiclass", "multilabel", "regression"]))
    options["drop"] = draw(st.lists(some, max_size=1))
    types = st.sampled_from(["number", "category", "date", "text", "image", "identifier", "ignored"])
    options["types"] = draw(st.dictionaries(some, types, max_size=1))
    return options


def repeated(check: Callable[[], None], share: float) -> None:
    """Run a check again and again for its share of the time."""
    end = time.monotonic() + SECONDS * share
    check()
    while time.monotonic() < end:
        check()


def counted(name: str) -> None:
    COUNTS[name] = COUNTS.get(name, 0) + 1


def prepared(source: object, target: str, options: FitOptions, other: pl.DataFrame) -> None:
    """Prepare a table, and encode the rows of another one as it was prepared; or one line."""
    try:
        dataset, schema = gather(source, target, options)
        ready = prepare(dataset, schema, options)
        counted("prepared")
        canonical = clean(read(other), schema, labelled=False)
        assert all(len(x) == other.height for x in encode(canonical.frame, ready.encoders))
    except VouchError as error:
        counted(f"refused {error.code}")
        check_line(str(error))
        return
    parts = [set(part.tolist()) for part in (ready.split.train, ready.split.valid, ready.split.test)]
    assert sum(map(len, parts)) == len(set.union(*parts))
    assert all(torch_finite(x) for x in ready.inputs)


def check_line(line: str) -> None:
    """One line that can be read."""
    assert "\n" not in line
    assert len(line) < 2000


def torch_finite(x: Any) -> bool:
    """Whether encoded numbers hold no infinity; NaN stands for a missing one."""
    return not x.is_floating_point() or not bool(x.isinf().any())


@pytest.mark.timeout(0)
def test_frames() -> None:
    @quick
    @given(st.data(), frames(), frames())
    def check(data: st.DataObject, frame: pl.DataFrame, other: pl.DataFrame) -> None:
        target = data.draw(st.sampled_from(frame.columns))
        # The same names over cells of other kinds, as a later export of the same table may have them.
        cast = pl.DataFrame([one.alias(new) for one, new in zip(other, frame.columns, strict=False)])
        counted("frames")
        prepared(frame, target, data.draw(asked(frame.columns)), cast)

    repeated(check, 0.4)


@pytest.mark.timeout(0)
def test_files(tmp_path: Path) -> None:
    @quick
    @given(st.data(), st.lists(names, min_size=2, max_size=4, unique=True), st.integers(20, 30))
    def check(data: st.DataObject, header: list[str], height: int) -> None:
        pools = [data.draw(st.lists(texts, min_size=1, max_size=8)) for _ in header]
        body = [[pool[(i * 7 + i // 3) % len(pool)] for pool in pools] for i in range(height)]
        out = io.StringIO()
        csv.writer(out, delimiter=data.draw(st.sampled_from([",", ";", "\t"]))).writerows([header, *body])
        path = tmp_path / "a.csv"
        path.write_bytes(out.getvalue().encode("utf-8", "replace"))
        counted("files")
        prepared(path, data.draw(st.sampled_from(header)), {"settings": SMALL}, rows(5))

    repeated(check, 0.3)


@pytest.mark.timeout(0)
def test_bundles(tmp_path: Path) -> None:
    place, new = tmp_path / "a.vouch", rows(8, seed=3)
    expected = vouch.fit(rows(40), "y", settings=SMALL, out=place).predict_proba(new).tobytes()
    files = sorted(file.name for file in place.iterdir() if file.suffix in (".json", ".parquet", ".safetensors"))
    sound = {name: (place / name).read_bytes() for name in files}
    copy = shutil.copytree(place, tmp_path / "b.vouch")

    @quick
    @given(st.sampled_from(files), st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=3)), max_size=3))
    def flips(name: str, changes: list[tuple[int, bytes]]) -> None:
        data = bytearray(sound[name])
        for at, new_bytes in changes:
            data[at % len(data) : at % len(data) + len(new_bytes)] = new_bytes
        (copy / name).write_bytes(bytes(data))
        counted("bundles with flipped bytes")
        try:
            assert vouch.load(copy).predict_proba(new).tobytes() == expected
        except BundleError as error:
            check_line(str(error))
        (copy / name).write_bytes(sound[name])

    @quick
    @given(st.data(), st.booleans())
    def edits(data: st.DataObject, resigned: bool) -> None:
        facts = json.loads(sound["model.json"])
        edit(data, facts)
        if resigned and "model" in facts and isinstance(facts.get("digests"), dict):
            text = json.dumps(facts["model"], sort_keys=True)
            facts["digests"]["model"] = hashlib.sha256(text.encode()).hexdigest()
        (copy / "model.json").write_text(json.dumps(facts))
        counted("bundles with edited descriptions")
        try:
            found = vouch.load(copy)
            if not resigned:
                assert found.predict_proba(new).tobytes() == expected
        except BundleError as error:
            check_line(str(error))

    repeated(flips, 0.15)
    repeated(edits, 0.15)


def edit(data: st.DataObject, facts: Any) -> None:
    """Change one value anywhere in a description."""
    values = st.sampled_from([None, 0, -1, 10**9, 1.5, float("inf"), "", "x", [], {}, True, [[]], "inf", 2**70])
    node = facts
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = data.draw(st.sampled_from(keys))
        inner = node[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.integers(0, 5)) == 0:
            break
        node = inner
    if data.draw(st.booleans()):
        node[key] = data.draw(values)
    else:
        del node[key]


def test_the_number_of_examples_is_told(record_property: Callable[[str, object], None]) -> None:
    print(COUNTS)
    record_property("examples", COUNTS)
    assert COUNTS
