"""Measurements behind ``benchmarks/RESULTS.md``."""
