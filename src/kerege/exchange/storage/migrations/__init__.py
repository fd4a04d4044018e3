"""The history of the schema, run by Alembic from inside the package.

Every step is one module in ``versions``; a step never imports the tables as they are
today, it spells out what it makes. Batch mode lets SQLite alter tables.
"""

from importlib import import_module

from sqlalchemy import Connection, inspect, text

HEAD = "0009"
"""The newest step; a test holds it to what Alembic finds."""
_LOCK = 7_301_501
"""PostgreSQL's advisory lock while the schema changes: any number, always the same."""


def upgrade(connection: Connection, revision: str = HEAD) -> None:
    """Bring the tables up to date inside the connection's transaction.

    A server that finds its tables up to date, as at every start but the first, does
    not load Alembic: that would cost it ten megabytes for as long as it runs.

    Raises ``database_error`` if the database has steps that this program does not know.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    if current(connection) != revision:
        runner = import_module("kerege.exchange.storage.migrations.runner")
        runner.run(connection, revision)


def current(connection: Connection) -> str | None:
    """Return the newest step that the database has taken; None if it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version"))
    return found.scalar()
