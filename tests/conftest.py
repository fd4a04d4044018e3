"""Fixtures that tests anywhere may ask for by name."""

from tests.postgres import (
    database,
    database_url,
    postgres_database,
    postgres_server,
    postgres_url,
    sqlite_database,
)

__all__ = [
    "database",
    "database_url",
    "postgres_database",
    "postgres_server",
    "postgres_url",
    "sqlite_database",
]
