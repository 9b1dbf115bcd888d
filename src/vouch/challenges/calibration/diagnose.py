"""The questions of this challenge, cheapest first.

All look at sealed rows; what has to be learned for a question, such as quantiles, is learned from validation rows.
"""

from __future__ import annotations

from vouch.challenges.calibration.certainty import accuracy_rejection
from vouch.challenges.calibration.coverage import conditional_coverage, conformal_coverage
from vouch.challenges.calibration.probabilities import brier, calibration_error
from vouch.challenges.calibration.residuals import residual_quantiles, residual_spread
from vouch.challenges.calibration.subgroups import class_calibration, group_calibration
from vouch.challenges.calibration.unfamiliar import out_of_distribution

CHECKS = (
    calibration_error,
    class_calibration,
    group_calibration,
    brier,
    conformal_coverage,
    conditional_coverage,
    accuracy_rejection,
    residual_quantiles,
    residual_spread,
    out_of_distribution,
)
