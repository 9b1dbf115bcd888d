"""What an interrupted audit leaves beside a bundle, from which it goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vouch.errors import OutputError
from vouch.store import Kept


def test_what_was_kept_is_found_again(tmp_path: Path) -> None:
    kept = Kept.beside(tmp_path / "a.vouch")
    assert not kept.begun
    kept.keep_array("one", np.arange(6.0).reshape(2, 3))
    kept.keep_value("two", {"a": [1, None, "x"]})
    again = Kept.beside(tmp_path / "a.vouch")
    assert again.begun
    assert np.array_equal(again.array("one"), np.arange(6.0).reshape(2, 3))  # type: ignore[arg-type]
    assert again.value("two") == {"a": [1, None, "x"]}
    assert again.array("other") is None
    assert again.value("other") is None


def test_a_file_that_was_cut_short_is_as_good_as_none(tmp_path: Path) -> None:
    kept = Kept.beside(tmp_path / "a.vouch")
    kept.keep_array("one", np.ones(100))
    kept.keep_value("two", {"a": 1})
    for file in (tmp_path / "a.vouch.audit").iterdir():
        file.write_bytes(file.read_bytes()[:5])
    assert kept.array("one") is None
    assert kept.value("two") is None


def test_the_end_removes_everything(tmp_path: Path) -> None:
    kept = Kept.beside(tmp_path / "a.vouch")
    kept.keep_value("two", 1)
    kept.end()
    assert list(tmp_path.iterdir()) == []


def test_without_a_bundle_on_disk_nothing_is_kept() -> None:
    kept = Kept.beside(None)
    kept.keep_array("one", np.ones(3))
    assert kept.array("one") is None
    kept.end()


def test_something_else_in_the_place_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.vouch.audit").write_text("mine")
    with pytest.raises(OutputError, match="something else"):
        Kept.beside(tmp_path / "a.vouch").keep_value("one", 1)
    assert (tmp_path / "a.vouch.audit").read_text() == "mine"
