"""The fenced blocks of a documentation page."""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
# The most trainings that a fix of the pages takes, where a network is quick.
FEW_TRAININGS = "vouch.api.affording._MOST_TRAININGS", 10.0
_BLOCK = re.compile(r'^ *```(\w+)(?: title="([^"]+)")?\n(.*?)^ *```$', re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, the file it is said to be, and its text."""

    language: str
    title: str
    text: str


def blocks(page: str, *languages: str) -> list[Block]:
    """The blocks of a page in these languages, in order."""
    found = [Block(*parts) for parts in _BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))]
    return [block for block in found if block.language in languages]


def run_as_module(text: str, file: Path, name: str | None = None) -> ModuleType:
    """Python text as an imported module, under the name of its file or another, so that others can import it."""
    file.write_text(text, encoding="utf-8")
    return as_module(file, name)


def as_module(file: Path, name: str | None = None) -> ModuleType:
    """A file as an imported module, wherever it lies."""
    spec = importlib.util.spec_from_file_location(name or file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module
