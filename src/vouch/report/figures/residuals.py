"""Residuals of a regression: truth minus prediction."""

from __future__ import annotations

import numpy as np

from vouch.charts import FIRST, SECOND, Spec, chart, data, quantity
from vouch.contracts.finding import Figure
from vouch.report.held import Values, thin
from vouch.wording import number

_MOST_POINTS = 400
_BINS = 30


def residuals_by_prediction(values: Values) -> Figure:
    """Each sealed row's residual against its prediction, thinned evenly over the predictions to 400 rows."""
    order = np.argsort(values.prediction, kind="stable")
    residual = values.truth - values.prediction
    kept = order[thin(len(order), _MOST_POINTS)]
    tenth = max(len(order) // 10, 1)
    lowest, highest = (_side(float(residual[part].mean())) for part in (order[:tenth], order[-tenth:]))
    says = (
        f"Among the tenth of rows with the lowest predictions the truth lies {lowest} the prediction on average, "
        f"among the tenth with the highest {highest}; no pattern would be best."
    )
    rows = [{"prediction": float(values.prediction[i]), "residual": float(residual[i])} for i in kept]
    x, y = quantity("prediction", "Prediction"), quantity("residual", "Truth minus prediction", zero=True)
    points = {
        "mark": {"type": "point", "filled": True, "size": 16, "opacity": 0.45, "color": FIRST},
        "encoding": {"x": x, "y": y},
    }
    return Figure("residuals_by_prediction", "Residuals by prediction", says, chart(says, rows, [points, _zero()]))


def residual_histogram(values: Values) -> Figure:
    """How the residuals are spread; the outermost hundredth on each side is gathered in the end bins."""
    residual = values.truth - values.prediction
    low, high = np.quantile(residual, [0.01, 0.99])
    edges = np.linspace(low, high if high > low else low + 1, _BINS + 1)
    counts = np.histogram(np.clip(residual, edges[0], edges[-1]), edges)[0]
    half, most = np.quantile(np.abs(residual), [0.5, 0.9])
    says = (
        f"Half of the {len(residual):,} sealed rows err by less than {number(float(half))}, nine in ten by less than "
        f"{number(float(most))}; the mean residual is {number(float(residual.mean()))}."
    )
    rows = [
        {"low": float(a), "high": float(b), "rows": int(n)}
        for a, b, n in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
    x, y = quantity("low", "Truth minus prediction"), quantity("rows", "Sealed rows", zero=True)
    bars = {
        "mark": {"type": "bar", "color": FIRST, "opacity": 0.75, "binSpacing": 1},
        "encoding": {"x": {**x, "bin": {"binned": True}}, "x2": {"field": "high"}, "y": y},
    }
    return Figure("residual_histogram", "Spread of the residuals", says, chart(says, rows, [bars]))


def _side(mean: float) -> str:
    return f"{number(abs(mean))} {'above' if mean >= 0 else 'below'}"


def _zero() -> Spec:
    return {
        "data": data([{"at": 0}]),
        "mark": {"type": "rule", "color": SECOND},
        "encoding": {"y": {"field": "at", "type": "quantitative"}},
    }
