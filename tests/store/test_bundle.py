import hashlib
import json
import os
import shutil
import stat

import numpy as np
import pytest
import torch

import vouch
from helpers import FAST, rows
from vouch.errors import BundleDamagedError, BundleNotFoundError, BundleTooNewError, OutputError


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    place = tmp_path_factory.mktemp("bundles") / "a.vouch"
    bundle = vouch.fit(rows(), "y", settings=FAST, out=place)
    return bundle, place


@pytest.fixture
def copy(saved, tmp_path):
    return shutil.copytree(saved[1], tmp_path / "copy.vouch")


def test_a_loaded_bundle_predicts_the_same_bits_from_another_place(saved, copy):
    bundle, _ = saved
    fresh = rows(50, seed=1)
    assert vouch.load(copy).predict_proba(fresh).tobytes() == bundle.predict_proba(fresh).tobytes()


def test_a_bundle_keeps_its_evidence_and_its_looks(saved, copy):
    bundle, _ = saved
    back = vouch.load(copy)
    assert back.evidence == bundle.evidence
    assert [look.by for look in back.looks] == ["fit"]
    assert back.recipe == bundle.recipe
    assert back.schema == bundle.schema
    assert back.run == bundle.run
    assert np.array_equal(back.split.test, bundle.split.test)
    assert back.predictions.equals(bundle.predictions)


def test_a_bundle_holds_no_pickle(saved):
    kinds = {file.suffix for file in saved[1].iterdir()}
    assert kinds <= {".json", ".safetensors", ".parquet", ".html", ".md"}


def test_a_place_without_a_bundle_is_refused(tmp_path):
    with pytest.raises(BundleNotFoundError, match=r"model\.json"):
        vouch.load(tmp_path)


@pytest.mark.parametrize("name", ["weights.safetensors", "encoders.safetensors", "predictions.parquet"])
@pytest.mark.parametrize("harm", ["truncate", "alter", "remove"])
def test_a_damaged_file_is_refused(copy, name, harm):
    file = copy / name
    content = file.read_bytes()
    if harm == "truncate":
        file.write_bytes(content[: len(content) // 2])
    elif harm == "alter":
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    else:
        file.unlink()
    with pytest.raises(BundleDamagedError, match=name.replace(".", r"\.")):
        vouch.load(copy)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": "x", "digests": {}}', "[" * 100_000])
def test_a_damaged_description_is_refused(copy, text):
    (copy / "model.json").write_text(text)
    with pytest.raises(BundleDamagedError):
        vouch.load(copy)


def _change(copy, edit):
    facts = json.loads((copy / "model.json").read_text())
    edit(facts)
    text = json.dumps(facts["model"], sort_keys=True)
    facts["digests"]["model"] = hashlib.sha256(text.encode()).hexdigest()
    (copy / "model.json").write_text(json.dumps(facts))


def test_a_bundle_of_a_later_version_is_refused(copy):
    _change(copy, lambda facts: facts.update(format=99))
    with pytest.raises(BundleTooNewError, match="format 99"):
        vouch.load(copy)


@pytest.mark.parametrize(
    "edit",
    [
        lambda facts: facts["model"].pop("schema"),
        lambda facts: facts["model"]["recipe"].update(width=10**9),
        lambda facts: facts["model"]["recipe"].update(networks=10**9),
        lambda facts: facts["model"]["recipe"].update(epochs="many"),
        lambda facts: facts["model"]["encoders"][0].update(kind="os.system"),
        lambda facts: facts["model"]["task"].update(name="exec"),
        lambda facts: facts["model"]["encoders"].pop(),
    ],
)
def test_a_description_that_does_not_fit_the_weights_is_refused(copy, edit):
    _change(copy, edit)
    with pytest.raises(BundleDamagedError):
        vouch.load(copy)


def test_a_bundle_from_before_shifts_and_penalties_has_none(copy):
    def edit(facts):
        del facts["model"]["shifts"]
        for key in ("fairness_penalty", "fairness_within", "group_dro"):
            del facts["model"]["recipe"][key]

    _change(copy, edit)
    found = vouch.load(copy)
    assert found.shifts is None
    assert (found.recipe.fairness_penalty, found.recipe.fairness_within, found.recipe.group_dro) == (0.0, False, 0.0)


def test_a_description_that_was_edited_is_refused_even_where_it_still_fits(copy):
    text = (copy / "model.json").read_text()
    (copy / "model.json").write_text(text.replace('"seed": 0', '"seed": 1'))
    with pytest.raises(BundleDamagedError):
        vouch.load(copy)


def test_an_older_bundle_is_replaced_whole(saved, tmp_path):
    bundle, _ = saved
    place = tmp_path / "b.vouch"
    bundle.save(place)
    (place / "stale").write_text("old")
    bundle.save(place)
    assert not (place / "stale").exists()
    assert os.listdir(tmp_path) == ["b.vouch"]


def test_files_are_readable_as_the_umask_says(saved):
    modes = {stat.S_IMODE(file.stat().st_mode) for file in saved[1].iterdir()}
    assert len(modes) == 1


def test_a_place_that_cannot_be_written_is_refused_and_left_clean(saved, tmp_path):
    bundle, _ = saved
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="--out"):
        bundle.save(tmp_path / "file" / "b.vouch")
    assert os.listdir(tmp_path) == ["file"]


def test_weights_are_those_of_the_network(saved):
    bundle, place = saved
    back = vouch.load(place)
    pairs = zip(bundle.network.state_dict().values(), back.network.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
