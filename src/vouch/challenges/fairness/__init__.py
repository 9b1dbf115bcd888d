"""Whom does the network hurt: how it treats groups of people, whether groups fare worse, and what evens it out."""

from __future__ import annotations

from vouch.challenges.asking import Checklist
from vouch.challenges.fairness.diagnose import CHECKS
from vouch.challenges.fairness.judging import CRITERION, JUDGING
from vouch.challenges.fairness.treat import REMEDIES

CHALLENGE = Checklist(
    "fairness",
    "Whom does the network hurt: do groups fare differently, and who fares worst?",
    CHECKS,
    REMEDIES,
    (
        "Calders, Kamiran and Pechenizkiy, 2009: Building Classifiers with Independency Constraints",
        "Hardt, Price and Srebro, 2016: Equality of Opportunity in Supervised Learning",
        "Chouldechova, 2017: Fair Prediction with Disparate Impact",
        "Kleinberg, Mullainathan and Raghavan, 2017: Inherent Trade-Offs in the Fair Determination of Risk Scores",
        "Agarwal, Dudík and Wu, 2019: Fair Regression",
        "Berk and others, 2018: Fairness in Criminal Justice Risk Assessments",
        "Chung and others, 2019: Slice Finder: Automated Data Slicing for Model Validation",
        "Eyuboglu and others, 2022: Domino: Discovering Systematic Errors with Cross-Modal Embeddings",
        "Kamiran, Karim and Zhang, 2012: Decision Theory for Discrimination-Aware Classification",
        "Kamiran and Calders, 2012: Data Preprocessing Techniques for Classification without Discrimination",
        "Corbett-Davies, Pierson, Feller, Goel and Huq, 2017: Algorithmic Decision Making and the Cost of Fairness",
        "Agarwal and others, 2018: A Reductions Approach to Fair Classification",
        "Sagawa and others, 2020: Distributionally Robust Neural Networks for Group Shifts",
    ),
    criterion=CRITERION,
    judging=JUDGING,
)
