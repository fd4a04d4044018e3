"""Fixtures that tests anywhere may ask for by name."""

from tests.postgres import database, database_url, postgres_server, postgres_url

__all__ = ["database", "database_url", "postgres_server", "postgres_url"]
