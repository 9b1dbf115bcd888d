"""The challenge that a page brings from outside the package: tried, audited with, treated with, and in the report."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from docs.pages import blocks, run_as_module
from vouch import store

PAGE = "docs/how-to/add-a-challenge.md"
FILES = {block.title: block.text for block in blocks(PAGE, "python")}


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The package of the page, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "truncation").mkdir()
    for title, text in FILES.items():
        Path(title).write_text(text, encoding="utf-8")
    for name in [name for name in sys.modules if name.partition(".")[0] == "truncation"]:
        monkeypatch.delitem(sys.modules, name)
    return importlib.import_module("truncation")


def test_the_tests_on_the_page_pass(outside: ModuleType) -> None:
    assert outside.CHALLENGE.name == "truncation"
    module = run_as_module(FILES["test_truncation.py"], Path("test_truncation.py"), "page_test_truncation")
    tests = [thing for name, thing in vars(module).items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        test()


def test_the_challenge_is_in_the_report_with_its_proof(outside: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    used = run_as_module(FILES["letters.py"], Path("letters.py"), "page_letters")
    shown = blocks(PAGE, "text")[0].text.splitlines()
    printed = [line for line in capsys.readouterr().out.splitlines() if line]
    assert [skeleton(line) for line in printed] == [skeleton(line) for line in shown]
    assert used.proof.verdict == "better"
    for place in ("letters.vouch", "letters-truncation.vouch"):
        report = Path(place, "report.html").read_text(encoding="utf-8")
        assert "Read further" in report
    report = Path("letters.vouch", "report.html").read_text(encoding="utf-8")
    assert "Truncation" in report
    assert used.audit.findings[-1].headline.replace("'", "&#39;") in report
    audit = json.loads(Path("letters.vouch", "audit.json").read_text(encoding="utf-8"))["audit"]
    assert [one["challenge"] for one in audit["findings"]][-1] == outside.CHALLENGE.name
    assert [one["remedy"] for one in audit["proofs"]] == ["read_further"]
    assert store.load(Path("letters-truncation.vouch")).recipe.max_tokens == 48


def skeleton(line: str) -> str:
    """What a line says before its first figure from the network."""
    return line.partition(":")[0]
