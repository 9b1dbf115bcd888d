"""The import contracts cover what is there; ``lint-imports`` then holds them."""

from __future__ import annotations

import ast
import tomllib

from house.source import PACKAGE, ROOT, sources


def test_all_three_kinds_of_contract_are_held() -> None:
    assert {"layers", "independence", "protected"} == {str(contract["type"]) for contract in contracts()}


def test_the_layers_must_name_every_part_of_the_house() -> None:
    layers = [contract for contract in contracts() if contract["type"] == "layers"]
    assert [contract["exhaustive"] for contract in layers] == [True]


def test_every_open_folder_has_independent_siblings() -> None:
    held = {module for one in contracts() if one["type"] == "independence" for module in strings(one["modules"])}
    missing = [folder for folder in open_folders() if f"vouch.{folder}.*" not in held]
    assert not missing, f"{missing}: a folder with an ALL tuple needs an independence contract in pyproject.toml."


def contracts() -> list[dict[str, object]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return settings["tool"]["importlinter"]["contracts"]


def strings(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def open_folders() -> list[str]:
    """Folders directly in the house whose ``__init__.py`` has an ``ALL`` tuple."""
    starts = [
        source for source in sources() if source.path.name == "__init__.py" and source.path.parent.parent == PACKAGE
    ]
    return [source.path.parent.name for source in starts if "ALL" in names_assigned(source.tree)]


def names_assigned(tree: ast.Module) -> set[str]:
    plain = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    typed = [node.target for node in tree.body if isinstance(node, ast.AnnAssign)]
    return {target.id for target in [*plain, *typed] if isinstance(target, ast.Name)}
