"""The configuration client: keeps this server's copy of the global configuration."""

from kerege.exchange.configuration.directory import (
    Readiness,
    configuration_files,
    load_directory,
    readiness,
)

__all__ = ["Readiness", "configuration_files", "load_directory", "readiness"]
