"""Nets from elsewhere: read as their own library reads them, stored whole, thawed layer by layer; nothing is run."""

from __future__ import annotations

import builtins
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.datasets import load_digits

import vouch
from api.checkpoints import TEXTS, bert, resnet, vit
from cli.running import refused, run
from helpers import rows
from vouch.api.checkpoints import checkpoint
from vouch.errors import UsageError, VouchError
from vouch.nets.borrowed import architecture, quiet_transformers
from vouch.nets.network import Network
from vouch.training.optimise import make_optimizer
from vouch.training.unfreezing import layers

pytest.importorskip("transformers")
LABELS = ["kind" if "opened" in text or "kept" in text else "unkind" for text in TEXTS]
TYPED: dict[str, Any] = {"types": {"t": "text"}, "proof": False}


def digits(count: int = 120) -> dict[str, np.ndarray]:
    found = load_digits()
    return {"x": (found.images * 15.9).astype(np.uint8)[:count], "y": found.target[:count].astype(str)}


def started(bundle: vouch.Bundle) -> dict[str, torch.Tensor]:
    assert bundle.start is not None
    return dict(bundle.start.weights)


@pytest.mark.parametrize("make", [vit, resnet])
def test_pictures_are_seen_as_the_checkpoint_wants_them(make: Any, tmp_path: Path) -> None:
    """The same vectors as the library's own net gives for the same pictures, resized and scaled by hand."""
    place = make(tmp_path / "net")
    found = checkpoint(place)
    module = found.encoders[0].embed(found.recipe)
    state = {key.removeprefix("embedders.0."): x for key, x in found.weights.items()}
    module.load_state_dict(state)
    pictures = torch.randint(0, 256, (4, 3, 20, 20), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    side, mean, std = (32, [0.4, 0.5, 0.6], [0.2, 0.3, 0.4]) if make is vit else (224, [0.5] * 3, [0.5] * 3)
    by_hand = torch.nn.functional.interpolate(pictures.float(), (side, side), mode="bilinear", antialias=True) / 255
    by_hand = (by_hand - torch.tensor(mean).view(1, 3, 1, 1)) / torch.tensor(std).view(1, 3, 1, 1)
    with quiet_transformers() as transformers, torch.inference_mode():
        own = transformers.AutoModel.from_pretrained(place).eval()(pixel_values=by_hand).last_hidden_state
        vectors = module.eval()(pictures)
    torch.testing.assert_close(vectors, own.mean(1) if own.ndim == 3 else own.mean((2, 3)), rtol=1e-4, atol=1e-5)


def test_texts_are_cut_as_the_checkpoint_knows_them(tmp_path: Path) -> None:
    place = bert(tmp_path / "net")
    found = checkpoint(place)
    encoder = found.encoders[0]
    ids = encoder.encode(pl.DataFrame({"text": ["the parcel came late", None, "Red parcels"]}))
    with quiet_transformers() as transformers:
        own = transformers.AutoTokenizer.from_pretrained(place)
        expected = own(["the parcel came late", "Red parcels"], padding="max_length", max_length=ids.shape[1])
    assert ids[[0, 2]].tolist() == expected["input_ids"]
    assert ids[1].unique().tolist() == [0]
    module = encoder.embed(found.recipe).eval()
    module.load_state_dict({key.removeprefix("embedders.0."): x for key, x in found.weights.items()})
    with quiet_transformers() as transformers, torch.inference_mode():
        net = transformers.AutoModel.from_pretrained(place).eval()
        mask = torch.tensor(expected["attention_mask"])
        hidden = net(input_ids=ids[[0, 2]].long(), attention_mask=mask).last_hidden_state
        pooled = (hidden * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True)
        vectors = module(ids)
    torch.testing.assert_close(vectors[[0, 2]], pooled, rtol=1e-4, atol=1e-5)
    assert vectors[1].abs().sum() == 0


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> vouch.Bundle:
    place = tmp_path_factory.mktemp("pictures")
    return vouch.fit(digits(), "y", backbone=vit(place / "tiny-vit"), settings={"epochs": 2}, out=place / "b.vouch")


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> vouch.Bundle:
    place = tmp_path_factory.mktemp("texts")
    net = bert(place / "tiny-bert")
    return vouch.fit(
        {"t": TEXTS, "y": LABELS}, "y", backbone=net, settings={"epochs": 4}, out=place / "b.vouch", **TYPED
    )  # fmt: skip


@pytest.mark.parametrize("name", ["pictures", "texts"])
def test_a_bundle_needs_no_checkpoint_afterwards(name: str, request: pytest.FixtureRequest) -> None:
    bundle: vouch.Bundle = request.getfixturevalue(name)
    shutil.rmtree(Path(str(bundle.place)).parent / ("tiny-vit" if name == "pictures" else "tiny-bert"))
    loaded = vouch.load(str(bundle.place))
    data: dict[str, Any] = digits(40) if name == "pictures" else {"t": [*TEXTS[:20], None]}
    np.testing.assert_allclose(loaded.predict_proba(data), bundle.predict_proba(data), rtol=1e-5, atol=1e-6)
    assert loaded.start is not None
    assert loaded.start.how == "checkpoint"
    assert not set(loaded.recipe.network) & {"resnet", "cnn", "bag", "textcnn", "transformer"}
    whole: dict[str, Any] = digits() if name == "pictures" else {"t": TEXTS, "y": LABELS}
    again = vouch.audit(loaded, data=whole, only=["overfitting"])
    assert again.findings[0].challenge == "overfitting"


def test_layers_thaw_from_the_head_down(pictures: vouch.Bundle) -> None:
    network = pictures.network
    assert isinstance(network, Network)
    found = layers(network)
    assert len(found) == 5  # the head, the last norm, two layers, and what cuts the picture up
    names = {id(weight): name for name, weight in network.named_parameters()}
    assert {names[id(w)].split(".")[3] for w in found[-1]} == {"embeddings"}
    rates = {g["peak"] for g in make_optimizer(network, pictures.recipe).param_groups}
    assert min(rates) < pictures.recipe.learning_rate * 0.75**3


def test_in_the_probe_the_checkpoint_stays_as_it_is(tmp_path: Path) -> None:
    settings = {"epochs": 1, "probe": 1.0}
    bundle = vouch.fit(
        {"t": TEXTS, "y": LABELS}, "y", backbone=bert(tmp_path / "net"), settings=settings, **TYPED
    )  # fmt: skip
    state = bundle.network.state_dict()
    assert all(torch.equal(state[key], x) for key, x in started(bundle).items())


def test_training_changes_the_checkpoint_when_it_may(tmp_path: Path) -> None:
    settings = {"epochs": 1, "probe": 0.0, "unfreezing": 0.0}
    bundle = vouch.fit(
        {"t": TEXTS, "y": LABELS}, "y", backbone=bert(tmp_path / "net"), settings=settings, **TYPED
    )  # fmt: skip
    state, before = bundle.network.state_dict(), started(bundle)
    changed = {key for key, x in before.items() if x.is_floating_point() and not torch.equal(state[key], x)}
    assert any("word_embeddings" in key for key in changed)


def test_a_bundle_that_borrowed_its_net_can_be_started_from(texts: vouch.Bundle) -> None:
    labels = ["yes" if "red" in text else "no" for text in TEXTS]
    bundle = vouch.fit({"t": TEXTS, "y": labels}, "y", start=texts, settings={"epochs": 1, "probe": 1.0}, **TYPED)
    state = bundle.network.state_dict()
    assert all(torch.equal(state[key], x) for key, x in started(bundle).items())
    assert bundle.recipe.layer_decay == 0.75


def test_a_checkpoint_is_proved_against_a_network_as_it_is_planned(pictures: vouch.Bundle) -> None:
    assert pictures.audit is not None
    proof = pictures.audit.proofs[0]
    assert proof.strength == "tiny-vit"
    assert "as it is planned" in proof.notes[0]


def test_the_command_takes_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    bert(tmp_path / "net")
    pl.DataFrame({"t": TEXTS, "y": LABELS}).write_csv("t.csv")
    options = ["--target", "y", "--type", "t=text", "--backbone", "net", "--set", "epochs=1", "-q", "--no-proof"]
    told = run(capsys, "fit", "t.csv", *options, "--json")
    assert told.code == 0, told.err
    assert json.loads(told.out)["transfer"]["how"] == "checkpoint"


def test_bad_checkpoints_are_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows(80).write_csv("a.csv")
    pl.DataFrame({"t": TEXTS, "y": LABELS}).write_csv("t.csv")
    net = bert(tmp_path / "net")
    for name in ("pickled", "coded", "unknown", "cut", "other", "half"):
        shutil.copytree(net, name)
    (tmp_path / "pickled/model.safetensors").rename("pickled/pytorch_model.bin")
    change("coded", auto_map={"AutoModel": "evil.Model"})
    change("unknown", model_type="nonsense")
    change("half", num_hidden_layers=3)
    weights = tmp_path / "cut/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:500])
    for name in ("vocab.txt", "tokenizer_config.json"):
        (tmp_path / "other" / name).unlink()
    Path("empty").mkdir()
    for data, folder, said in [
        ("t.csv", "pickled", "never loaded because it could run code"),
        ("t.csv", "coded", "code of its own, which is never run"),
        ("t.csv", "unknown", "checkpoint"),
        ("t.csv", "cut", "cannot be loaded"),
        ("t.csv", "half", "lacks weights of its own architecture"),
        ("t.csv", "other", "neither for pictures nor for texts"),
        ("t.csv", "empty", "there is no checkpoint"),
        ("t.csv", "../x/../y", "there is no checkpoint"),
    ]:
        ran = run(capsys, "fit", data, "--target", "y", "--type", "t=text", "--backbone", folder, "-q")
        assert said in refused(ran, "V100"), folder
    ran = run(capsys, "fit", "a.csv", "--target", "y", "--backbone", "net", "-q")
    assert "knows none of the columns" in refused(ran, "V204")
    assert not Path("t.vouch").exists()


def change(folder: str, **values: object) -> None:
    """Put other values into a configuration."""
    file = Path(folder) / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}), encoding="utf-8")


