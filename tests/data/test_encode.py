import gc
import os
import tempfile

import numpy as np
import pytest
import torch

import vouch
from helpers import FAST, rows
from vouch.contracts.dataset import Dataset
from vouch.contracts.recipe import Recipe
from vouch.contracts.split import Split
from vouch.data import encode as station
from vouch.data.clean import clean
from vouch.data.schema import Hints, infer
from vouch.data.shelf import is_mapped


@pytest.fixture
def prepared():
    dataset = Dataset(rows(300), "memory")
    schema = infer(dataset, Hints("y"))
    canonical = clean(dataset, schema)
    everything = np.arange(300)
    split = Split(everything[:200], everything[200:250], everything[250:], "random", "")
    return canonical, station.fit_encoders(canonical, schema, split, Recipe(), None), split, schema


def test_rows_encoded_in_chunks_equal_rows_encoded_at_once(prepared, monkeypatch):
    canonical, encoders, _, _ = prepared
    whole = station.encode(canonical.frame, encoders)
    monkeypatch.setattr(station, "CHUNK", 64)
    chunked = station.encode(canonical.frame, encoders)
    assert all(torch.equal(a.nan_to_num(-9), b.nan_to_num(-9)) for a, b in zip(whole, chunked, strict=True))


def test_above_the_limit_tensors_are_mapped_from_disk_and_the_file_goes_with_them(prepared, monkeypatch):
    canonical, encoders, _, _ = prepared
    monkeypatch.setattr(station, "CHUNK", 64)
    resident = station.encode(canonical.frame, encoders)
    # Other tests of this process may keep rows on disk as well.
    gc.collect()
    before = _mapped_files()
    mapped = station.encode(canonical.frame, encoders, limit=0)
    assert all(torch.equal(a.nan_to_num(-9), b.nan_to_num(-9)) for a, b in zip(resident, mapped, strict=True))
    assert _mapped_files() > before
    assert all(is_mapped(x.data_ptr()) for x in mapped)
    del mapped
    gc.collect()
    assert _mapped_files() == before


def test_training_from_mapped_tensors_gives_the_same_bits(monkeypatch):
    resident = vouch.fit(rows(200), "y", settings=FAST)
    monkeypatch.setattr(station, "CHUNK", 64)
    monkeypatch.setattr(station, "RESIDENT_BYTES", 0)
    monkeypatch.setattr(station.encode, "__defaults__", (0,))
    mapped = vouch.fit(rows(200), "y", settings=FAST)
    fresh = rows(40, seed=5)
    assert resident.predict_proba(fresh).tobytes() == mapped.predict_proba(fresh).tobytes()


def test_encoders_learn_from_training_rows_alone(prepared):
    canonical, encoders, split, schema = prepared
    changed = canonical.frame.with_columns(
        size=np.where(np.arange(300) >= 200, 1e6, canonical.frame["size"].to_numpy()).astype(np.float32)
    )
    again = station.fit_encoders(Dataset(changed, "memory"), schema, split, Recipe(), None)
    for name in ("centre", "spread", "edges"):
        assert torch.equal(getattr(again[0], name), getattr(encoders[0], name))


def _mapped_files():
    with open(f"/proc/{os.getpid()}/maps") as maps:
        return sum(tempfile.gettempdir() in line and line.rstrip().endswith("(deleted)") for line in maps)
