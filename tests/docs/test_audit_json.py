"""What the reference says of JSON is what audits and fixes give, key by key."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import vouch
from docs.pages import FEW_TRAININGS, ROOT, as_module
from helpers import rows
from vouch.cli import main
from vouch.contracts.proof import Audit

STORED = as_module(ROOT / "docs" / "from_code.py").STORED
NAMED = ("before", "after", "differences", "price")
VARYING = ("spec",)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that was audited and treated, with few validation rows and rows that are suspect."""
    folder = tmp_path_factory.mktemp("audited")
    frame = rows(600)
    frame = frame.vstack(frame[:60])
    frame.write_csv(folder / "table.csv")
    vouch.fit(folder / "table.csv", "y", out=folder / "table.vouch", settings={"epochs": 4, "members": 2, "width": 16})
    return folder / "table.vouch"


@pytest.fixture(scope="module")
def proofs(place: Path) -> list[dict[str, Any]]:
    """What ``fix`` prints of a remedy that was taken, and of one that was not tried against doing nothing."""
    return [printed_by("fix", place, name) for name in ("calibration", "overfitting")]


@pytest.fixture(scope="module")
def audit(place: Path, proofs: list[dict[str, Any]]) -> dict[str, Any]:
    """What ``audit`` prints of the bundle, after the proofs."""
    assert proofs
    return printed_by("audit", place)


def test_every_key_of_an_audit_is_listed(audit: dict[str, Any]) -> None:
    assert set(paths(audit)) == listed("vouch audit MODEL --json")


def test_every_key_of_a_proof_is_listed(proofs: list[dict[str, Any]]) -> None:
    found = {path for proof in proofs for path in paths(proof)}
    assert found | {"proof.notes[]"} == listed("vouch fix MODEL CHALLENGE --json")


def test_every_field_of_the_stored_audit_is_listed(audit: dict[str, Any], place: Path) -> None:
    assert audit["bundle"] == str(place)
    stored = json.loads((place / "audit.json").read_text(encoding="utf-8"))
    assert stored.keys() == {"format", "audit"}
    assert f"`format`, which is {stored['format']}" in page()
    fields = {one.__name__: {field.name for field in dataclasses.fields(one)} for one in STORED}
    told = {name: listed(name, "###") for name in fields}
    assert told == fields
    found = {frozenset(one) for one in objects(stored["audit"])}
    assert found <= {frozenset(names) for names in fields.values()}
    assert frozenset(fields[Audit.__name__]) in found


def page() -> str:
    return (ROOT / "docs" / "reference" / "audit-json.md").read_text(encoding="utf-8")


def listed(title: str, level: str = "##") -> set[str]:
    """The keys in the table of a section."""
    title = f"`{title}`" if level == "##" else title
    section = re.split(r"^#", page().partition(f"\n{level} {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    return set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))


def printed_by(*arguments: object) -> dict[str, Any]:
    """What the command prints with ``--json``."""
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr(*FEW_TRAININGS)
        patch.setattr("builtins.print", lambda *text, **to: said.append(str(text[0])) if "file" not in to else None)
        assert main([*map(str, arguments), "--json", "--quiet"]) == 0
    assert len(said) == 1
    return json.loads(said[0])


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Where the ends of a nested value stand."""
    if isinstance(value, dict) and value:
        named = path.rpartition(".")[2] in NAMED
        for key, one in value.items():
            yield from paths(one, f"{path}.{'NAME' if named else key}".removeprefix("."))
    elif isinstance(value, list):
        for one in value:
            yield from paths(one, f"{path}[]")
    elif value != {}:
        yield path


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a nested value, but what a drawing holds."""
    if isinstance(value, dict):
        yield value
        for key, one in value.items():
            if key not in VARYING:
                yield from objects(one)
    elif isinstance(value, list):
        for one in value:
            yield from objects(one)
