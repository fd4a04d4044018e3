"""Keeping documents: judged, scanned, synced to the disk, then written in the table."""

import hashlib
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING

from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from kerege.apps.common.audit.record import Outcome, record
from kerege.apps.common.documents.kinds import HEAD_BYTES, Kind, kind_of
from kerege.apps.common.documents.models import Document, opaque
from kerege.apps.common.documents.scanning import ScannerError, VirusFoundError, scan
from kerege.apps.common.staff.models import Office, User

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile

MAX_BYTES = 20 * 1024 * 1024
"""A scan of ten pages in colour; more would fill a village's disk."""


class DocumentRefusedError(Exception):
    """A file is not taken.

    Args:
        reason: One word, for the audit log.
        text: For the person, in their language.
    """

    def __init__(self, reason: str, text: str | Promise) -> None:
        super().__init__(reason)
        self.reason = reason
        self.text = text


def store(file: "UploadedFile[bytes]", *, actor: User, office: Office) -> Document:
    """Keep a file that somebody uploaded.

    Raises:
        DocumentRefusedError: It is empty, too large, of a kind that is not taken, or
            harmful; or there is no room on the disk. Nothing of it stays.
    """
    try:
        document = _store(file, actor, office)
    except DocumentRefusedError as error:
        details = {"reason": error.reason}
        record(actor, "store document", outcome=Outcome.REFUSED, details=details)
        raise
    record(actor, "store document", document.public_id)
    return document


def path_of(document: Document) -> Path:
    """Return where a document's bytes are."""
    return _path(document.public_id)


def _store(file: "UploadedFile[bytes]", actor: User, office: Office) -> Document:
    kind = _judged(file)
    scanned = _scanned(file)
    public_id = opaque()
    file.seek(0)
    try:
        digest = _written(file, _path(public_id))
    except OSError as error:
        text = _("There is no room for the file. Tell whoever looks after the site.")
        raise DocumentRefusedError("no room", text) from error
    return Document.objects.create(
        public_id=public_id,
        office=office,
        name=_shown_name(file.name or ""),
        media_type=kind.media_type,
        size=file.size or 0,
        sha256=digest,
        scanned=scanned,
        created_by=actor,
        created_at=timezone.now(),
    )


def _judged(file: "UploadedFile[bytes]") -> Kind:
    if not file.size:
        raise DocumentRefusedError("empty", _("The file is empty."))
    if file.size > MAX_BYTES:
        raise DocumentRefusedError("too large", _("The file is larger than 20 MB."))
    file.seek(0)
    kind = kind_of(file.read(HEAD_BYTES))
    if kind is None:
        text = _("The file is no PDF, PNG or JPEG. Scan the document, or take a photo.")
        raise DocumentRefusedError("kind", text)
    return kind


def _scanned(file: "UploadedFile[bytes]") -> bool:
    scanner: str = settings.CONFIGURATION.virus_scanner
    if not scanner:
        return False
    file.seek(0)
    try:
        scan(file, scanner)
    except VirusFoundError as error:
        text = _("The file is harmful. Do not open it.")
        raise DocumentRefusedError("virus", text) from error
    except ScannerError as error:
        text = _("The file could not be checked for viruses. Try again later.")
        raise DocumentRefusedError("not scanned", text) from error
    return True


def _written(file: "UploadedFile[bytes]", path: Path) -> str:
    """Write and sync a file under its name; before, it has another."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    digest = hashlib.sha256()
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as output:
            for chunk in file.chunks():
                digest.update(chunk)
                output.write(chunk)
            _sync(output)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return digest.hexdigest()


def _sync(output: IO[bytes]) -> None:
    output.flush()
    os.fsync(output.fileno())


def _path(public_id: str) -> Path:
    folder: Path = settings.CONFIGURATION.folder
    return folder / "documents" / public_id[:2] / public_id


def _shown_name(name: str) -> str:
    """Return a name without folders and control characters."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable())[:200] or "document"
