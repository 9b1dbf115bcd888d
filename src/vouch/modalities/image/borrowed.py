"""How a checkpoint from elsewhere wants its pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vouch.errors import UsageError
from vouch.nets.borrowed import Borrowed

_MEAN = _STD = (0.5, 0.5, 0.5)
_USUAL_SIDE = 224


def read_processor(folder: Path, config: Mapping[str, Any]) -> Borrowed | None:
    """Size and scale of the pictures that a checkpoint sees; none where it sees none.

    Args:
        folder: with ``preprocessor_config.json``, if there is one.
        config: the checkpoint's own.

    Raises:
        UsageError: the file cannot be read.
    """
    file = folder / "preprocessor_config.json"
    if not file.is_file() and not ({"image_size", "num_channels"} & config.keys()):
        return None
    try:
        told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        height, width = _size(told.get("crop_size") if told.get("do_center_crop") else told.get("size"), config)
        mean, std = (tuple(map(float, told.get(key) or usual)) for key, usual in _SCALE.items())
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise UsageError(
            "the preprocessor of the checkpoint cannot be read", where=str(file), received=str(error)[:160]
        ) from error
    planes = int(config.get("num_channels") or len(mean))
    if not told.get("do_normalize", True):
        mean, std = (0.0,) * planes, (1.0,) * planes
    return Borrowed(json.dumps(dict(config), sort_keys=True), height, width, mean[:planes], std[:planes])


_SCALE = {"image_mean": _MEAN, "image_std": _STD}


def _size(told: Any, config: Mapping[str, Any]) -> tuple[int, int]:
    """Height and width, from the ways in which they are written."""
    if isinstance(told, Mapping):
        sides = [told.get(name) or told["shortest_edge"] for name in ("height", "width")]
        return int(sides[0]), int(sides[1])
    side = told or config.get("image_size") or _USUAL_SIDE
    height, width = side if isinstance(side, list | tuple) else (side, side)
    return int(height), int(width)
