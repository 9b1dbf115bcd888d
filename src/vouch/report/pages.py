"""A bundle as the texts that lie beside it."""

from __future__ import annotations

import json

from vouch.contracts.bundle import BundleValue
from vouch.report.card import card
from vouch.report.figures import figures
from vouch.report.html import html


def pages(bundle: BundleValue) -> dict[str, str]:
    """The report, the model card, and the figures as data.

    Nothing in them comes from the clock, so that the same bundle gives the same texts.

    Args:
        bundle: from ``fit`` or ``load``.

    Returns:
        Text by file name: ``report.html``, one page without scripts that loads nothing; ``card.md``, a model card in
        the Hugging Face form (Mitchell and others, "Model Cards for Model Reporting", 2019); ``figures.json``, a
        Vega-Lite specification for each figure, by its name.

    Example:
        >>> from vouch import fit
        >>> rows = {"size": [float(i) for i in range(60)], "large": ["no"] * 30 + ["yes"] * 30}
        >>> sorted(pages(fit(rows, "large", settings={"epochs": 1})))
        ['card.md', 'figures.json', 'report.html']
    """
    drawn = figures(bundle)
    specifications = {figure.name: figure.spec for figure in drawn}
    return {
        "report.html": html(bundle, drawn),
        "card.md": card(bundle),
        "figures.json": json.dumps(specifications, ensure_ascii=False, allow_nan=False),
    }
