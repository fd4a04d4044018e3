"""Making a backup of a portal that runs."""

import os
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kerege.apps.common.audit.verifying import current_head
from kerege.portal.backup import DOCUMENTS, HEAD
from kerege.portal.backup.database import copy_database
from kerege.portal.backup.sealed import SealingWriter
from kerege.portal.configuration import FILE, Configuration


def make(configuration: Configuration, file: Path, passphrase: str) -> int:
    """Write everything to one sealed file, and return its size.

    The file is there when it is whole: until then it has another name.

    Raises:
        DatabaseCopyError: The database could not be copied.
        OSError: The disk is full, or a file cannot be read.
    """
    partial = file.with_name(file.name + ".partial")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as output:
            sealed = SealingWriter(output, passphrase)
            _fill(configuration, sealed)
            sealed.close()
            output.flush()
            os.fsync(output.fileno())
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    return file.stat().st_size


def _fill(configuration: Configuration, sealed: SealingWriter) -> None:
    folder = configuration.folder
    with (
        tempfile.TemporaryDirectory(prefix=".backup-", dir=folder) as temporary,
        tarfile.open(fileobj=sealed, mode="w|gz") as archive,  # type: ignore[call-overload]  # it only writes
    ):
        head = Path(temporary) / HEAD
        head.write_bytes(current_head().to_json())
        archive.add(head, HEAD)
        copy = copy_database(configuration, Path(temporary))
        archive.add(copy, copy.name)
        for path in _files(folder):
            archive.add(path, str(path.relative_to(folder)), recursive=False)


def _files(folder: Path) -> Iterator[Path]:
    yield folder / FILE
    yield from sorted(folder.glob("*.key"))
    for path in sorted((folder / DOCUMENTS).rglob("*")):
        if path.is_file() and not path.is_symlink() and path.suffix != ".partial":
            yield path
