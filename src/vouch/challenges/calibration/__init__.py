"""Does the network know how sure it may be: calibration, prediction sets, and rows unlike those it learned from."""

from __future__ import annotations

from vouch.challenges.asking import Checklist
from vouch.challenges.calibration.diagnose import CHECKS
from vouch.challenges.calibration.treat import REMEDIES

CHALLENGE = Checklist(
    "calibration",
    "Do promised probabilities come true, and does the network know when it does not know?",
    CHECKS,
    REMEDIES,
    (
        "Guo, Pleiss, Sun and Weinberger, 2017: On Calibration of Modern Neural Networks",
        "Bröcker and Smith, 2007: Increasing the Reliability of Reliability Diagrams",
        "Ferro and Fricker, 2012: A bias-corrected decomposition of the Brier score",
        "Sadinle, Lei and Wasserman, 2019: Least Ambiguous Set-Valued Classifiers with Bounded Error Levels",
        "Lei, G'Sell, Rinaldo, Tibshirani and Wasserman, 2018: Distribution-Free Predictive Inference for Regression",
        "Vovk, 2012: Conditional validity of inductive conformal predictors",
        "Traub and others, 2024: Overcoming Common Flaws in the Evaluation of Selective Classification Systems",
        "Sun, Ming, Zhu and Li, 2022: Out-of-Distribution Detection with Deep Nearest Neighbors",
        "Zadrozny and Elkan, 2002: Transforming classifier scores into accurate multiclass probability estimates",
    ),
    criterion={"binary": "ece", "multiclass": "ece", "multilabel": "ece", "regression": "rmse"},
)
