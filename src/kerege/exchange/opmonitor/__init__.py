"""Operational monitoring: records of messages are buffered, stored, told on request."""
