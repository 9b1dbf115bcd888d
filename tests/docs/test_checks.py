"""What the pages say of every check is what the code says: question, levels and promise."""

from __future__ import annotations

import re
import tomllib

import pytest

from docs.pages import ROOT, as_module, blocks
from vouch.api.auditing import read_levels
from vouch.challenges import ALL

CODE = as_module(ROOT / "docs" / "from_code.py")
LEVELS = tomllib.loads(blocks("docs/how-to/audit-and-fix.md", "toml")[0].text)
CHECKS = [(challenge, check) for challenge in ALL for check in CODE.checks_of(challenge)]


@pytest.mark.parametrize("page", CODE.PAGES)
def test_what_is_written_from_the_code_is_up_to_date(page: str) -> None:
    now = (CODE.HERE / page).read_text(encoding="utf-8")
    assert now == CODE.up_to_date(page), "run: python docs/from_code.py"


@pytest.mark.parametrize(("challenge", "check"), CHECKS, ids=lambda one: getattr(one, "__name__", ""))
def test_a_check_is_listed_with_a_question_a_level_and_a_promise(challenge, check) -> None:
    text = (CODE.HERE / "reference" / "checks.md").read_text(encoding="utf-8")
    section = text.partition(f"\n## {challenge.name}\n")[2].partition("\n## ")[0]
    rows = re.findall(rf"^\| `{check.__name__}` \| (.+) \| (.+) \| (.+) \| (.+) \| (.+) \|$", section, re.MULTILINE)
    assert len(rows) == 1
    question, names, warns, fails, promise = rows[0]
    assert question
    assert promise != "–", "its docstring says at which strength a failing is found: 'Promises to find ...'"
    for one in CODE.thresholds(check).values():
        assert f"`{one.name}`" in names
        assert f"{one.warn:g}" in warns
        assert f"{one.fail:g}" in fails


def test_the_levels_that_are_shown_are_all_there_are_and_can_be_read() -> None:
    assert read_levels(LEVELS, ALL) == LEVELS
    assert {(name, check) for name, checks in LEVELS.items() for check in checks} == {
        (challenge.name, check.__name__) for challenge, check in CHECKS
    }
    assert all(levels.keys() == {"warn", "fail"} for checks in LEVELS.values() for levels in checks.values())
