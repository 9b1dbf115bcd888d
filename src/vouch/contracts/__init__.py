"""The frozen values that travel between the stations, and the protocols they speak; no computation."""
