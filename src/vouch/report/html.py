"""The report: one page without scripts, for light and dark, phone, desk and paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template
from markupsafe import Markup

from vouch.contracts.bundle import BundleValue, Example
from vouch.report import words
from vouch.report.figures import Figure
from vouch.report.pictures import is_picture, thumbnail
from vouch.report.svg import svg
from vouch.report.tables import by_class, scorecard
from vouch.report.text import clean, count, duration, listed, number

_MOST_COLUMNS, _MOST_NOTES, _MOST_CELLS, _MOST_PICTURES = 200, 200, 8, 12


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A figure with its drawing."""

    name: str
    title: str
    says: str
    drawing: Markup


def html(bundle: BundleValue, figures: Sequence[Figure]) -> str:
    """The whole page.

    Args:
        bundle: what it tells of.
        figures: that belong to it.

    Returns:
        HTML that holds all it needs; every word from the data is escaped.
    """
    # An SVG comes out of an XML writer, which has escaped every label in it.
    drawn = [_Drawn(one.name, one.title, one.says, Markup(svg(one))) for one in figures]
    classes, class_rows = by_class(bundle.evidence)
    return _template().render(
        bundle=bundle,
        css=Markup(_read("report.css")),
        figures={
            "beside": _among(drawn, "beside_"),
            "learning": _among(drawn, "training_", "validation_"),
            "quality": _others(drawn),
        },
        methods=["network", *(clean(name.replace("_", " "), 30) for name in bundle.evidence.baselines)],
        scores=scorecard(bundle.evidence),
        classes=classes,
        class_rows=class_rows,
        most_columns=_MOST_COLUMNS,
        most_notes=_MOST_NOTES,
        examples=_examples(bundle.examples[:_MOST_PICTURES], bundle.schema.task != "regression"),
        recipe=asdict(bundle.recipe),
        words=words,
        when=words.moment(bundle.looks[0].when) if bundle.looks else "",
        rows=sum(len(part) for part in (bundle.split.train, bundle.split.valid, bundle.split.test)),
    )


def _among(drawn: Sequence[_Drawn], *starts: str) -> list[_Drawn]:
    return [one for one in drawn if one.name.startswith(starts)]


def _others(drawn: Sequence[_Drawn]) -> list[_Drawn]:
    return [one for one in drawn if not one.name.startswith(("beside_", "training_", "validation_"))]


def _examples(examples: Sequence[Example], exact: bool) -> list[dict[str, object]]:
    """Each with its pictures, its first other cells, and how many more there are."""
    shown, pictures = [], 0
    for one in examples:
        mine = [(name, thumbnail(cell)) for name, cell in one.cells if is_picture(cell)][: _MOST_PICTURES - pictures]
        pictures += len(mine)
        cells = [(name, cell) for name, cell in one.cells if not cell.startswith("data:")]
        kept, rest = cells[:_MOST_CELLS], max(0, len(cells) - _MOST_CELLS)
        shown.append(
            {
                "example": one,
                "truth": _said(one.truth, exact),
                "prediction": _said(one.prediction, exact),
                "pictures": mine,
                "cells": kept,
                "rest": rest,
            }
        )
    return shown


def _said(value: str, exact: bool) -> str:
    """A class as it is; a number without digits that mean nothing."""
    return clean(value, 60) if exact else number(float(value))


def _setting(value: object) -> str:
    """A setting as a reader writes it."""
    return listed([str(item) for item in value]) if isinstance(value, tuple) else str(value)


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, loader=FunctionLoader(_read), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "clean": clean,
        "number": number,
        "count": count,
        "duration": duration,
        "setting": _setting,
        "listed": listed,
    }
    return environment.get_template("report.html")


def _read(name: str) -> str:
    return files("vouch.report").joinpath("templates", name).read_text(encoding="utf-8")
