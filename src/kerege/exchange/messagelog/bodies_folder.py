"""Whether the folder of large bodies is the one that this log has written.

A disk that is not mounted leaves an empty folder in its place, and all bodies would look
lost: archives would be written without them, for good. So the folder has a mark, a file
with random digits, that the database knows. The mark is made with the first start; a
folder without it is not believed to have lost anything, until somebody says so.
"""

import secrets
from pathlib import Path

import structlog
from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from kerege.exchange.files import replace_file
from kerege.exchange.messagelog.trouble import database_as
from kerege.exchange.storage import Database
from kerege.exchange.storage.message_log_tables import attachments
from kerege.exchange.storage.server_configuration_tables import settings
from kerege.xroad.faults import XRoadError

MARK = ".kerege-message-log"
"""The file. It belongs to the folder: move them together."""
MAX_MARK_BYTES = 256
_KEY = "message-log-bodies"
ADVICE = (
    "Is its disk mounted? If the bodies are lost for good: kerege security-server "
    "message-log accept-lost-bodies"
)

_log = structlog.get_logger(__name__)


def mark_bodies(database: Database, folder: Path) -> None:
    """Mark a new log's folder; say if another one is in its place. Blocks.

    Raises ``database_error``, OSError.
    """
    with database_as("database_error", "The message log cannot be read"):
        with database.read() as connection:
            known = _known(connection)
        if known is not None and _read(folder) == known:
            return
        try:
            with database.write() as connection:
                known = _known(connection)
                if known is None:
                    known = secrets.token_hex(16)
                    _write(folder, known)
                    connection.execute(settings.insert().values(key=_KEY, value=known))
                elif _read(folder) != known and not _has_files(connection):
                    _write(folder, known)  # there is nothing to be lost
        except IntegrityError:  # another worker starts too, and was quicker
            accept_lost_bodies(database, folder)
        if not are_right(database, folder):
            _log.error("folder of logged bodies is another", hint=ADVICE)


def are_right(database: Database, folder: Path) -> bool:
    """Whether the folder is the one that the database knows. Raises SQLAlchemyError."""
    with database.read() as connection:
        known = _known(connection)
    return known is None or _read(folder) == known


def require_right(database: Database, folder: Path) -> None:
    """Raise ``io_error`` if the folder is not there, or another one."""
    if not folder.is_dir():
        raise XRoadError(
            "io_error", f"The folder of logged bodies {folder} is not there"
        )
    if not are_right(database, folder):
        raise XRoadError(
            "io_error",
            f"The folder {folder} is not the one that bodies were logged in",
            advice=ADVICE,
        )


def accept_lost_bodies(database: Database, folder: Path) -> None:
    """Take the folder for the right one from now on. Raises OSError."""
    with database.read() as connection:
        known = _known(connection)
    if known is not None:
        _write(folder, known)


def _known(connection: Connection) -> str | None:
    question = select(settings.c.value).where(settings.c.key == _KEY)
    found = connection.execute(question).scalar()
    return None if found is None else str(found)


def _has_files(connection: Connection) -> bool:
    question = select(attachments.c.record_id).where(attachments.c.file.is_not(None))
    return connection.execute(question.limit(1)).first() is not None


def _read(folder: Path) -> str:
    try:
        with (folder / MARK).open("rb") as file:
            return file.read(MAX_MARK_BYTES).decode("ascii", "replace").strip()
    except OSError:
        return ""


def _write(folder: Path, mark: str) -> None:
    replace_file(folder / MARK, f"{mark}\n".encode())
