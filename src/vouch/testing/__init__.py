"""Conformance suites: what every modality, task, net and challenge must keep, for ours and for anybody's own."""

from vouch.testing.case import case_for, small_case
from vouch.testing.challenge import check_challenge, check_finding
from vouch.testing.explainer import check_explainer
from vouch.testing.modality import check_modality
from vouch.testing.net import check_net
from vouch.testing.task import check_task

__all__ = [
    "case_for",
    "check_challenge",
    "check_explainer",
    "check_finding",
    "check_modality",
    "check_net",
    "check_task",
    "small_case",
]
