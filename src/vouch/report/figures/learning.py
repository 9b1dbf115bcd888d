"""Learning curves: what training minimised, and the validation score by which it stopped."""

from __future__ import annotations

from vouch.charts import FIRST, GRID, MUTED, SECOND, Spec, chart, data, quantity
from vouch.contracts.bundle import BundleValue
from vouch.contracts.finding import Figure
from vouch.report.held import thin
from vouch.wording import clean, count, number

_MOST_EPOCHS = 300


def learning_curves(bundle: BundleValue) -> tuple[Figure, ...]:
    """Training loss and validation score by epoch; nothing when no epoch was recorded."""
    history = bundle.run.history
    if not history:
        return ()
    kept = [history[i] for i in thin(len(history), _MOST_EPOCHS)]
    best = min(history, key=lambda epoch: epoch[2])
    unit = (
        f"RMSE, in {clean(bundle.schema.target.name, 40)}" if bundle.schema.task == "regression" else "log-loss, nats"
    )
    score = (
        f"The validation score was best ({number(best[2])}, lower is better) at epoch {best[0]} of {len(history)}; "
        f"it ended at {number(history[-1][2])}."
    )
    loss = (
        f"The training loss went from {number(history[0][1])} to {number(history[-1][1])} in "
        f"{count(len(history), 'epoch')}; it is measured with dropout and augmentation on."
    )
    losses = [{"epoch": epoch[0], "value": epoch[1]} for epoch in kept]
    scores = [{"epoch": epoch[0], "value": epoch[2]} for epoch in kept]
    mark = {"epoch": best[0], "value": best[2], "label": f"best: {number(best[2])}"}
    return (
        Figure("training_loss", "Training loss", loss, chart(loss, losses, [_line("Training loss", MUTED)])),
        Figure(
            "validation_score",
            "Validation score",
            score,
            chart(score, scores, [_line(f"Validation {unit}", FIRST), *_best(mark)]),
        ),
    )


def _line(title: str, colour: str) -> Spec:
    whole = {"format": "d", "tickMinStep": 1, "grid": False}
    x = {
        "field": "epoch",
        "type": "quantitative",
        "title": "Epoch",
        "scale": {"zero": False, "nice": False},
        "axis": whole,
    }
    mark = {"type": "line", "color": colour, "strokeWidth": 2, "point": {"filled": True, "size": 14, "color": colour}}
    return {"mark": mark, "encoding": {"x": x, "y": quantity("value", title)}}


def _best(mark: dict[str, object]) -> list[Spec]:
    place = {"x": {"field": "epoch", "type": "quantitative"}, "y": {"field": "value", "type": "quantitative"}}
    rule = {"mark": {"type": "rule", "color": GRID, "strokeDash": [3, 3]}, "encoding": {"x": place["x"]}}
    dot = {"mark": {"type": "point", "filled": True, "size": 70, "opacity": 1, "color": SECOND}, "encoding": place}
    return [{"data": data([mark]), **layer} for layer in (rule, dot)]
