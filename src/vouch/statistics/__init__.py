"""Intervals, tests and corrections that every figure of the house rests on; each is itself tested by simulation."""
