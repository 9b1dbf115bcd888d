"""Pictures and the kernels that meet them lie channel by channel in memory, on every way through the house."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook

import vouch
from vouch.api import fitting
from vouch.training.loop import train

Seen = list[tuple[bool, bool, bool]]


def pictures(path: Path, rows: int = 60) -> Path:
    """Pictures of two kinds, of three colours."""
    rng = np.random.default_rng(0)
    labels = np.arange(rows) % 2
    pixels = rng.integers(0, 120, (rows, 12, 16, 3)) + labels[:, None, None, None] * 100
    np.savez(path / "pictures.npz", x=pixels.astype(np.uint8), label=labels)
    return path / "pictures.npz"


def is_last(x: Tensor) -> bool:
    """Whether a picture or kernel lies channel by channel; where it has one channel or one pixel, both orders agree."""
    return x.is_contiguous(memory_format=torch.channels_last)


@contextmanager
def watched() -> Iterator[Seen]:
    """For each convolution: whether it was in training, and whether input and kernel lie channel by channel."""
    seen: Seen = []

    def look(part: nn.Module, inputs: Any) -> None:
        # Where work is only counted, nothing lies anywhere.
        if isinstance(part, nn.Conv2d) and not part.weight.is_meta:
            seen.append((part.training, is_last(inputs[0]), is_last(part.weight)))

    hook = register_module_forward_pre_hook(look)
    try:
        yield seen
    finally:
        hook.remove()


def check(seen: Seen) -> None:
    assert seen
    assert {(inputs, kernels) for _, inputs, kernels in seen} == {(True, True)}


@pytest.mark.parametrize("net", ["resnet", "cnn"])
@pytest.mark.parametrize(
    "options",
    [{}, {"ensemble": 2}, {"folds": 2}, {"settings": {"mixup": 0.5, "cutmix": 1.0}}, {"settings": {"accumulation": 2}},
     {"settings": {"averaging": 0.9, "recompute": True}}],
    ids=["one", "ensemble", "folds", "mixed", "parts", "averaged"],
)  # fmt: skip
def test_while_training_scoring_and_predicting(net: str, options: dict[str, Any], tmp_path: Path) -> None:
    data = pictures(tmp_path)
    settings = {"network": net, "image_width": 16, "epochs": 2, **options.get("settings", {})}
    asked: dict[str, Any] = {**options, "settings": settings, "out": tmp_path / "a.vouch"}
    with watched() as seen:
        bundle = vouch.fit(data, "label", **asked)
    assert {training for training, *_ in seen} == {True, False}
    check(seen)
    with watched() as seen:
        vouch.predict(bundle, data)
        vouch.predict(vouch.load(tmp_path / "a.vouch"), data)
    check(seen)


def test_after_a_run_was_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = pictures(tmp_path)

    def stop(event: str, /, **_: Any) -> None:
        if event == "epoch":
            raise KeyboardInterrupt

    options: dict[str, Any] = {
        "settings": {"image_width": 16, "epochs": 2, "optimizer": "sgd", "averaging": 0.9}, "out": tmp_path / "a.vouch"
    }  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        vouch.fit(data, "label", **options, progress=stop)
    states: list[Any] = []

    def looked_at(job: Any) -> Any:
        done = train(job)
        states.append(job.network)
        return done

    monkeypatch.setattr(fitting, "train", looked_at)
    with watched() as seen:
        vouch.fit(data, "label", **options, resume=True)
    check(seen)
    assert all(is_last(weight) for weight in states[0].parameters() if weight.ndim == 4)
