"""``vouch recipe``: what ``fit`` would do, with every default filled in."""

from __future__ import annotations

import json as jsonlib
import re
from typing import TYPE_CHECKING, Any

import click

from vouch.cli.common import about_data, about_start, emit, every_verb, fit_options
from vouch.errors import one_line

if TYPE_CHECKING:
    from vouch.contracts.recipe import Recipe
    from vouch.contracts.schema import Schema


@click.command()
@click.argument("data")
@about_data
@about_start
@every_verb
def recipe(data: str, target: str | None, as_json: bool, quiet: bool, **asked: Any) -> None:
    """Show what ``fit`` would do with DATA; the output is a file for ``fit --recipe``."""
    del quiet
    from vouch import api

    schema, chosen = api.recipe(data, target, start=asked["start"], backbone=asked["backbone"], **fit_options(asked))
    if as_json:
        columns = [{"name": c.name, "kind": c.kind, "role": c.role, "why": c.why} for c in schema.columns]
        about = {"task": schema.task, "target": schema.target.name, "columns": columns}
        emit({**about, "recipe": chosen.plain(), "choices": choices()})
    else:
        print(as_toml(schema, chosen))


def as_toml(schema: Schema, recipe: Recipe) -> str:
    """Schema as comments and recipe as keys, each with its meaning."""
    meanings = key_meanings(recipe)
    told = [f"{schema.task} of '{schema.target.name}' ({schema.task_why})"]
    told += [f"{c.name}: {c.kind}, {c.role} ({c.why})" for c in schema.columns]
    # A column's name may hold a line break, which would end the comment.
    lines = ["# " + one_line(line) for line in told]
    offered = {key: [f"#   {name}: {when}" for name, when in some.items()] for key, some in choices().items()}
    for key, value in recipe.plain().items():
        lines += [f"\n# {meanings[key]}", *offered.get(key, []), f"{key} = {_toml(value)}"]
    return "\n".join(lines)


def choices() -> dict[str, dict[str, str]]:
    """For each key whose value is one of several objects, their names and when to use which."""
    from vouch.contracts.recipe import CHOICES

    return {key: {one.name: one.when for one in (kind() for kind in kinds)} for key, kinds in CHOICES.items()}


def key_meanings(recipe: Recipe) -> dict[str, str]:
    """What each key means, as its docstring has it."""
    body = (type(recipe).__doc__ or "").split("Args:")[1].split("Example:")[0]
    return {key: " ".join(text.split()) for key, text in re.findall(r"^ {8}(\w+): (.*(?:\n {12}.*)*)", body, re.M)}


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }"
    return jsonlib.dumps(list(value) if isinstance(value, tuple) else value)
