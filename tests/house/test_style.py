"""Habits that no linter here holds: nothing that runs a stranger's code, nothing swallowed, nothing left undone."""

from __future__ import annotations

import ast
import io
import re
import shutil
import subprocess
import tokenize
from pathlib import Path

from house.source import ROOT, Function, Source, docstring, functions, names_in, report, sources

RUNS_CODE = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"}
BROAD = {"Exception", "BaseException"}
UNDONE = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
MACHINE_PATH = re.compile(r"(?<![\w.:/-])/(?:work|root|home|Users|opt/py\w+)/\w")
READABLE = {
    ".py",
    ".md",
    ".toml",
    ".yml",
    ".yaml",
    ".txt",
    ".cfg",
    ".json",
    ".sh",
    ".html",
    ".jinja",
    ".j2",
    ".css",
    "",
}


def test_no_format_that_runs_code_is_read_or_written() -> None:
    found = [f"{s.at(node)} {ast.unparse(node)}" for s in sources() for node in ast.walk(s.tree) if runs_code(node)]
    assert not found, report(found, "Loading a stranger's file must run no code: JSON, Parquet and safetensors do not.")


def test_no_exception_is_swallowed() -> None:
    found = [
        f"{s.at(node)} {ast.unparse(node).splitlines()[0]}"
        for s in sources()
        for node in ast.walk(s.tree)
        if isinstance(node, ast.ExceptHandler) and swallows(node)
    ]
    assert not found, report(
        found, "An error is handled, re-raised or told. To pass over a known one, write contextlib.suppress(ThatError)."
    )


def test_nothing_is_left_undone() -> None:
    raised = [
        f"{s.at(f)} {f.name}" for s in sources() for f in functions(s.tree) if "NotImplementedError" in names_in(f)
    ]
    noted = [f"src/{s.name}:{line} {text}" for s in sources() for line, text in comments(s) if UNDONE.search(text)]
    assert not raised + noted, report(
        raised + noted, "What is not done is an entry in the tracker, not a mark in the code."
    )


def test_every_public_thing_has_a_docstring() -> None:
    bare = [f"{s.at(node)} {name}" for s in sources() for name, node in public_things(s) if docstring(node) is None]
    assert not bare, report(bare, "A docstring says in one sentence what the reader gets.")


def test_every_function_is_fully_typed() -> None:
    found = [
        f"{s.at(f)} {f.name}: {', '.join(gaps)}" for s in sources() for f in functions(s.tree) if (gaps := untyped(f))
    ]
    assert not found, report(found, "Every argument and every result has a type; the package ships py.typed.")


def test_no_file_of_the_project_names_a_place_on_one_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number} {line.strip()[:100]}"
        for path in project_files()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert not found, report(found, "The project must work in any folder of any machine: write paths relative to it.")


def runs_code(node: ast.AST) -> bool:
    """Imports of pickling modules, ``eval`` and ``exec``, and loaders told to unpickle."""
    if isinstance(node, ast.Import):
        return any(alias.name.split(".")[0] in RUNS_CODE for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").split(".")[0] in RUNS_CODE and node.level == 0
    if not isinstance(node, ast.Call):
        return False
    said = {word.arg: word.value for word in node.keywords}
    if isinstance(node.func, ast.Name):
        return node.func.id in {"eval", "exec"}
    unpickles = is_true(said.get("allow_pickle"))
    return unpickles or (ast.unparse(node.func) == "torch.load" and not is_true(said.get("weights_only")))


def is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def swallows(handler: ast.ExceptHandler) -> bool:
    """A handler that does nothing, or that catches everything and neither raises nor looks at what it caught."""
    idle = all(isinstance(one, ast.Pass | ast.Continue) or is_ellipsis(one) for one in handler.body)
    broad = handler.type is None or bool(names_in(handler.type) & BROAD)
    body = ast.Module(handler.body, [])
    told = any(isinstance(one, ast.Raise) for one in ast.walk(body)) or (handler.name or "") in names_in(body)
    return idle or handler.type is None or (broad and not told)


def is_ellipsis(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is ...


def comments(source: Source) -> list[tuple[int, str]]:
    """Line and text of every comment."""
    tokens = tokenize.generate_tokens(io.StringIO(source.text).readline)
    return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]


def public_things(source: Source) -> list[tuple[str, ast.AST]]:
    """The module, its public functions and classes, and the public methods of those."""
    found: list[tuple[str, ast.AST]] = [(source.name, source.tree)]
    for node in source.tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            found.append((node.name, node))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            inner = [one for one in node.body if isinstance(one, Function) and not one.name.startswith("_")]
            found += [(f"{node.name}.{one.name}", one) for one in inner if not is_forward(one)]
    return found


def is_forward(function: Function) -> bool:
    """What ``forward`` does is what its class says; torch names and documents the method."""
    return function.name == "forward"


def untyped(function: Function) -> list[str]:
    """Arguments without a type, and "result" when that has none."""
    a = function.args
    every = [*a.posonlyargs, *a.args, *a.kwonlyargs, *(one for one in (a.vararg, a.kwarg) if one)]
    missing = [one.arg for one in every if one.annotation is None and one.arg not in {"self", "cls"}]
    return missing + (["result"] if function.returns is None else [])


def project_files() -> list[Path]:
    """Text files that git would commit; without git, the folders that ship."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
        paths = [ROOT / name for name in names]
    else:
        paths = [path for folder in ("src", "tests", "docs", "benchmarks") for path in (ROOT / folder).rglob("*")]
    return [path for path in paths if path.is_file() and path.suffix in READABLE]
