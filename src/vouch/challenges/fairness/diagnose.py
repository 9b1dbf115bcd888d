"""The questions of this challenge, cheapest first.

All figures are of sealed rows, but for what the columns tell of one another, which training rows say. What is chosen
for a question, such as the slices that are tested, is chosen by training and validation rows.
"""

from __future__ import annotations

from vouch.challenges.fairness.columns import sensitive_columns
from vouch.challenges.fairness.parity import demographic_parity, equalized_odds, predictive_parity
from vouch.challenges.fairness.proxies import proxies
from vouch.challenges.fairness.slices import slices
from vouch.challenges.fairness.worst import error_parity

CHECKS = (
    sensitive_columns,
    demographic_parity,
    equalized_odds,
    predictive_parity,
    error_parity,
    proxies,
    slices,
)
