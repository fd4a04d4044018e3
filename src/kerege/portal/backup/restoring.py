"""Putting a backup back on an empty machine."""

import os
import re
import shutil
import tarfile
import tempfile
import zlib
from pathlib import Path
from typing import IO

from kerege.portal.backup import DOCUMENTS, HEAD
from kerege.portal.backup.database import DUMP, is_sqlite, put_back
from kerege.portal.backup.sealed import CHUNK, SealedReader, SealError
from kerege.portal.configuration import FILE, Configuration
from kerege.portal.databases import FILE as SQLITE

NAMES = re.compile(
    rf"{re.escape(FILE)}|{re.escape(HEAD)}|{re.escape(DUMP)}|{re.escape(SQLITE)}"
    rf"|[a-z0-9-]{{1,40}}\.key|{DOCUMENTS}/[0-9a-f]{{2}}/[0-9a-f]{{32}}"
)
"""What a backup may hold; anything else is not written anywhere."""
MAX_FILES = 10_000_000
"""Documents of a country's offices; an archive of more is not ours."""


class FolderNotEmptyError(Exception):
    """A backup is only put where nothing is."""


def restore(folder: Path, file: Path, passphrase: str) -> Configuration:
    """Fill an empty folder, and with PostgreSQL the empty database of its settings.

    Files come under a name beside the folder and get their place when the whole backup
    was proven; of a changed or cut one nothing stays.

    Returns:
        The settings of what was restored.

    Raises:
        FolderNotEmptyError: Something is in the folder.
        SealError: The file is no backup, was changed or cut, or the passphrase is
            another.
        DatabaseCopyError: PostgreSQL's database is not empty or refused.
    """
    if folder.exists() and any(folder.iterdir()):
        message = f"{folder} is not empty"
        raise FolderNotEmptyError(message)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        with file.open("rb") as source:
            _unpack(SealedReader(source, passphrase), partial)
        configuration = Configuration.from_folder(partial)
        if not is_sqlite(configuration):
            put_back(configuration, partial / DUMP)
            (partial / DUMP).unlink()
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return Configuration.from_folder(folder)


def _unpack(sealed: SealedReader, folder: Path) -> None:
    try:
        with tarfile.open(fileobj=sealed, mode="r|gz") as archive:  # type: ignore[call-overload]  # it only reads
            for number, member in enumerate(archive):
                content = archive.extractfile(member)
                allowed = NAMES.fullmatch(member.name) and member.isreg()
                if not allowed or content is None or number >= MAX_FILES:
                    raise SealError("The backup holds what no portal has")
                _write(content, folder / member.name)
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise SealError("The backup's archive cannot be read") from error
    sealed.finish()


def _write(content: IO[bytes], path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as output:
        shutil.copyfileobj(content, output, CHUNK)
        output.flush()
        os.fsync(output.fileno())
