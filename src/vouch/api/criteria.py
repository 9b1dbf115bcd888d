"""The metric that decides whether a remedy helped: one of the task, or one of the challenge's own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vouch.api.casing import LiveCase
from vouch.api.measuring import truth_of
from vouch.contracts.case import Challenge, Judging
from vouch.errors import UsageError, nearest
from vouch.tasks.metrics import BY_TASK, MetricSpec

Rows = npt.NDArray[np.int64]
_PLAIN = Judging()
# What a criterion is called that is a gap between groups; users may leave it out.
_GAP = "_difference"


def judging_of(challenge: Challenge) -> Judging:
    """How a challenge judges remedies; one that does not say is judged by the metrics of the task."""
    return getattr(challenge, "judging", _PLAIN)


def metrics_on(case: LiveCase, challenge: Challenge, rows: Rows) -> dict[str, MetricSpec]:
    """Every metric by its name, those of the challenge's own for just these rows in this order."""
    own = judging_of(challenge).measures(case, rows)
    return {spec.name: spec for spec in (*BY_TASK[case.bundle.schema.task], *own)}


def main_of(case: LiveCase, challenge: Challenge) -> MetricSpec:
    """The metric whose loss is limited."""
    specs = BY_TASK[case.bundle.schema.task]
    named = judging_of(challenge).main.get(case.bundle.schema.task, specs[0].name)
    return next(spec for spec in specs if spec.name == named)


def criterion_of(case: LiveCase, challenge: Challenge, named: str | None) -> str:
    """The metric that decides: the named one, or that of the challenge where the sealed rows can tell it.

    Args:
        case: what is to be treated.
        challenge: the failing.
        named: what the user asked for, if anything.

    Raises:
        UsageError: there is no such metric, or the sealed rows cannot tell it.
    """
    task = case.bundle.schema.task
    metrics = metrics_on(case, challenge, case.split.test)
    own = [name for name in metrics if name not in {spec.name for spec in BY_TASK[task]}]
    wanted = named or challenge.criterion[task]
    wanted = f"{wanted}{_GAP}" if f"{wanted}{_GAP}" in own else wanted
    if wanted not in metrics:
        raise UsageError(
            f"a {task} task has no metric '{wanted}'",
            next_step=nearest(wanted, [*(name.removesuffix(_GAP) for name in own), *metrics]),
        )
    sealed = case.scored("test")
    truth = truth_of(case.bundle, case.dataset, sealed.rows, "test")
    one = metrics[wanted].function(truth.values, sealed.decoded, np.ones((1, truth.rows)))[0]
    if truth.enough_for(metrics[wanted]) and np.isfinite(one):
        return wanted
    if wanted in own:
        raise UsageError(
            f"the sealed rows cannot tell '{wanted}'", received=f"{truth.rows} sealed rows",
            expected="two groups with rows that it is about", next_step="Fit with more test rows.",
        )  # fmt: skip
    if named is None:
        return "log_loss" if "log_loss" in metrics else BY_TASK[task][0].name
    raise UsageError(
        f"the sealed rows cannot tell '{wanted}'", received=f"{truth.rows} sealed rows",
        expected="both classes predicted, and five rows of each", next_step="Name another, such as log_loss.",
    )  # fmt: skip
