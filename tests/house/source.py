"""The source of Vouch as syntax trees, for the tests that hold its shape."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "vouch"
Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One file of the package."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return self.path.relative_to(PACKAGE.parent).as_posix()

    def at(self, node: ast.AST) -> str:
        """Where a node is, as an editor understands it."""
        return f"src/{self.name}:{getattr(node, 'lineno', 1)}"


@cache
def sources() -> tuple[Source, ...]:
    """Every file of the package, in a stable order."""
    texts = ((path, path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py")))
    return tuple(Source(path, text, ast.parse(text)) for path, text in texts)


def functions(tree: ast.AST) -> Iterator[Function]:
    """Every function and method, the nested ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def docstring(node: ast.AST) -> ast.Expr | None:
    """The statement that is the docstring of a module, class or function."""
    if not isinstance(node, Documented) or not node.body:
        return None
    first = node.body[0]
    text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    return first if text and isinstance(first, ast.Expr) else None


def names_in(node: ast.AST) -> set[str]:
    """Every bare name and attribute that occurs in a node."""
    bare = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    return bare | {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}


def report(problems: list[str], why: str) -> str:
    """What a failing test says: each place on a line of its own, and the reason of the rule."""
    return "\n".join(["", *problems, "", why])
