"""Every failing that is looked for: one folder each, with how it is found and what may be done about it."""

from vouch.challenges import calibration, data_quality, fairness, overfitting
from vouch.contracts.case import Challenge

ALL: tuple[Challenge, ...] = (
    overfitting.CHALLENGE, data_quality.CHALLENGE, calibration.CHALLENGE, fairness.CHALLENGE,
)  # fmt: skip

__all__ = ["ALL"]