def test_a_name_is_looked_for_in_the_cache_and_then_in_the_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing goes over the network here: the library is replaced by one that notes what it is asked."""
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    asked: list[bool] = []
    cached = bert(tmp_path / "cached")

    def offline(name: str, *, local_files_only: bool = False, **options: object) -> str:
        del options
        asked.append(local_files_only)
        if name == "owner/cached":
            return str(cached)
        raise LocalEntryNotFoundError("Got: ConnectError: Name or service not known")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    assert checkpoint("owner/cached").how == "checkpoint"
    assert asked == [True]
    with pytest.raises(UsageError, match="a pretrained name, it is not in the cache, and there is no network"):
        checkpoint("owner/absent")
    assert asked == [True, True, False]


def test_without_the_library_it_is_said_which_extra_to_install(
    monkeypatch: pytest.MonkeyPatch, texts: vouch.Bundle, tmp_path: Path
) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any, **named: Any) -> Any:
        if name.split(".")[0] == "transformers":
            raise ImportError("no module named transformers")
        return real(name, *rest, **named)

    (tmp_path / "net").mkdir()
    monkeypatch.setattr(builtins, "__import__", missing)
    for name in [one for one in sys.modules if one.split(".")[0] == "transformers"]:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "net/config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    (tmp_path / "net/model.safetensors").write_bytes(b"")
    (tmp_path / "net/vocab.txt").write_text("a\n", encoding="utf-8")
    for load in (lambda: checkpoint(tmp_path / "net"), lambda: vouch.load(str(texts.place))):
        with pytest.raises(VouchError, match=r"deepvouch\[pretrained\]"):
            load()


def test_a_configuration_cannot_ask_for_endless_layers() -> None:
    with pytest.raises(ValueError, match="more layers"):
        architecture(json.dumps({"model_type": "bert", "num_hidden_layers": 10**9}))
