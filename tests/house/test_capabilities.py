"""Parts that work on every kind of column ask what its values are like; none names a kind."""

from __future__ import annotations

import ast
from functools import cache

import pytest

from house.source import PACKAGE, Source, docstring, report, sources

BLIND = ("challenges", "attacks", "explainers", "training", "objectives", "auditing", "statistics")
WHY = (
    "Ask a modality for its capabilities (continuous, discrete, spatial, ordered, bounded): "
    "then a kind of column that is added tomorrow works here too."
)


def test_the_kinds_of_column_are_known_to_this_test() -> None:
    assert {"number", "category"} <= kinds()


@pytest.mark.parametrize("folder", BLIND)
def test_no_modality_is_named(folder: str) -> None:
    inside = [source for source in sources() if source.path.is_relative_to(PACKAGE / folder)]
    named = [problem for source in inside for problem in [*imports_of_modalities(source), *kinds_named(source)]]
    assert not named, report(named, WHY)


@cache
def kinds() -> set[str]:
    """The ``kind`` of every class in the folder of modalities."""
    inside = [source for source in sources() if source.path.is_relative_to(PACKAGE / "modalities")]
    bodies = [
        statement
        for s in inside
        for node in ast.walk(s.tree)
        if isinstance(node, ast.ClassDef)
        for statement in node.body
    ]
    return {
        str(one.value.value)
        for one in bodies
        if isinstance(one, ast.AnnAssign | ast.Assign)
        and isinstance(one.value, ast.Constant)
        and assigned(one) == "kind"
    }


def assigned(statement: ast.AnnAssign | ast.Assign) -> str:
    """The plain name that a statement assigns to, if it does."""
    place = statement.target if isinstance(statement, ast.AnnAssign) else statement.targets[0]
    return place.id if isinstance(place, ast.Name) else ""


def imports_of_modalities(source: Source) -> list[str]:
    """Imports of the folder of modalities, wherever they stand."""
    found = [node for node in ast.walk(source.tree) if isinstance(node, ast.ImportFrom | ast.Import)]
    names = [
        (node, [node.module or "" if isinstance(node, ast.ImportFrom) else "", *(a.name for a in node.names)])
        for node in found
    ]
    return [f"{source.at(node)} imports modalities" for node, said in names if any("modalities" in one for one in said)]


def kinds_named(source: Source) -> list[str]:
    """String constants, but for docstrings, that are the name of a kind."""
    prose = {id(text.value) for node in ast.walk(source.tree) if (text := docstring(node))}
    constants = [node for node in ast.walk(source.tree) if isinstance(node, ast.Constant) and id(node) not in prose]
    return [f"{source.at(node)} names '{node.value}'" for node in constants if node.value in kinds()]
