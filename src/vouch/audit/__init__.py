"""Run challenges over a case, and the statistics that every figure rests on."""
