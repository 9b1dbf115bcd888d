"""Ask every challenge, correct for having asked many, and prove what a remedy was worth."""

from vouch.auditing.clock import Clock
from vouch.auditing.runner import Memory, Plan, run
from vouch.auditing.verdicts import is_met, junit

__all__ = ["Clock", "Memory", "Plan", "is_met", "junit", "run"]
