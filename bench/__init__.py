"""Benchmarks: `make bench` runs all of them, `make bench ONLY=exchange` some."""
