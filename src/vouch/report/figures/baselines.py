"""The network beside simple methods, with intervals: one figure for each of the main metrics."""

from __future__ import annotations

from vouch.charts import FIRST, MUTED, Spec, chart, names
from vouch.contracts.bundle import Evidence
from vouch.contracts.finding import Estimate, Figure
from vouch.wording import clean, interval, metric, number

NETWORK = "network"
# They know nothing of the features; so far off, they would leave the others no room. The table has them.
_BLIND = ("majority", "mean", "prior")
_SHOWN = ("roc_auc", "accuracy", "log_loss", "rmse", "mae")


def beside_baselines(evidence: Evidence) -> tuple[Figure, ...]:
    """A row of dots for the first metric and up to one more that the network and a simple method share."""
    whole = [one for one in evidence.metrics if "[" not in one.name]
    first = [one for one in whole if one.name in _SHOWN][:2]
    return tuple(_dots(one, methods(evidence, one.name)) for one in first) if evidence.baselines else ()


def methods(evidence: Evidence, name: str) -> dict[str, Estimate]:
    """One metric of the network and of every simple method that has it, by method."""
    own = [(NETWORK, one) for one in evidence.metrics if one.name == name]
    rest = [(method, one) for method, found in evidence.baselines.items() for one in found if one.name == name]
    return dict(own + rest)


def leader(found: dict[str, Estimate]) -> str:
    """The method with the best value, among those that look at the features.

    Example:
        >>> leader({"network": Estimate("rmse", 2, 1, 3, 9, higher_is_better=False)})
        'network'
    """
    sign = 1 if next(iter(found.values())).higher_is_better else -1
    return max(sighted(found), key=lambda method: sign * found[method].value)


def sighted(found: dict[str, Estimate]) -> dict[str, Estimate]:
    """The methods that look at the features: a constant guess never errs in some ways, and says nothing."""
    return {method: one for method, one in found.items() if method not in _BLIND}


def _dots(own: Estimate, found: dict[str, Estimate]) -> Figure:
    drawn = sighted(found)
    drawn = drawn if len(drawn) > 1 else found
    shown = {clean(method.replace("_", " "), 30): one for method, one in drawn.items()}
    best = clean(leader(drawn).replace("_", " "), 30)
    unit = f" {clean(own.unit, 20)}" if own.unit else ""
    says = (
        f"{metric(own.name)} of the network is {number(own.value)}{unit} (95 % interval {interval(own)}, "
        f"{own.n:,} sealed rows); the best drawn value is that of {'the ' if best == NETWORK else ''}{best}, "
        f"{number(shown[best].value)}."
    )
    rows = [{"method": name, "value": e.value, "low": e.low, "high": e.high} for name, e in shown.items()]
    better = "higher is better" if own.higher_is_better else "lower is better"
    title = f"{metric(own.name)}{' in' + unit if unit else ''}, {better}"
    return Figure(f"beside_{own.name}", f"{metric(own.name)} beside simple methods", says, _spec(says, rows, title))


def _spec(says: str, rows: list[dict[str, object]], title: str) -> Spec:
    order = [str(row["method"]) for row in rows]
    y = names("method", order)
    scale = {"zero": False, "padding": 14}
    x = {"field": "value", "type": "quantitative", "title": title, "scale": scale, "axis": {"tickCount": 4}}
    own = {"condition": {"test": f"datum.method === '{NETWORK}'", "value": FIRST}, "value": MUTED}
    layers = [
        {
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": {"y": y, "x": {**x, "field": "low"}, "x2": {"field": "high"}, "color": own},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 80, "opacity": 1},
            "encoding": {"y": y, "x": x, "color": own},
        },
    ]
    return chart(says, rows, layers, height=70 + 34 * len(rows))
