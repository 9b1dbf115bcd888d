"""Conformance suites: what every modality, task and net must keep, for ours and for anybody's own."""

from vouch.testing.modality import check_modality
from vouch.testing.net import check_net
from vouch.testing.task import check_task

__all__ = ["check_modality", "check_net", "check_task"]
