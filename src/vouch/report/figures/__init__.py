"""Figures as Vega-Lite specifications, one concept in each file, each with the sentence that says what it shows."""

from __future__ import annotations

from vouch.contracts.bundle import BundleValue
from vouch.contracts.finding import Figure
from vouch.report.figures.baselines import beside_baselines
from vouch.report.figures.classes import recall_by_class
from vouch.report.figures.confusion import confusion_matrix
from vouch.report.figures.learning import learning_curves
from vouch.report.figures.ranking import precision_recall_curve, roc_curve
from vouch.report.figures.reliability import reliability_diagram
from vouch.report.figures.residuals import residual_histogram, residuals_by_prediction
from vouch.report.figures.searching import parallel_coordinates
from vouch.report.held import held, values


def figures(bundle: BundleValue) -> tuple[Figure, ...]:
    """Every figure that the bundle's task and rows allow, in the order of the page."""
    found: list[Figure | None] = [*beside_baselines(bundle.evidence), *learning_curves(bundle)]
    found += [] if bundle.search is None else [parallel_coordinates(bundle.search)]
    if (rows := held(bundle)) is not None:
        found += [
            confusion_matrix(rows),
            roc_curve(rows),
            precision_recall_curve(rows),
            reliability_diagram(rows),
            recall_by_class(rows),
        ]
    if (numbers := values(bundle)) is not None:
        found += [residuals_by_prediction(numbers), residual_histogram(numbers)]
    return tuple(figure for figure in found if figure is not None)


__all__ = ["Figure", "figures"]
