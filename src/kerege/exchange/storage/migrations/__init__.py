"""The history of the schema, run by Alembic from inside the package.

Every step is one module in ``versions``; a step never imports the tables as they are
today, it spells out what it makes. Batch mode lets SQLite alter tables.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, text

from kerege.xroad.faults import XRoadError

_LOCK = 7_301_501
"""PostgreSQL's advisory lock while the schema changes: any number, always the same."""


def configuration(connection: Connection) -> Config:
    """Return Alembic's configuration for an open connection, without a file."""
    config = Config()
    config.set_main_option(
        "script_location", str(Path(__file__).parent).replace("%", "%%")
    )
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the tables up to date inside the connection's transaction.

    Raises ``database_error`` if the database has steps that this program does not know.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    try:
        command.upgrade(configuration(connection), revision)
    except CommandError as error:
        raise XRoadError(
            "database_error",
            f"The database belongs to another version of this program: {error}",
            advice="Install the version that last used it, or a later one.",
        ) from error
