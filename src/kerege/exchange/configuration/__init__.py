"""The configuration client: keeps this server's copy of the global configuration.

`ConfigurationClient` downloads and serves it; `LocalConfiguration` serves what another
process downloads; `load_directory` reads a folder once.
"""

from kerege.exchange.configuration.client import (
    ConfigurationClient,
    ConfigurationSettings,
    ConfigurationStatus,
    read_anchor_file,
)
from kerege.exchange.configuration.directory import (
    Readiness,
    configuration_files,
    load_directory,
    readiness,
)
from kerege.exchange.configuration.fetcher import Answer, Fetcher, FetcherSettings
from kerege.exchange.configuration.local import LocalConfiguration

__all__ = [
    "Answer",
    "ConfigurationClient",
    "ConfigurationSettings",
    "ConfigurationStatus",
    "Fetcher",
    "FetcherSettings",
    "LocalConfiguration",
    "Readiness",
    "configuration_files",
    "load_directory",
    "read_anchor_file",
    "readiness",
]
