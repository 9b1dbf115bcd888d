"""The report: one page without scripts, for light and dark, phone, desk and paper."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from vouch.contracts.bundle import BundleValue, Example
from vouch.report import audit, treated, words
from vouch.report.drawn import Drawn, drawn
from vouch.report.environment import read, template
from vouch.report.figures import Figure
from vouch.report.figures.audited import audited
from vouch.report.pictures import is_picture, thumbnail
from vouch.report.searched import searched
from vouch.report.tables import by_class, scorecard
from vouch.wording import clean, number

# A megabyte, less what the frame around an audit takes.
MOST_BYTES = 960_000
_MOST_COLUMNS, _MOST_NOTES, _MOST_CELLS, _MOST_PICTURES = 200, 200, 8, 12


def html(bundle: BundleValue, figures: Sequence[Figure]) -> str:
    """The whole page.

    Args:
        bundle: what it tells of.
        figures: that belong to it, but for those of the audit.

    Returns:
        HTML that holds all it needs, under a megabyte; every word from the data is escaped.
    """
    facts = _facts(bundle, [drawn(one) for one in figures])
    without = template("report.html").render(**facts, audit=None, audit_css="")
    if bundle.audit is None:
        return without
    # The audit is cut to the room that the rest leaves.
    css = Markup(read("audit.css"))
    drawings = audited(bundle, [one.name for one in figures])
    found = audit.page(bundle.audit, drawings, MOST_BYTES - len((without + css).encode()))
    return template("report.html").render(**facts, audit=found, audit_css=css)


def _facts(bundle: BundleValue, figures: list[Drawn]) -> dict[str, object]:
    """What the page says of every bundle."""
    classes, class_rows = by_class(bundle.evidence)
    return {
        "bundle": bundle,
        "css": Markup(read("report.css")),
        "marks": audit.MARKS,
        "figures": {
            "beside": _among(figures, "beside_"),
            "learning": _among(figures, "training_", "validation_"),
            "search": _among(figures, "search_"),
            "quality": _others(figures),
        },
        "methods": ["network", *(clean(name.replace("_", " "), 30) for name in bundle.evidence.baselines)],
        "scores": scorecard(bundle.evidence),
        "classes": classes,
        "class_rows": class_rows,
        "most_columns": _MOST_COLUMNS,
        "most_notes": _MOST_NOTES,
        "examples": _examples(bundle.examples[:_MOST_PICTURES], bundle.schema.task != "regression"),
        "recipe": bundle.recipe.plain(),
        "search": searched(bundle.search),
        "words": words,
        "treatments": treated.treatments(bundle),
        "promises": treated.promises(bundle),
        "when": words.moment(bundle.looks[0].when) if bundle.looks else "",
        "rows": sum(len(part) for part in (bundle.split.train, bundle.split.valid, bundle.split.test)),
    }


def _among(figures: Sequence[Drawn], *starts: str) -> list[Drawn]:
    return [one for one in figures if one.name.startswith(starts)]


def _others(figures: Sequence[Drawn]) -> list[Drawn]:
    return [one for one in figures if not one.name.startswith(("beside_", "training_", "validation_", "search_"))]


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
