"""The protocol of kinds of column whose nets may come from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from vouch.contracts.roles import Encoder


@runtime_checkable
class Borrowing(Protocol):
    """A modality that can read its columns for a checkpoint of the transformers library."""

    def borrow(self, folder: Path, config: Mapping[str, Any]) -> Encoder | None:
        """An encoder for a checkpoint; its column has no name yet.

        Args:
            folder: with the files of the checkpoint.
            config: its ``config.json``.

        Returns:
            None where the checkpoint is of another kind of input.
        """
        ...
