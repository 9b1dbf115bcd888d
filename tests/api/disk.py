"""Small data that is treated as if it were larger than memory."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import vouch
from helpers import FAST, rows
from vouch.data import clean, encode
from vouch.data.shelf import columns
from vouch.training import feed

SETTINGS = {**FAST, "patience": 0}


def all_on_disk(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Everything is larger than memory, and all of it is done in small parts."""
    for module, name, value in (
        (columns, "RESIDENT_BYTES", 0), (columns, "PIECE_BYTES", 900), (clean, "_PICTURES", 7),
        (encode, "CHUNK", 50), (encode.encode, "__defaults__", (0,)), (feed, "_AHEAD_BYTES", 500),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)
    return monkeypatch


def messy(seed: int = 0) -> pl.DataFrame:
    """A table with every kind of cell, missing ones and white space."""
    rng = np.random.default_rng(seed)
    words = ["a short text of some words", "another text, which is about something else", "nothing at all to see here"]
    return rows(300, seed).with_columns(
        note=pl.Series([f"{words[k]} {rng.integers(50)}" for k in rng.integers(0, 3, 300)]),
        gaps=pl.Series(rng.normal(size=300)).set(pl.Series(rng.random(300) < 0.2), None),
        code=pl.Series([[" p ", "q", None][k] for k in rng.integers(0, 3, 300)]),
    )


def check_same(found: vouch.Bundle, expected: vouch.Bundle) -> None:
    assert found.run.fingerprint == expected.run.fingerprint
    assert np.array_equal(found.split.train, expected.split.train)
    assert np.array_equal(found.split.test, expected.split.test)
    assert same_weights(found, expected)
    assert found.predictions.equals(expected.predictions)
    assert found.evidence == expected.evidence
    kept = {note.text for note in found.run.notes if "on disk" not in note.text}
    assert kept == {note.text for note in expected.run.notes if "on disk" not in note.text}


def same_weights(one: vouch.Bundle, other: vouch.Bundle) -> bool:
    pairs = zip(one.network.state_dict().values(), other.network.state_dict().values(), strict=True)
    return all(bool((a == b).all()) for a, b in pairs)
