"""The house numbers: small files, short functions, few arguments, flat inheritance, few hops to the forward pass."""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from house.source import PACKAGE, Function, Source, docstring, functions, report, sources

MOST_LINES, MEDIAN_LINES = 400, 150
LONGEST_BODY, SHORT_BODY, SHORT_SHARE = 60, 25, 0.9
MOST_ARGUMENTS = 6
MOST_CALLS = 4


def test_no_file_is_longer_than_400_lines() -> None:
    long = [f"src/{s.name}: {lines(s)} lines" for s in sources() if lines(s) > MOST_LINES]
    assert not long, report(
        long, f"A file is one concept and reads top to bottom: at most {MOST_LINES} lines. Split it by concept."
    )


def test_the_median_file_has_at_most_150_lines(record_property: Callable[[str, object], None]) -> None:
    counts = sorted(((lines(s), s.name) for s in sources()), reverse=True)
    median = statistics.median(count for count, _ in counts)
    record_property("median_lines_of_a_file", median)
    longest = [f"src/{name}: {count} lines" for count, name in counts[:10]]
    assert median <= MEDIAN_LINES, report(
        longest, f"The median file has {median} lines; the house number is {MEDIAN_LINES}."
    )


def test_no_function_body_is_longer_than_60_lines() -> None:
    long = [f"{s.at(f)} {f.name}: {body_lines(f)} lines" for s, f in every_function() if body_lines(f) > LONGEST_BODY]
    assert not long, report(long, f"A body has at most {LONGEST_BODY} lines without its docstring. Name the parts.")


def test_nine_in_ten_function_bodies_are_shorter_than_25_lines(record_property: Callable[[str, object], None]) -> None:
    bodies = sorted(((body_lines(f), s.at(f), f.name) for s, f in every_function()), reverse=True)
    share = sum(count < SHORT_BODY for count, _, _ in bodies) / len(bodies)
    record_property("share_of_short_functions", share)
    longest = [f"{place} {name}: {count} lines" for count, place, name in bodies if count >= SHORT_BODY]
    assert share >= SHORT_SHARE, report(
        longest, f"{share:.1%} of the bodies are shorter than {SHORT_BODY} lines; nine in ten should be."
    )


def test_no_function_takes_more_than_6_arguments() -> None:
    many = [
        f"{s.at(f)} {f.name}: {len(arguments(f))} arguments"
        for s, f in every_function()
        if len(arguments(f)) > MOST_ARGUMENTS and not is_verb_of_the_command_line(s, f)
    ]
    assert not many, report(many, f"More than {MOST_ARGUMENTS} arguments belong together in a frozen dataclass.")


def test_own_inheritance_is_one_level_deep() -> None:
    parents = {c.name: base_names(c) for s in sources() for c in classes(s)}
    deep = [
        f"{s.at(c)} {c.name} < {base} < {', '.join(above)}"
        for s in sources()
        if s.path != PACKAGE / "errors.py"  # a tree of errors is there to be caught at any height
        for c in classes(s)
        for base in base_names(c)
        if (above := sorted(base_names_known(base, parents)))
    ]
    assert not deep, report(deep, "Reading a class must not need more than one other class of ours. Compose instead.")


def test_from_a_verb_to_the_forward_pass_are_at_most_4_calls() -> None:
    from vouch import api

    paths: set[tuple[str, ...]] = set()
    hook = register_module_forward_pre_hook(lambda *_: paths.add(calls_between(sys._getframe(1), "fit")))
    rows = {"size": [float(i) for i in range(60)], "large": ["no"] * 30 + ["yes"] * 30}
    try:
        bundle = api.fit(rows, "large", settings={"epochs": 1})
    finally:
        hook.remove()
    whole = {path for path in paths if path}
    assert isinstance(bundle.network, nn.Module)
    assert whole, "no forward pass was seen under fit"
    far = [" > ".join((*path, "forward")) for path in sorted(whole) if len(path) > MOST_CALLS]
    assert not far, report(far, f"A reader follows at most {MOST_CALLS} calls from a verb to the network.")


def calls_between(frame: FrameType | None, verb: str) -> tuple[str, ...]:
    """Our functions from the verb down to the outermost module; empty when this module is inside another.

    Comprehensions and lambdas are no hop for the reader, so they are not counted.
    """
    found: list[str] = []
    while frame is not None and frame.f_code.co_name != verb:
        code = frame.f_code
        ours = Path(code.co_filename).is_relative_to(PACKAGE)
        if ours and code.co_name == "forward":
            return ()
        if ours and not code.co_name.startswith("<"):
            found.append(code.co_name)
        frame = frame.f_back
    return (verb, *reversed(found)) if frame is not None else ()


def every_function() -> list[tuple[Source, Function]]:
    return [(source, function) for source in sources() for function in functions(source.tree)]


def classes(source: Source) -> list[ast.ClassDef]:
    return [node for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef)]


def lines(source: Source) -> int:
    return len(source.text.splitlines())


def body_lines(function: Function) -> int:
    """Lines of the body, from its first statement after the docstring to its last."""
    body = function.body[1:] if docstring(function) else function.body
    return (function.end_lineno or function.lineno) - body[0].lineno + 1 if body else 0


def arguments(function: Function) -> list[str]:
    """Names of all arguments, keyword-only ones too, without the instance or the class."""
    a = function.args
    stars = [one for one in (a.vararg, a.kwarg) if one is not None]
    return [one.arg for one in (*a.posonlyargs, *a.args, *a.kwonlyargs, *stars) if one.arg not in {"self", "cls"}]


def is_verb_of_the_command_line(source: Source, function: Function) -> bool:
    """The parameters of a verb are the options that the command line promises; click passes one for each."""
    return source.path.parent == PACKAGE / "cli" and function.name == source.path.stem


def base_names(node: ast.ClassDef) -> set[str]:
    """Names of the bases, without their type arguments."""
    plain = [base.value if isinstance(base, ast.Subscript) else base for base in node.bases]
    return {
        base.attr if isinstance(base, ast.Attribute) else base.id
        for base in plain
        if isinstance(base, ast.Attribute | ast.Name)
    }


def base_names_known(name: str, parents: dict[str, set[str]]) -> set[str]:
    """The bases of a class of ours that are ours as well."""
    return {base for base in parents.get(name, set()) if base in parents and base != name}
