"""What may be done where groups are not treated alike: before training, in it, or after it.

Each remedy says where it acts. Those after training cost none; those that tell groups apart in prediction need the
sensitive columns there, which is not everywhere allowed. Those before training need them in training alone.
"""

from __future__ import annotations

from typing import Any

from vouch.challenges.fairness import deciding, teaching
from vouch.contracts.bundle import BundleValue
from vouch.contracts.case import Lesson, Remedy
from vouch.contracts.recipe import Recipe

AFTER: tuple[Remedy[BundleValue], ...] = (
    Remedy(
        "shift_thresholds_by_group",
        "Gives each group a threshold of its own, such that a share of the criterion's gap is closed at the least "
        "loss; the sensitive columns are needed in prediction.",
        "bundle", deciding.shares, deciding.shift_by_group,
    ),
    Remedy(
        "reject_option",
        "Decides the rows in a band around one half for groups that are called the class too seldom, and against the "
        "others; the sensitive columns are needed in prediction.",
        "bundle", deciding.bands, deciding.reject_options,
    ),
    Remedy(
        "shift_threshold",
        "Calls rows the class from another probability than one half, the same one for all groups.",
        "bundle", deciding.cuts, deciding.shift_for_all,
    ),
)  # fmt: skip

BEFORE: tuple[Remedy[Lesson], ...] = (
    Remedy(
        "reweigh_groups",
        "Weighs training rows so that group and target are independent of each other among them.",
        "lesson", teaching.powers, teaching.reweigh,
    ),
    Remedy(
        "exponentiate_gradient",
        "Weighs the training rows of each group and class by what the criterion's constraint costs there, found by "
        "exponentiated gradients on the answers of the network as it stands.",
        "lesson", teaching.closed_shares, teaching.exponentiate,
    ),
    Remedy(
        "balance_groups",
        "Draws training rows so that groups that are rare within a class stand more often.",
        "lesson", teaching.powers, teaching.balance,
    ),
)  # fmt: skip

WITHIN: tuple[Remedy[Recipe], ...] = (
    Remedy(
        "penalise_gap",
        "Adds to the loss how far the mean answers of groups lie apart, squared: over all rows, or within each class.",
        "recipe", teaching.penalties, teaching.penalise,
    ),
    Remedy(
        "group_dro",
        "Lets groups count in each step by the exponential of their loss, so that those that fare worst count most.",
        "recipe", teaching.steepness, teaching.count_by_loss,
    ),
)  # fmt: skip

REMEDIES: tuple[Remedy[Any], ...] = (*AFTER, *BEFORE, *WITHIN)
