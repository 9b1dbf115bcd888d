"""What following a path to a picture throws, turned into one clear error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vouch.errors import MediaError


@contextmanager
def following_paths(where: str) -> Iterator[None]:
    """While cells are followed to files: links that go round in a circle and names that no file can have are refused.

    Args:
        where: the source and the column.

    Raises:
        MediaError: a cell cannot be followed.
    """
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        # A link that leads to itself is a RuntimeError or an OSError, by the version of Python; NUL is a ValueError.
        raise MediaError(
            "a path to a picture cannot be followed", where=where, expected="paths of plain files",
            received=str(error)[:200], next_step="Look at the paths and the links in that column.",
        ) from error  # fmt: skip
