"""What the history of a training run tells: when learning ended, and whether it was stopped too late or too early."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vouch.challenges.judging import judge, normal, p_beyond
from vouch.challenges.overfitting.held import too_few
from vouch.charts import FIRST, GRID, MUTED, SECOND, Spec, chart, data, quantity
from vouch.contracts.case import Case, Scored
from vouch.contracts.finding import Check, Estimate, Figure, Threshold
from vouch.statistics.intervals import Floats
from vouch.wording import count, number

Epochs = Sequence[tuple[int, float, float, float]]

_FEWEST_EPOCHS = 3
_FEWEST_ROWS = 50
_SAME = 1e-3
_NEIGHBOURS = 0.45
_APART, _MOST_OF_IT = 0.5, 0.87
_TAIL = 0.25

RISE = Threshold(
    "rise",
    warn=0.05,
    fail=0.15,
    why="how much worse than at the best epoch the kept weights are on validation rows, as a share of the best score; "
    "one in twenty is within what the choice of another epoch costs",
)
FALL = Threshold(
    "fall",
    warn=0.1,
    fail=0.25,
    why="by how much the validation score still fell in the last quarter of the run, as a share; a falling learning "
    "rate alone makes for about a twentieth",
)


def memorising(case: Case) -> Check:
    """The epoch from which training only memorised, and whether the kept weights are from before it.

    From the epoch with the best validation score on, more training lowers the training loss alone. Training keeps the
    weights of the best epoch; what was kept is told by its score on the validation rows. Promises to find kept weights
    whose validation score is twice the best one, with 400 validation rows.

    Args:
        case: the network and its data.

    Returns:
        How much worse the kept weights are than those of the best epoch, as a share of the best score.
    """
    history, valid = case.bundle.run.history, case.scored("valid")
    if (early := _too_little("memorising", history, valid)) is not None:
        return early
    scores = np.array([epoch[2] for epoch in history])
    best, last = int(np.nanargmin(scores)), len(scores) - 1
    kept = case.bundle.task.score(valid.decoded, valid.truth)
    rise = _rise(kept, float(scores[best]), valid, bool(case.bundle.task.classes))
    threshold = case.threshold(RISE, "memorising")
    p_value = p_beyond(rise, threshold)
    judgement = judge(rise, threshold, p_value)
    at = f"epoch {history[best][0]} of {len(history)}"
    after = f"{number((last - best) / len(scores) * 100)} % of the run"
    if judgement.verdict in ("warn", "fail"):
        headline = (
            f"The kept weights are {number(100 * rise.value)} % worse on validation rows than those of {at}: "
            "they were taken from a phase in which training only memorised."
        )
    elif judgement.verdict == "inconclusive":
        headline = (
            f"The kept weights are {number(100 * rise.value)} % worse on validation rows than those of {at}, which may "
            "be chance."
        )
    elif best == last:
        headline = f"The validation score was best at the end, {at}: there was no phase of mere memorising."
    elif history[last][1] < history[best][1]:
        headline = f"After {at} training only memorised, {after}; the kept weights are from before."
    else:
        headline = f"After {at} neither the validation score nor the training loss got better, {after}."
    figures = (_figure(history, best, headline),)
    return Check(
        "memorising", judgement.verdict, headline, judgement.reason, (rise,), threshold, p_value, figures=figures
    )


def trained_too_briefly(case: Case) -> Check:
    """Whether the run ended while the validation score was still falling.

    The figure is the fall over the last quarter of the epochs. Runs that stopped by themselves, because the score got
    no better, pass. Promises to find a score that fell by 35 % over the last quarter, with 200 validation rows.

    Args:
        case: the network and its data.

    Returns:
        The fall, as a share of the score at its start.
    """
    history, valid = case.bundle.run.history, case.scored("valid")
    if (early := _too_little("trained_too_briefly", history, valid)) is not None:
        return early
    scores = np.array([epoch[2] for epoch in history])
    start = min(len(scores) - 2, int(np.floor((1 - _TAIL) * len(scores))) - 1)
    fall = _fall(scores, max(start, 0), valid, bool(case.bundle.task.classes))
    threshold = case.threshold(FALL, "trained_too_briefly")
    p_value = p_beyond(fall, threshold)
    judgement = judge(fall, threshold, p_value)
    part = f"over the last {count(len(scores) - 1 - max(start, 0), 'epoch')} of {len(scores)}"
    if judgement.verdict in ("warn", "fail"):
        longer = 2 * case.bundle.recipe.epochs
        headline = (
            f"The validation score still got {number(100 * fall.value)} % better {part}: training longer, as with "
            f"--set epochs={longer}, is worth trying."
        )
    elif judgement.verdict == "inconclusive":
        headline = f"The validation score got {number(100 * fall.value)} % better {part}, which may be chance."
    else:
        way = "better" if fall.value >= 0 else "worse"
        headline = f"The validation score got {number(100 * abs(fall.value))} % {way} {part}"
        headline += f" (95 % interval of the gain {number(100 * fall.low)} to {number(100 * fall.high)} %)."
    return Check("trained_too_briefly", judgement.verdict, headline, judgement.reason, (fall,), threshold, p_value)


def standard_error(valid: Scored, classes: bool) -> float:
    """Standard error of the validation score, as a share of it, from the losses of its rows.

    Args:
        valid: the validation rows.
        classes: whether the score is a mean of losses; else it is the root of the mean of their squares.

    Returns:
        The standard error over the score.
    """
    losses = valid.losses if classes else np.square(valid.losses)
    mean, n = float(losses.mean()), len(losses)
    if mean <= 0 or n < 2:
        return 0.0
    # The root halves the relative error (delta method).
    return float(losses.std(ddof=1)) / np.sqrt(n) / mean / (1 if classes else 2)


def _too_little(name: str, history: Epochs, valid: Scored) -> Check | None:
    if len(valid.rows) < _FEWEST_ROWS:
        return too_few(name, len(valid.rows), "validation", _FEWEST_ROWS)
    if len(history) < _FEWEST_EPOCHS:
        return Check(
            name, "inconclusive", f"Nothing can be told from {count(len(history), 'epoch')}.",
            f"at least {_FEWEST_EPOCHS} epochs are needed",
        )  # fmt: skip
    return None


def _rise(kept: float, best: float, valid: Scored, classes: bool) -> Estimate:
    """How much worse the kept weights are; nothing, for certain, where they are those of the best epoch."""
    value = kept / best - 1 if best > 0 else 0.0
    # Two epochs err on the same rows: the closer their scores, the more of the error they share. Of weights that were
    # merely too sure half of it is left at most, of ones that had lost their way besides .87 (by simulation).
    left = _MOST_OF_IT * min(max(value, 0.0) / _APART, 1.0) ** 0.5
    error = 0.0 if value <= _SAME else left * standard_error(valid, classes) * kept / best
    return normal("rise", value, error, len(valid.rows), "valid")


def _fall(scores: Floats, start: int, valid: Scored, classes: bool) -> Estimate:
    """How much lower the last score is than that at the start, with the unrest of the curve and of the rows."""
    value = float(1 - scores[-1] / scores[start]) if scores[start] > 0 else 0.0
    bends = np.diff(np.log(np.maximum(scores, 1e-12)), n=2)[max(start - 4, 0) :]
    # The median keeps the steep beginning of a run out; a bend holds six times the variance of one score.
    unrest = float(np.median(np.abs(bends))) * 1.4826 / np.sqrt(6) * np.sqrt(2) if len(bends) >= 3 else 0.0
    rows = _NEIGHBOURS * standard_error(valid, classes)
    return normal("fall", value, float(np.hypot(unrest, rows)), len(valid.rows), "valid")


def _figure(history: Epochs, best: int, says: str) -> Figure:
    """Training loss and validation score over the epochs, each as a share of its first value."""
    first = [max(abs(history[0][k]), 1e-12) for k in (1, 2)]
    step = max(1, len(history) // 300)
    rows = [
        {"epoch": epoch[0], "value": epoch[k + 1] / first[k], "of": name}
        for epoch in history[::step]
        for k, name in enumerate(("training loss", "validation score"))
    ]
    x: Spec = {**quantity("epoch", "Epoch"), "axis": {"format": "d", "tickMinStep": 1, "grid": False}}
    colour: Spec = {
        "field": "of",
        "type": "nominal",
        "scale": {"domain": ["training loss", "validation score"], "range": [MUTED, FIRST]},
    }
    line: Spec = {
        "mark": {"type": "line", "strokeWidth": 2},
        "encoding": {"x": x, "y": quantity("value", "Share of the first epoch", zero=True), "color": colour},
    }
    mark = [{"epoch": history[best][0], "value": history[best][2] / first[1]}]
    place: Spec = {"x": {"field": "epoch", "type": "quantitative"}, "y": {"field": "value", "type": "quantitative"}}
    rule: Spec = {"data": data(mark), "mark": {"type": "rule", "color": GRID}, "encoding": {"x": place["x"]}}
    dot: Spec = {
        "data": data(mark),
        "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1, "color": SECOND},
        "encoding": place,
    }
    return Figure("memorising", "Learning and memorising", says, chart(says, rows, [line, rule, dot]))
