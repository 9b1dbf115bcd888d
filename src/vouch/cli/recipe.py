"""``vouch recipe``: what ``fit`` would do, with every default filled in."""

from __future__ import annotations

import json as jsonlib
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vouch.cli.common import Json, Many, Quiet, emit, names, pairs

if TYPE_CHECKING:
    from vouch.contracts.recipe import Recipe
    from vouch.contracts.schema import Schema


def recipe(
    data: Annotated[str, typer.Argument(help="File, glob or folder.")],
    target: Annotated[str | None, typer.Option(help="Column to predict; class folders need none.")] = None,
    task: Annotated[str | None, typer.Option(help="binary, multiclass, multilabel or regression.")] = None,
    test: Annotated[str | None, typer.Option(help="Data to seal for the final figures.")] = None,
    type_: Annotated[Many, typer.Option("--type", help="Kind of a column, COL=KIND.")] = [],  # noqa: B006
    drop: Annotated[Many, typer.Option(help="Columns to leave out, A,B.")] = [],  # noqa: B006
    columns: Annotated[str | None, typer.Option(help="Names for data without a header, A,B.")] = None,
    set_: Annotated[Many, typer.Option("--set", help="A recipe key, KEY=VALUE.")] = [],  # noqa: B006
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show schema and recipe that ``fit`` would use; the output is a file for ``fit --recipe``."""
    del quiet
    from vouch import api

    schema, chosen = api.recipe(
        data, target, task=task, test=test, types=pairs(type_, "--type"), drop=names(drop),
        columns=names([columns]) if columns else None, settings=pairs(set_, "--set"),
    )  # fmt: skip
    if json:
        columns_ = [{"name": c.name, "kind": c.kind, "role": c.role, "why": c.why} for c in schema.columns]
        emit({"task": schema.task, "target": schema.target.name, "columns": columns_, "recipe": asdict(chosen)})
    else:
        print(as_toml(schema, chosen))


def as_toml(schema: Schema, recipe: Recipe) -> str:
    """Schema as comments and recipe as keys, each with its meaning."""
    meanings = key_meanings(recipe)
    lines = [f"# {schema.task} of '{schema.target.name}' ({schema.task_why})"]
    lines += [f"# {c.name}: {c.kind}, {c.role} ({c.why})" for c in schema.columns]
    lines += [f"\n# {meanings[key]}\n{key} = {_toml(value)}" for key, value in asdict(recipe).items()]
    return "\n".join(lines)


def key_meanings(recipe: Recipe) -> dict[str, str]:
    """What each key means, as its docstring has it."""
    body = (type(recipe).__doc__ or "").split("Args:")[1].split("Example:")[0]
    return {key: " ".join(text.split()) for key, text in re.findall(r"^ {8}(\w+): (.*(?:\n {12}.*)*)", body, re.M)}


def _toml(value: Any) -> str:
    return jsonlib.dumps(list(value) if isinstance(value, tuple) else value)
