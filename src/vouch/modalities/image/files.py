"""Picture files named in a column: where they are, and the size that suits them all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vouch.errors import MediaError
from vouch.modalities.image.decode import Probe, probe

_LARGEST_KEPT = 96
_PHOTO = 64
_GREY = ("1", "L", "I", "F", "I;16", "I;16B", "I;16L", "I;16N")


def locate(cells: Sequence[str | None], root: Path) -> list[Path | None]:
    """The file of each cell.

    Args:
        cells: paths relative to the root, or absolute ones inside it; None where missing.
        root: the folder of the data.

    Returns:
        One path for each cell, links followed.

    Raises:
        MediaError: a path leads out of the root.
    """
    base = root.resolve()
    found: list[Path | None] = []
    for cell in cells:
        if cell is None:
            found.append(None)
            continue
        path = _followed(base, cell)
        if not path.is_relative_to(base):
            raise MediaError(
                "a path leads out of the data's folder", where=repr(cell)[:80], expected=f"a path inside {base}",
                next_step="Put the pictures beside the table, and name them from there.",
            )  # fmt: skip
        found.append(path)
    return found


def _followed(base: Path, cell: str) -> Path:
    """The path with all links followed."""
    try:
        return (base / cell).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        # A link that leads to itself is a RuntimeError or an OSError, by the version of Python; NUL is a ValueError.
        raise MediaError(
            "a path to a picture cannot be followed", where=repr(cell)[:80], expected="a path of a plain file",
            next_step="Look at the paths and the links in that column.",
        ) from error  # fmt: skip


def working_size(cells: Sequence[str], root: Path) -> tuple[int, int, int]:
    """Height, width and colour planes that suit pictures, judged by the headers of some.

    Small pictures of one size keep it; others are brought to a square of 64 pixels, or of their own size when they
    are smaller.

    Args:
        cells: paths of a sample of the pictures.
        root: the folder of the data.

    Returns:
        Height, width, and 1 for grey or 3 for colour.
    """
    found = [told for path in locate(cells, root) if path is not None and isinstance(told := probe(path), Probe)]
    if not found:
        return _PHOTO, _PHOTO, 3
    channels = 1 if all(told.mode in _GREY for told in found) else 3
    sizes = {(told.height, told.width) for told in found}
    if len(sizes) == 1 and max(next(iter(sizes))) <= _LARGEST_KEPT:
        return (*next(iter(sizes)), channels)
    side = int(min(_PHOTO, np.median([min(told.height, told.width) for told in found])))
    return side, side, channels
