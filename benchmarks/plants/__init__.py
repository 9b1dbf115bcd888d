"""The bench of plants: how often each check finds a failing that was planted, and how often it accuses clean data."""
