"""Audits made by hand: one like those of a hospital, one full of attacks, and one that is far too long."""

from __future__ import annotations

from dataclasses import replace

from report.bundles import HOSTILE, bundle
from vouch.charts import FIRST, chart, quantity
from vouch.contracts.bundle import BundleValue, Calibrator, Conformal, Look, Taught, Treatment
from vouch.contracts.finding import (
    SEVERITY,
    Check,
    Estimate,
    Figure,
    Finding,
    Offer,
    Suspects,
    Table,
    Threshold,
    Verdict,
)  # fmt: skip
from vouch.contracts.proof import Audit, Difference, Outcome, Proof, Trial

CHALLENGES = (
    "overfitting", "data_quality", "calibration", "black_box", "fairness", "robustness", "poisoning", "theft",
    "privacy", "efficiency", "drift",
)  # fmt: skip
LEVELS = Threshold("label_errors", 0.02, 0.05, why="above one label in fifty, a cleaning by hand pays")


def figure(name: str = "curve", points: int = 12, says: str = "The gap grows from 0.01 to 0.12.") -> Figure:
    """A line of that many points."""
    rows = [{"x": i, "y": (i % 7) / 10} for i in range(points)]
    mark = {
        "mark": {"type": "line", "color": FIRST},
        "encoding": {"x": quantity("x", "Epoch"), "y": quantity("y", "Gap")},
    }
    return Figure(name, "Gap by epoch", says, chart(says, rows, [mark]))


def full_check(verdict: Verdict = "fail", name: str = "label_errors") -> Check:
    """A check with everything that a check may have."""
    return Check(
        name,
        verdict,
        "0.031 of the labels are suspected to be wrong: about 44 of 1,409 rows.",
        "95 % interval 0.020 to 0.050: all of it beyond 0.020",
        (
            Estimate("label_errors", 0.031, 0.02, 0.05, 1409),
            Estimate("noise[yes to no]", 0.08, 0.05, 0.11, 390, split="out of fold"),
            Estimate("duplicates", 12, 12, 12, 7043, split="all"),
        ),
        LEVELS,
        0.0004,
        0.0072,
        Suspects(
            tuple(range(100, 412)),
            tuple(1 - i / 400 for i in range(312)),
            ("no, looks like yes",) * 312,
        ),
        (figure(),),
        (
            Table(
                "Suspected by class",
                ("class", "rows", "suspected", "share"),
                (("yes", 390, 31, 0.0795), ("no", 1019, 13, 0.0128)),
            ),
        ),
        12.5,
    )


def brief_check(verdict: Verdict, name: str) -> Check:
    """A check with a sentence alone."""
    return Check(name, verdict, f"Of 1,409 rows {name.replace('_', ' ')} found 0.", "the interval excludes 0.050")


def finding(challenge: str, verdict: Verdict, checks: int = 5) -> Finding:
    """A finding of that verdict whose other checks pass."""
    first = full_check(verdict, f"{challenge}_check")
    rest = tuple(brief_check("pass", f"check_{i}") for i in range(checks - 2))
    headline = f"1 of {checks - 1} checks comes to “{verdict}”: {first.headline} Also duplicates and near duplicates."
    return Finding(
        challenge,
        verdict,
        headline,
        "of its worst check",
        (first, *rest, brief_check("not applicable", "dark_pictures")),
        (
            Offer("prune_label_errors", "Leaves the most suspected rows out of training."),
            Offer("weigh_label_errors", "Lets suspected rows count less."),
        ),
        ("Northcutt, Jiang and Chuang, Confident learning: estimating uncertainty in dataset labels (2021)",),
        34.2,
    )


def proof(verdict: Outcome = "better", look: int = 1, remedy: str = "prune_label_errors") -> Proof:
    """A proof with a claim, a price and trials."""
    level = 1 - 0.05 / look
    later = (0.388, 0.872) if verdict == "better" else (0.431, 0.855)
    pairs = (("log_loss", 0.412, later[0], False), ("roc_auc", 0.861, later[1], True), ("accuracy", 0.81, 0.808, True))
    before, after = (
        tuple(_around(name, (without, treated)[at], up) for name, without, treated, up in pairs) for at in (0, 1)
    )
    moved = tuple(
        Difference(name, b - a, b - a - 0.009, b - a + 0.009, 0.0002, 0.0004, 1409, "", up, verdict, level)
        for name, a, b, up in pairs
    )
    trials = [Trial("nothing", "", 0.43, 0.0, 0.85, 0.0)]
    for i, strength in enumerate(("0.5", "0.8", "1.0")):
        trials.append(Trial(remedy, strength, 0.42 - i / (200 * look), 0.004, 0.853 + i / 500, 8.1, i == 2))
    trials.append(Trial("relabel_errors", "0.5", 0.44, 0.006, 0.846, 9.3))
    return Proof(
        "data_quality",
        remedy,
        "1.0",
        "log_loss",
        verdict,
        f"{remedy.replace('_', ' ').capitalize()} (1.0) is {verdict}: log loss from {pairs[0][1]} to {pairs[0][2]} on "
        "1,409 sealed rows.",
        before,
        after,
        moved[:1],
        tuple(replace(one, verdict="no evidence", adjusted=0.31) for one in moved[1:]),
        "log_loss",
        tuple(trials),
        (0, 1, 2),
        look,
        ("Not tried, for no time was left for them: raise_dropout 0.3, raise_dropout 0.5. More budget tries them.",),
        (),
        95.0,
    )


