"""Nets from elsewhere: an architecture of the transformers library, built from its configuration, as an embedder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vouch.errors import UsageError

# More layers than any net has, so that a stranger's number does not keep us busy building them.
_MOST_LAYERS = 1000


@dataclass(frozen=True, slots=True)
class Borrowed:
    """An architecture and how its inputs are brought to scale.

    Args:
        config: its configuration as JSON, with ``model_type``.
        height: of the pictures that it sees, in pixels; 0 for texts.
        width: the same.
        mean: of each colour plane, as a share of full brightness.
        std: the same of the standard deviation.
    """

    config: str
    height: int = 0
    width: int = 0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()


class BorrowedPictures(nn.Module):
    """Pictures to vectors by a borrowed net: resized and scaled as it wants them, its answers averaged over places.

    Args:
        borrowed: which architecture, and its scale.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, borrowed: Borrowed) -> None:
        super().__init__()
        self.net, self.features = architecture(borrowed.config)
        self.size = (borrowed.height, borrowed.width)
        self.register_buffer("mean", 255 * torch.tensor(borrowed.mean).view(1, -1, 1, 1))
        self.register_buffer("scale", 1 / (255 * torch.tensor(borrowed.std).view(1, -1, 1, 1)))

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (B, C, H, W), 0 to 255, to vectors (B, D); grey ones are seen as colour."""
        x = pictures.float().expand(-1, self.mean.shape[1], -1, -1)
        if x.shape[2:] != self.size:
            x = F.interpolate(x, self.size, mode="bilinear", align_corners=False, antialias=True)
        found = self.net(pixel_values=(x - self.mean) * self.scale).last_hidden_state
        return found.mean((2, 3)) if found.ndim == 4 else found.mean(1)


class BorrowedTexts(nn.Module):
    """Pieces of texts to vectors by a borrowed net, its answers averaged over the pieces.

    Args:
        borrowed: which architecture.
        padding: the number that stands where a text is over.
    """

    def __init__(self, borrowed: Borrowed, padding: int) -> None:
        super().__init__()
        # What is said of a piece depends on the others, so that a hidden one can be guessed from it.
        self.contextual = True
        self.net, self.features = architecture(borrowed.config)
        self.padding = padding

    def forward(self, ids: Tensor) -> Tensor:
        """Piece numbers (B, T) to pooled vectors (B, D); a text without pieces is all zeros."""
        present = (ids != self.padding).unsqueeze(-1)
        return (self.sequence(ids) * present).sum(1) / present.sum(1).clamp_min(1)

    def sequence(self, ids: Tensor) -> Tensor:
        """Piece numbers (B, T) to a vector for each piece (B, T, D)."""
        present = ids != self.padding
        # A row that is hidden as a whole would have nothing to look at.
        seen = present | ~present.any(1, keepdim=True)
        return self.net(input_ids=ids.long(), attention_mask=seen.long()).last_hidden_state


def architecture(config: str) -> tuple[nn.Module, int]:
    """An untrained net of the transformers library, and the size D of its vectors.

    Args:
        config: its configuration as JSON.

    Raises:
        UsageError: the library is not installed, or does not know the architecture.
        ValueError: the configuration is not one of a net that can be built.
    """
    with quiet_transformers() as transformers:
        plain: dict[str, Any] = json.loads(config)
        if any(value > _MOST_LAYERS for value in _counts_of_layers(plain)):
            raise ValueError("the configuration asks for more layers than a net has")
        kind = str(plain.get("model_type"))
        if kind not in transformers.CONFIG_MAPPING:
            raise UsageError(
                f"this version of transformers knows no architecture '{kind}'", received=transformers.__version__,
                next_step="Upgrade it, or take a checkpoint of another architecture.",
            )  # fmt: skip
        made = transformers.AutoModel.from_config(transformers.CONFIG_MAPPING[kind].from_dict(plain))
    return prepared(made), features_of(plain)


def prepared(net: nn.Module) -> nn.Module:
    """A net without the pooler that nobody asks, all of whose state is written with its weights."""
    pooler = getattr(net, "pooler", None)
    if isinstance(pooler, nn.Module) and any(True for _ in pooler.parameters()):
        net.pooler = None  # type: ignore[assignment]
    for module in net.modules():
        for name in list(module._non_persistent_buffers_set):
            # Built without memory, what is not written would never get its values.
            module.register_buffer(name, module.get_buffer(name), persistent=True)
    return net


def features_of(config: Mapping[str, Any]) -> int:
    """The size of the vectors that a net of this configuration gives.

    Example:
        >>> features_of({"hidden_sizes": [8, 16]}), features_of({"hidden_size": 32})
        (16, 32)
    """
    for key in ("hidden_size", "d_model", "dim"):
        if isinstance(config.get(key), int):
            return int(config[key])
    sizes = config.get("hidden_sizes")
    if isinstance(sizes, Sequence) and sizes:
        return int(sizes[-1])
    raise ValueError("the configuration does not say how large the net's vectors are")


@contextmanager
def quiet_transformers() -> Iterator[Any]:
    """The transformers library without its remarks and bars, for as long as it is used.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import transformers
        from transformers.utils import logging
    except ImportError as error:
        raise UsageError(
            "nets from elsewhere need the package 'transformers', which is not installed",
            next_step="Install it: pip install 'deepvouch[pretrained]'.",
        ) from error
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield transformers
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _counts_of_layers(config: Mapping[str, Any]) -> list[int]:
    """All numbers in a configuration that say how many layers there are."""
    found: list[int] = []
    for key, value in config.items():
        if "layers" in key or "depth" in key:
            numbers = value if isinstance(value, list) else [value]
            found += [number for number in numbers if isinstance(number, int)]
    return found
