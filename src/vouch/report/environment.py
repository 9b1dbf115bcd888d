"""The templates of the page, with every filter that they use; all they show is escaped."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template

from vouch.wording import clean, count, duration, listed, number


def template(name: str) -> Template:
    """A template of the page.

    Args:
        name: of its file.
    """
    return _environment().get_template(name)


def read(name: str) -> str:
    """The text of a file beside the templates."""
    return files("vouch.report").joinpath("templates", name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        autoescape=True, loader=FunctionLoader(read), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "clean": clean,
        "number": number,
        "count": count,
        "duration": duration,
        "setting": _setting,
        "listed": listed,
    }
    return environment


def _setting(value: object) -> str:
    """A setting as a reader writes it."""
    return listed([str(item) for item in value]) if isinstance(value, tuple) else str(value)
