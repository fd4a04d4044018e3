"""Kerege: an X-Road 7-compatible data exchange, and what stands on it."""

__version__ = "0.1.0"
