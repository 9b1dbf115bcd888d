"""The reference says everything that exists, and shows the two commands that matter."""

from __future__ import annotations

import re

import pytest

from house.source import ROOT
from vouch import errors
from vouch.contracts.recipe import Recipe

REFERENCE = ROOT / "docs" / "reference"
ERRORS = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.VouchError)]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_error_has_a_section_of_its_own(error: type[errors.VouchError]) -> None:
    title = f"## {error.__name__} {{ #{error.code.lower()} }}"
    assert title in text_of("errors.md"), f"docs/reference/errors.md needs a section that starts with '{title}'."


def test_no_two_errors_share_a_code() -> None:
    codes = [error.code for error in ERRORS]
    assert len(codes) == len(set(codes))


def test_no_section_explains_an_error_that_does_not_exist() -> None:
    told = re.findall(r"^## (\w+) \{ #v\d{3} \}$", text_of("errors.md"), re.MULTILINE)
    assert set(told) == {error.__name__ for error in ERRORS}


def test_the_help_page_of_an_error_is_in_the_documentation() -> None:
    page, anchor = errors.DataError("wrong").help_page.split("#")
    assert f"{{ #{anchor} }}" in (ROOT / page).read_text(encoding="utf-8")


def test_every_recipe_key_is_explained_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| `([^`]*)` \|", text_of("recipe.md"), re.MULTILINE))
    assert rows == {key: shown(value) for key, value in Recipe().plain().items()}


def test_the_readme_shows_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in text
    assert "make test" in text


def shown(default: object) -> str:
    """A default as TOML has it."""
    if isinstance(default, bool):
        return str(default).lower()
    return f'"{default}"' if isinstance(default, str) else "[]" if default == () else str(default)


def text_of(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")
