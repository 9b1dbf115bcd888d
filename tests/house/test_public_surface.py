"""What users may rely on: a short list of names that cost nothing to import and explain themselves."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys

import pytest

import vouch

MOST_NAMES = 25
SLOW = ("scipy.stats", "scipy.optimize", "scipy.spatial", "scipy.fft", "sklearn", "torch._dynamo", "altair", "optuna")
HEAVY = ("torch", "polars", "pyarrow", "sklearn", "scipy", "numpy", "pandas", "PIL", "tokenizers")
SURFACE = [
    "Audit",
    "Bundle",
    "Challenge",
    "Column",
    "Estimate",
    "Explained",
    "Finding",
    "Proof",
    "Recipe",
    "Schema",
    "VouchClassifier",
    "VouchError",
    "VouchRegressor",
    "audit",
    "explain",
    "fit",
    "fix",
    "label",
    "load",
    "predict",
    "pretrain",
    "recipe",
    "tune",
]


def test_the_public_names_are_those_that_were_agreed() -> None:
    assert sorted(vouch.__all__) == SURFACE, (
        "A public name came or went. A new one is a promise, a lost one breaks somebody: note it in CHANGELOG.md."
    )


def test_there_are_at_most_25_public_names() -> None:
    assert len(vouch.__all__) <= MOST_NAMES, (
        "The surface is what a newcomer must learn; find the name that is not needed."
    )


def test_dir_shows_the_public_names() -> None:
    assert sorted(dir(vouch)) == sorted(vouch.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = vouch.nonsense


@pytest.mark.parametrize("name", vouch.__all__)
def test_a_public_name_can_be_imported(name: str) -> None:
    assert getattr(importlib.import_module("vouch"), name) is not None


@pytest.mark.parametrize("name", vouch.__all__)
def test_a_public_name_has_a_docstring_with_an_example(name: str) -> None:
    text = getattr(vouch, name).__doc__ or ""
    assert ">>>" in text, f"vouch.{name}: a public docstring ends with a small example that runs."


@pytest.mark.parametrize("arguments", [["-c", "import vouch"], ["-m", "vouch", "--help"]], ids=["import", "help"])
def test_nothing_heavy_is_imported_before_it_is_needed(arguments: list[str]) -> None:
    loaded = modules_after(arguments)
    assert "vouch" in loaded
    early = [name for name in HEAVY if name in loaded]
    assert not early, f"{early} imported too early: import them inside the function that needs them."


def test_the_verbs_import_what_few_of_them_need_only_then() -> None:
    loaded = modules_after(["-c", "import vouch.api, vouch.cli"])
    assert "torch" in loaded
    early = [name for name in SLOW if name in loaded]
    assert not early, f"{early} imported with the verbs: import them inside the function that needs them."


def modules_after(arguments: list[str]) -> list[str]:
    """The modules that a fresh interpreter has loaded when it ends."""
    tell = "import atexit, json, sys; atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))"
    if arguments[0] == "-c":
        script = f"{tell}; {arguments[1]}"
    else:
        script = f"{tell}; import runpy; sys.argv = {arguments[1:]}; runpy.run_module('vouch', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stderr.splitlines()[-1])
