"""Runs Alembic. Imported only when there is a step to take."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from kerege.xroad.faults import XRoadError


def configuration(connection: Connection) -> Config:
    """Return Alembic's configuration for an open connection, without a file."""
    config = Config()
    config.set_main_option(
        "script_location", str(Path(__file__).parent).replace("%", "%%")
    )
    config.attributes["connection"] = connection
    return config


def run(connection: Connection, revision: str) -> None:
    """Take the steps up to ``revision``.

    Raises ``database_error`` if the database has steps that this program does not know.
    """
    try:
        command.upgrade(configuration(connection), revision)
    except CommandError as error:
        raise XRoadError(
            "database_error",
            f"The database belongs to another version of this program: {error}",
            advice="Install the version that last used it, or a later one.",
        ) from error
