"""Faults injected into the real platform: short in the suite, many seeded trials of each by `make faults`."""
