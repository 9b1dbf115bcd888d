"""What the reference says of JSON is what a search gives, key by key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docs.test_audit_json import listed, paths, printed_by
from helpers import rows

# What stands for the keys of an attempt, and of a proof.
SHORT = {"best": "number", "default": "number", "proof": ""}


def test_every_key_of_a_search_is_listed(tmp_path: Path) -> None:
    rows(200).write_csv(tmp_path / "table.csv")
    told = printed_by(
        "tune", tmp_path / "table.csv", "--target", "y", "--out", tmp_path / "a.vouch", "--trials", 24,
        "--set", "epochs=3", "--set", "members=2",
    )  # fmt: skip
    assert told["importances"], "enough attempts were done to tell"
    found = set(paths(short(told))) | {"notes[]"}
    assert found == listed("vouch tune DATA --json")
    assert told["best"].keys() == told["default"].keys() == told["attempts"][0].keys()
    of_a_proof = {
        path.split(".")[1].removesuffix("[]") for path in listed("vouch fix MODEL CHALLENGE --json") - {"bundle"}
    }
    assert told["proof"].keys() == of_a_proof


def short(told: dict[str, Any]) -> dict[str, Any]:
    """The same without what is explained elsewhere on the page."""
    told = json.loads(json.dumps(told))
    for name, kept in SHORT.items():
        told[name] = {kept: told[name][kept]} if kept else 1
    for group in (told["importances"], *(one["settings"] for one in told["attempts"])):
        for key in list(group):
            group["NAME"] = group.pop(key)
    return told
