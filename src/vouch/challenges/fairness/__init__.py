"""Whom does the network hurt: how it treats groups of people, whether groups fare worse, and what evens it out."""

from __future__ import annotations

from vouch.challenges.asking import Checklist
from vouch.challenges.fairness.judging import CRITERION, JUDGING
from vouch.challenges.fairness.treat import REMEDIES
from vouch.contracts.case import Case


def _unsuited(case: Case) -> str:
    return "" if case.bundle.schema.sensitive else "no sensitive column was named; fit again with --sensitive COLUMN"


CHALLENGE = Checklist(
    "fairness",
    "Does the network treat groups of people alike, and whom does it hurt?",
    (),
    REMEDIES,
    (
        "Hardt, Price and Srebro, 2016: Equality of Opportunity in Supervised Learning",
        "Kamiran, Karim and Zhang, 2012: Decision Theory for Discrimination-Aware Classification",
        "Corbett-Davies, Pierson, Feller, Goel and Huq, 2017: Algorithmic Decision Making and the Cost of Fairness",
    ),
    criterion=CRITERION,
    unsuited=_unsuited,
    judging=JUDGING,
)
