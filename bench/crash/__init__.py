"""Crash runs: `kill -9` and power cuts under load; what was acknowledged must be there."""
