"""Is what was learned true of new rows, and is it more than simple methods know?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vouch.challenges.judging import Judgement, judge, p_beyond
from vouch.challenges.overfitting.held import Held, held, relative, too_few
from vouch.contracts.case import Case
from vouch.contracts.finding import Check, Estimate, Threshold, Verdict
from vouch.statistics.compare import compare, main_metric
from vouch.statistics.intervals import Floats
from vouch.statistics.mover import Facts, difference, excess
from vouch.wording import interval, metric, number

GAP = Threshold(
    "gap",
    warn=0.1,
    fail=0.2,
    why="a network may fit its training rows perfectly and still be right about new ones; from .1 on a figure on "
    "training rows misleads whoever reads it, from .2 on it says nothing of new rows",
)
RELATIVE_GAP = Threshold(
    "gap",
    warn=0.5,
    fail=1.0,
    why="test error over training error, less 1: half as large again misleads a reader, twice as large says that the "
    "training figure is of no use",
)
SHORTFALL = Threshold(
    "shortfall",
    warn=0.0,
    fail=0.05,
    why="who is worse on rows it learned from than a simple method on new rows has not learned what there is",
)
RELATIVE_SHORTFALL = replace(SHORTFALL, fail=0.1)
DEFICIT = Threshold(
    "deficit",
    warn=0.0,
    fail=0.05,
    why="a network that a simple method beats on new rows is not worth its price; from .05 on anyone would see it",
)
RELATIVE_DEFICIT = replace(
    DEFICIT,
    fail=0.1,
    why="a network that a simple method beats on new rows is not worth its price; a tenth of the error is not chance",
)

_TOO_LITTLE = "it learned too little, so a larger net, less regularisation or more epochs are worth trying."
_LEARNED: dict[Verdict, str] = {
    "fail": _TOO_LITTLE,
    "warn": _TOO_LITTLE,
    "pass": "it has learned what simple methods know.",
    "inconclusive": "whether it has learned what simple methods know cannot be told from so few rows.",
}


def generalisation_gap(case: Case) -> Check:
    """How much better the network is on rows it learned from than on sealed rows.

    The figure is the main metric on training rows less that on test rows; for a quantity the ratio of both RMSEs, less
    1. Promises to find a gap of .23 in a share, or test errors 2.25 times the training errors, with 300 test rows.

    Args:
        case: the network and its data.

    Returns:
        The gap in the main metric and in the loss, each with its interval.
    """
    train, test = held(case, case.scored("train")), held(case, case.scored("test"))
    for part in (train, test):
        if (few := _few("generalisation_gap", part)) is not None:
            return few
    spec, seed = main_metric(test.truth, test.scored.decoded), case.bundle.recipe.seed
    before, after = train.measured(spec, seed), test.measured(spec, seed + 1)
    ratio, about = relative(spec), Facts(test.truth.rows, "test")
    worse = (after, before) if not spec.higher_is_better else (before, after)
    gap = (excess if ratio else difference)(f"gap[{spec.name}]", *worse, about)
    threshold = case.threshold(RELATIVE_GAP if ratio else GAP, "generalisation_gap")
    p_value = p_beyond(gap, threshold)
    judgement = judge(gap, threshold, p_value)
    said = f"{number(100 * gap.value)} % more error" if ratio else f"a gap of {number(gap.value)}"
    headline = (
        f"{metric(spec.name)} is {number(before[0])} on training rows and {number(after[0])} on test rows: "
        f"{said} ({_ends(gap, 100 if ratio else 1)})."
    )
    losses = _loss_gap(train, test, seed)
    return Check(
        "generalisation_gap", judgement.verdict, headline, judgement.reason, (gap, *losses), threshold, p_value
    )  # fmt: skip


def underfitting(case: Case) -> Check:
    """Whether the network knows less of its own training rows than a simple method knows of new ones.

    That can only be when too little was learned: the net is too small, held back too much, or trained too briefly.
    Promises to find a network whose figure on training rows is .12 below that of a simple method on test rows, or whose
    error is .4 larger, with 300 test rows.

    Args:
        case: the network and its data.

    Returns:
        How far it falls short: a share, or for a quantity the ratio of RMSEs, less 1.
    """
    evidence = case.bundle.evidence
    train = held(case, case.scored("train"))
    if (few := _few("underfitting", train)) is not None:
        return few
    spec = main_metric(train.truth, train.scored.decoded)
    rival = next((one for one in evidence.baselines.get(evidence.rival, ()) if one.name == spec.name), None)
    if rival is None:
        return Check(
            "underfitting",
            "inconclusive",
            "Nothing was there to hold the network's training figures against.",
            "no simple method could be fitted on these rows",
        )
    if rival.n < 50:
        return too_few("underfitting", rival.n, "test")
    own, other = train.measured(spec, case.bundle.recipe.seed), (rival.value, rival.low, rival.high)
    worse = (own, other) if not spec.higher_is_better else (other, own)
    shortfall = (excess if relative(spec) else difference)(
        f"shortfall[{spec.name}]", *worse, Facts(rival.n, "train")
    )  # fmt: skip
    threshold = case.threshold(RELATIVE_SHORTFALL if relative(spec) else SHORTFALL, "underfitting")
    p_value = p_beyond(shortfall, threshold)
    judgement = judge(shortfall, threshold, p_value)
    simple = evidence.rival.replace("_", " ")
    headline = (
        f"{metric(spec.name)} is {number(own[0])} on the network's own training rows and "
        f"{number(rival.value)} on test rows for {simple}, the strongest simple method: " + _LEARNED[judgement.verdict]
    )
    return Check("underfitting", judgement.verdict, headline, judgement.reason, (shortfall,), threshold, p_value)


def beats_baselines(case: Case) -> Check:
    """Whether the network is better on sealed rows than a constant, and not worse than the strongest simple method.

    Promises to find a simple method that is better by .08 in a share, or beside which the network's error is .2 larger,
    with 500 test rows, and a network that is no better than a constant.

    Args:
        case: the network and its data.

    Returns:
        The lead of the strongest simple method, paired on the same rows, and the network's lead over the constant.
    """
    evidence, test = case.bundle.evidence, held(case, case.scored("test"))
    if (few := _few("beats_baselines", test)) is not None:
        return few
    over, spec = _over_constant(case, test), main_metric(test.truth, test.scored.decoded)
    beaten = (over.low if over.higher_is_better else -over.high) > 0
    constant = Judgement(
        "pass" if beaten else "warn", f"over a constant: {number(over.value)} (95 % interval {interval(over)})"
    )
    if evidence.lead is None or evidence.lead.name != spec.name:
        verdict = "inconclusive" if beaten else constant.verdict
        return Check("beats_baselines", verdict, evidence.verdict, constant.reason, (over,))
    deficit = _deficit(evidence.lead, evidence.baselines.get(evidence.rival, ()), relative(spec))
    threshold = case.threshold(RELATIVE_DEFICIT if relative(spec) else DEFICIT, "beats_baselines")
    p_value = p_beyond(deficit, threshold)
    judgement = judge(deficit, threshold, p_value)
    if not beaten and judgement.verdict != "fail":
        # Without a p-value: what is not shown is not shown, however many tests there are.
        lead = f"{metric(spec.name)} of the network is not shown to be better than that of a constant"
        headline = f"{lead}: it differs by {number(over.value)} ({interval(over)}) on {over.n:,} test rows."
        return Check("beats_baselines", "warn", headline, constant.reason, (deficit, over), threshold)
    return Check(
        "beats_baselines", judgement.verdict, evidence.verdict, judgement.reason, (deficit, over), threshold, p_value
    )


def _few(name: str, part: Held) -> Check | None:
    groups = part.truth.groups
    units = part.truth.rows if groups is None else len(np.unique(groups))
    if part.truth.rows < 50:
        return too_few(name, part.truth.rows, part.truth.split)
    if units < 10:
        return too_few(name, units, f"{part.truth.split} group", 10)
    return None


def _ends(one: Estimate, scale: float) -> str:
    return f"{number(scale * one.low)} to {number(scale * one.high)}"


def _loss_gap(train: Held, test: Held, seed: int) -> tuple[Estimate, ...]:
    """How much more wrong each row is in the mean; a quantity's gap says that already."""
    if not test.truth.classes:
        return ()
    about = Facts(test.truth.rows, "test", "nats")
    return (difference("gap[loss]", test.mean_loss(seed + 1), train.mean_loss(seed), about),)


