"""The database of an installation, as Django wants it told.

SQLite as the exchange uses it: write-ahead log, every commit synced, writers wait for
each other and take the lock when they begin (design.md, section 4).
"""

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from kerege.portal.configuration import Configuration, ConfigurationError

FILE = "portal.sqlite"
BUSY_SECONDS = 20
"""A writer waits so long for another; longer than any request may take."""
_PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"


def database_settings(configuration: Configuration) -> dict[str, Any]:
    """Return Django's settings of the database.

    Raises:
        ConfigurationError: The address is of a kind that there is not.
    """
    address = configuration.database or f"sqlite://{configuration.folder / FILE}"
    if address.startswith("sqlite://"):
        return _sqlite(address.removeprefix("sqlite://"))
    parts = urlsplit(address)
    if parts.scheme not in ("postgresql", "postgresql+psycopg"):
        message = "database is neither sqlite://PATH nor postgresql://…"
        raise ConfigurationError(message)
    query = parse_qs(parts.query)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.get("host", [parts.hostname or ""])[0],
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
    }


def _sqlite(path: str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": BUSY_SECONDS,
            "init_command": _PRAGMAS,
        },
    }
