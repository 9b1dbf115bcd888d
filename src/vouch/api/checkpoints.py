"""Checkpoints of the transformers library: what they read, and their weights; nothing in them is ever run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from vouch import store
from vouch.contracts.backbone import Backbone
from vouch.contracts.borrowing import Borrowing
from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Encoder
from vouch.errors import UsageError
from vouch.modalities import ALL as MODALITIES
from vouch.nets.borrowed import prepared, quiet_transformers

_NEEDED = ["*.json", "*.safetensors", "*.txt", "*.model"]
_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack")
# A recipe without nets of its own: what is borrowed takes their place.
_RECIPE = Recipe(network=())


def checkpoint(name: str | Path) -> Backbone:
    """What a checkpoint has learned, to start from.

    Args:
        name: a folder with ``config.json`` and weights as safetensors; or a name, looked for in the local cache first
            and then in the network.

    Raises:
        UsageError: the package is missing, or the checkpoint cannot be used.
    """
    folder = Path(name) if Path(name).is_dir() else _fetched(str(name))
    config = _config(folder)
    _check_weights(folder)
    found = (one.borrow(folder, config) for one in MODALITIES if isinstance(one, Borrowing))
    readers = [encoder for encoder in found if encoder is not None]
    if len(readers) != 1:
        raise UsageError(
            "the checkpoint is of a net that can be neither for pictures nor for texts", where=str(folder),
            expected="a tokeniser, or a preprocessor of pictures", received=str(config.get("model_type")),
            next_step="Take one that reads either pictures or texts, and nothing else.",
        )  # fmt: skip
    return _with_weights(folder, readers[0])


def _with_weights(folder: Path, encoder: Encoder) -> Backbone:
    """The checkpoint's weights under the names that they have in a network with this encoder."""
    with quiet_transformers() as transformers:
        try:
            net, told = transformers.AutoModel.from_pretrained(
                str(folder), local_files_only=True, use_safetensors=True, trust_remote_code=False,
                dtype=torch.float32, output_loading_info=True,
            )  # fmt: skip
        except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
            raise UsageError(
                "the checkpoint cannot be loaded", where=str(folder), received=f"{type(error).__name__}: {error}"[:200],
                next_step="Take a fresh copy of it.",
            ) from error  # fmt: skip
    lost = [key for key in (*told["missing_keys"], *told["mismatched_keys"]) if "pooler" not in str(key)]
    if lost:
        raise UsageError(
            "the checkpoint lacks weights of its own architecture", where=str(folder), received=str(sorted(lost)[0]),
            next_step="Take a checkpoint of the whole net.",
        )  # fmt: skip
    weights = {f"net.{key}": value.detach().contiguous() for key, value in prepared(net).state_dict().items()}
    # What brings inputs to scale is written with the weights, and is no part of the checkpoint.
    own = {key: value for key, value in encoder.embed(_RECIPE).state_dict().items() if not key.startswith("net.")}
    named = {f"embedders.0.{key}": value for key, value in {**weights, **own}.items()}
    return store.backbone_from(folder.resolve().name, "checkpoint", _RECIPE, (encoder,), named)


def _config(folder: Path) -> dict[str, Any]:
    """The configuration, if it is one of a net that needs no code of its own."""
    file = folder / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        kind = config["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            "there is no checkpoint", where=str(folder), expected="config.json with a model_type",
            received=str(error)[:120], next_step="Give the folder that save_pretrained wrote, or a name.",
        ) from error  # fmt: skip
    if "auto_map" in config:
        raise UsageError(
            "the checkpoint needs code of its own, which is never run", where=str(file), received=str(kind),
            next_step="Take a checkpoint of an architecture that the transformers library has.",
        )  # fmt: skip
    return config


def _check_weights(folder: Path) -> None:
    """Refuse weights that are pickled: loading them could run anything."""
    if any(folder.glob("*.safetensors")):
        return
    pickled = sorted(file.name for file in folder.iterdir() if file.suffix in _PICKLED)
    raise UsageError(
        "the checkpoint has no weights as safetensors", where=str(folder), expected="model.safetensors",
        received=f"{pickled[0]}, which is never loaded because it could run code" if pickled else "none",
        next_step="Save it anew with save_pretrained, which writes safetensors.",
    )  # fmt: skip


def _fetched(name: str) -> Path:
    """The folder of a named checkpoint: out of the cache, else fetched from the network."""
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name) or ".." in name:
        raise UsageError(
            "there is no checkpoint", where=name, expected="a folder, or a name such as owner/model",
            next_step="Look at the path.",
        )  # fmt: skip
    with quiet_transformers():
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError

        try:
            return Path(snapshot_download(name, allow_patterns=_NEEDED, local_files_only=True))
        except LocalEntryNotFoundError:
            return _downloaded(name)


def _downloaded(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=_NEEDED, etag_timeout=10))
    except RepositoryNotFoundError as error:
        raise UsageError(
            f"there is no checkpoint '{name}', neither here nor in the network",
            next_step="Look at the name, or give a folder.",
        ) from error
    except (LocalEntryNotFoundError, OSError, ValueError) as error:
        raise UsageError(
            f"'{name}' is a pretrained name, it is not in the cache, and there is no network", where="--backbone",
            received=str(error).splitlines()[0][:160], next_step="Give a folder with the checkpoint, or go online.",
        ) from error  # fmt: skip
