"""Where the shared data lies, when it does."""

from __future__ import annotations

from pathlib import Path

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


def shared(*names: str) -> list[Path]:
    """Files in the shared folders of those names; empty where there is no such folder."""
    folders = [SHARED / name for name in names]
    return sorted(path for folder in folders if folder.is_dir() for path in folder.iterdir() if path.is_file())