def _around(name: str, value: float, up: bool) -> Estimate:
    return Estimate(name, value, value - 0.02, value + 0.02, 1409, "", up)


def audited(task: str = "binary", challenges: int = 3) -> BundleValue:
    """A bundle after an audit of so many challenges, with two proofs."""
    plain = bundle(task)
    verdicts: tuple[Verdict, ...] = ("fail", "warn", "pass", "inconclusive", "not applicable")
    if challenges < len(verdicts):
        verdicts = ("warn", "fail", "pass", "inconclusive")
    findings = tuple(finding(CHALLENGES[i], verdicts[i % len(verdicts)]) for i in range(challenges))
    odd = tuple(full_check(v, f"asked_{v.replace(' ', '_')}") for v in SEVERITY)
    findings = (replace(findings[0], checks=(*findings[0].checks, *odd)), *findings[1:])
    return replace(
        plain,
        audit=Audit(
            findings,
            (proof(), proof("worse", 2, "weigh_label_errors")),
            18,
            (("data_quality.label_errors.warn", 0.02),),
            75.0,
            60.0,
        ),
        looks=(*plain.looks, Look("audit", "2026-02-01T08:00:00Z", "findings of the audit")),
        treatments=(Treatment("data_quality", "prune_label_errors", "1.0", "Leaves suspected rows out of training."),),
        calibrator=Calibrator("temperature", ((0.0,), (1.4,)), 1200),
        conformal=Conformal("lac", 0.9, (0.8, 0.9), 1200),
        taught=Taught((3, 4), ("yes", "no"), (5,), (0.5,)),
    )


def attacked() -> BundleValue:
    """An audit in which every word is an attack."""
    bad = HOSTILE[4] + HOSTILE[0]
    estimates = tuple(Estimate(text, 0.5, 0.4, 0.6, 9, text, split=text) for text in HOSTILE)
    says = figure(says=bad)
    away = replace(says, name="away", spec={**says.spec, "data": {"url": "http://127.0.0.1:9/rows.csv"}})
    broken = replace(says, name="broken", spec={"mark": bad})
    odd = replace(says, name="odd", spec={**says.spec, "title": float("nan")})
    check = Check(
        bad, "fail", bad, bad, estimates, Threshold(bad, 0.1, 0.2, bad, True, bad), 0.01, 0.02,
        Suspects((1, 2), (0.5, float("nan")), (bad, HOSTILE[3])),
        (replace(says, name=bad, title=bad), away, broken, odd),
        (Table(bad, HOSTILE, (HOSTILE, HOSTILE)),),
    )  # fmt: skip
    offers = tuple(Offer(text, text) for text in (*HOSTILE, "it's; rm -rf /", "--out"))
    found = Finding(bad, "fail", bad, bad, (check, replace(check, verdict="pass")), offers, HOSTILE)
    hurt = tuple(replace(one, name=bad, unit=bad) for one in proof().differences)
    proved = replace(
        proof(), challenge=bad, remedy=bad, strength=bad, headline=bad, notes=HOSTILE, criterion=bad, chosen_by=bad,
        differences=hurt, price=hurt, figures=(replace(says, name=bad),),
        trials=tuple(Trial(text, text, 0.5, 0.1, 0.5, 1.0, True) for text in HOSTILE),
    )  # fmt: skip
    plain = bundle("binary")
    return replace(
        plain,
        audit=Audit((found, found), (proved, proved), 3, ((bad, 0.1),), 1.0, 0.0),
        treatments=(Treatment(bad, bad, bad, bad),),
        calibrator=Calibrator(bad, ((0.0,),), 9),
    )


def endless() -> BundleValue:
    """An audit that would fill many megabytes."""
    word = '<"&' * 400
    table = Table(word, (word,) * 50, ((word,) * 50,) * 300, 90_000)
    suspects = Suspects(tuple(range(10_000)), (0.5,) * 10_000, (word,) * 10_000)
    check = replace(
        full_check(), headline=word, reason=word, tables=(table,) * 30, suspects=suspects,
        figures=tuple(figure(f"curve_{i}", 40) for i in range(6)),
    )  # fmt: skip
    checks = tuple(replace(check, name=f"check_{i}", verdict=SEVERITY[i % 5]) for i in range(60))
    offers = (Offer(word, word),) * 200
    findings = tuple(Finding(f"c{i}", "fail", word, word, checks, offers, (word,) * 300, 1.0) for i in range(40))
    tried = (proof().trials[0], *(Trial(word, word, 0.1 * i, 0.1, 0.2 * i, 1.0, i == 800) for i in range(1, 900)))
    proved = replace(proof(), trials=tried, notes=(word,) * 99, headline=word, price=proof().price * 90)
    return replace(bundle("binary"), audit=Audit(findings, (proved,) * 40, 999, ((word, 0.1),) * 400, 1.0, 1.0))
