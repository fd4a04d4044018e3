"""What of the message log a key still opens: before it is forgotten, nothing may be."""

from pathlib import Path
from typing import NamedTuple

from sqlalchemy import LargeBinary, func, select

from kerege.exchange.messagelog.bodies_folder import are_right, require_right
from kerege.exchange.messagelog.sealing import KEY_ID_BYTES
from kerege.exchange.messagelog.trouble import database_as
from kerege.exchange.storage import Database
from kerege.exchange.storage.message_log_tables import contents

_KEY_AT = 1
"""Where a seal names its key: behind its version."""


class KeyUse(NamedTuple):
    """What a key opens."""

    records: int
    files: int
    """Files of large bodies."""


def use_of_key(database: Database, folder: Path, key_id: str) -> KeyUse:
    """Count what a key opens; reads all seals of the log. Blocks.

    Archives hold messages in clear, or encrypted with OpenPGP: they need no key of the
    log.

    Args:
        database: The message log's.
        folder: That of large bodies, with files of records and of those being written.
        key_id: 16 hexadecimal digits.

    Raises:
        XRoadError: ``database_error``; ``io_error`` if the folder cannot be read, or is
            not the one that bodies were logged in.
    """
    name = bytes.fromhex(key_id)
    named = func.substr(contents.c.seal, _KEY_AT + 1, KEY_ID_BYTES, type_=LargeBinary)
    question = select(func.count()).select_from(contents).where(named == name)
    with database_as("database_error", "The message log cannot be read"):
        if not are_right(database, folder):
            require_right(database, folder)
        with database.read() as connection:
            records = connection.execute(question).scalar_one()
    files = folder.iterdir() if folder.is_dir() else ()  # none before the first start
    return KeyUse(records, sum(_names(path, name) for path in files))


def _names(path: Path, key: bytes) -> bool:
    """Whether a file names this key; one that is gone meanwhile does not."""
    try:
        with path.open("rb") as file:
            return file.read(_KEY_AT + KEY_ID_BYTES)[_KEY_AT:] == key
    except (FileNotFoundError, IsADirectoryError):
        return False