def _deficit(lead: Estimate, rival: tuple[Estimate, ...], ratio: bool) -> Estimate:
    """The lead of the simple method: a share, or, as a ratio, a share of its own error."""
    sign = -1 if lead.higher_is_better else 1
    own = next((one.value for one in rival if one.name == lead.name), 1.0)
    scale = sign / (own if ratio and own > 0 else 1.0)
    low, high = sorted((scale * lead.low, scale * lead.high))
    return Estimate(f"deficit[{lead.name}]", scale * lead.value, low, high, lead.n, "", False, lead.split)


def _over_constant(case: Case, test: Held) -> Estimate:
    """The network's main metric less that of the training rows' class shares, or of their mean."""
    learned = np.asarray(case.truth(case.split.train))
    if not test.truth.classes:
        constant: Floats = np.full(test.truth.rows, float(learned.mean()))
    elif learned.ndim == 2:
        constant = np.tile(learned.mean(axis=0), (test.truth.rows, 1))
    else:
        shares = np.bincount(learned[learned >= 0], minlength=len(test.truth.classes)) / max(len(learned), 1)
        constant = np.tile(shares, (test.truth.rows, 1))
    found = compare(test.truth, test.scored.decoded, constant, case.bundle.recipe.seed)
    return replace(found, name=f"over_constant[{found.name}]")
