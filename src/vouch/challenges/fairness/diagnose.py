"""The questions of this challenge, cheapest first.

All figures are of sealed rows. What is chosen for a question, such as the slices that are tested, is chosen by others.
"""

from __future__ import annotations

from vouch.challenges.fairness.parity import demographic_parity, equalized_odds, predictive_parity
from vouch.challenges.fairness.worst import error_parity

CHECKS = (demographic_parity, equalized_odds, predictive_parity, error_parity)
