"""The folder beside a bundle in which a long audit keeps what it has paid for, so that an interrupted one goes on."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from vouch.errors import OutputError
from vouch.store.place import unwritable

_LARGEST_JSON = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Kept:
    """``NAME.vouch.audit``: predictions of networks that were trained for an audit, and findings that are done.

    Args:
        folder: where it is; none keeps nothing.
    """

    folder: Path | None

    @classmethod
    def beside(cls, bundle: Path | None) -> Kept:
        """The folder that belongs to a bundle."""
        return cls(None if bundle is None else bundle.with_name(bundle.name + ".audit"))

    @property
    def begun(self) -> bool:
        """Whether there is anything to go on from."""
        return self.folder is not None and self.folder.is_dir() and any(self.folder.iterdir())

    def array(self, key: str) -> npt.NDArray[np.float64] | None:
        """What was kept under a key; none when there is nothing, or nothing that can be read."""
        file = self._file(key, "safetensors")
        if file is None or not file.is_file():
            return None
        try:
            return load_file(file)["array"].astype(np.float64)
        except (OSError, SafetensorError, KeyError, ValueError):
            # A file that was cut short is worth no more than none: it is made again.
            return None

    def keep_array(self, key: str, array: npt.NDArray[np.float64]) -> None:
        """Keep an array under a key.

        Raises:
            OutputError: the place cannot be written.
        """
        self._write(key, "safetensors", lambda place: save_file({"array": np.ascontiguousarray(array)}, place))

    def value(self, key: str) -> Any:
        """Plain data that was kept under a key; none when there is nothing, or nothing that can be read."""
        file = self._file(key, "json")
        if file is None or not file.is_file() or file.stat().st_size > _LARGEST_JSON:
            return None
        try:
            return json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            # As above.
            return None

    def keep_value(self, key: str, value: Any) -> None:
        """Keep plain data under a key.

        Raises:
            OutputError: the place cannot be written.
        """
        self._write(key, "json", lambda place: place.write_text(json.dumps(value, allow_nan=False), encoding="utf-8"))

    def end(self) -> None:
        """Remove everything: the audit is done."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, key: str, ending: str) -> Path | None:
        name = f"{hashlib.sha256(key.encode()).hexdigest()[:40]}.{ending}"
        return None if self.folder is None else self.folder / name

    def _write(self, key: str, ending: str, write: Any) -> None:
        file = self._file(key, ending)
        if file is None or self.folder is None:
            return
        fresh = file.with_suffix(".new")
        try:
            if self.folder.is_symlink() or (self.folder.exists() and not self.folder.is_dir()):
                raise OutputError(
                    "something else is in the place for the audit's own files", where=str(self.folder),
                    expected="what an earlier audit left, or nothing", next_step="Move it away.",
                )  # fmt: skip
            self.folder.mkdir(parents=True, exist_ok=True)
            write(fresh)
            fresh.replace(file)
        except (OSError, SafetensorError) as error:
            fresh.unlink(missing_ok=True)
            raise unwritable(self.folder, error) from error
