"""A bundle as the texts that lie beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable

from vouch.contracts.bundle import BundleValue
from vouch.report.card import card
from vouch.report.drawn import is_plain
from vouch.report.figures import Figure, figures
from vouch.report.figures.audited import audited
from vouch.report.html import html

_MOST_BYTES = 500_000


def pages(bundle: BundleValue) -> dict[str, str]:
    """The report, the model card, and the figures as data.

    Nothing in them comes from the clock, so that the same bundle gives the same texts.

    Args:
        bundle: from ``fit`` or ``load``.

    Returns:
        Text by file name: ``report.html``, one page without scripts that loads nothing; ``card.md``, a model card in
        the Hugging Face form (Mitchell and others, "Model Cards for Model Reporting", 2019); ``figures.json``, a
        Vega-Lite specification for each figure, by its name; a figure of the audit is named by challenge and check.

    Example:
        >>> from vouch import fit
        >>> rows = {"size": [float(i) for i in range(60)], "large": ["no"] * 30 + ["yes"] * 30}
        >>> sorted(pages(fit(rows, "large", settings={"epochs": 1})))
        ['card.md', 'figures.json', 'report.html']
    """
    drawn = figures(bundle)
    return {
        "report.html": html(bundle, drawn),
        "card.md": card(bundle),
        "figures.json": _specifications(drawn, audited(bundle, [one.name for one in drawn])),
    }


def report_of(bundle: BundleValue) -> str:
    """The report alone."""
    return html(bundle, figures(bundle))


def _specifications(own: Iterable[Figure], found: Iterable[Figure]) -> str:
    """All specifications as JSON; those of an audit as far as there is room for them."""
    texts = {one.name: _json(one.spec) for one in own}
    left = _MOST_BYTES
    for one in found:
        text = _json(one.spec) if is_plain(one.spec) else ""
        if text and one.name not in texts and len(text) <= left:
            texts[one.name] = text
            left -= len(text)
    return "{" + ", ".join(f"{_json(name)}: {text}" for name, text in texts.items()) + "}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
