"""Every failing that is looked for: one folder each, with how it is found and what may be done about it."""

from vouch.challenges import black_box, calibration, data_quality, fairness, overfitting
from vouch.contracts.case import Challenge

ALL: tuple[Challenge, ...] = (
    overfitting.CHALLENGE,
    data_quality.CHALLENGE,
    calibration.CHALLENGE,
    black_box.CHALLENGE,
    fairness.CHALLENGE,
)

__all__ = ["ALL"]
