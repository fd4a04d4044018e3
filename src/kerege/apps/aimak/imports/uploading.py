"""Storing a file that was sent, and finding out what its columns are."""

from datetime import timedelta
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from kerege.apps.aimak.imports.models import (
    KEEP_DAYS,
    Import,
    SavedMapping,
    State,
)
from kerege.apps.aimak.workbooks.mapping import ColumnMapping, best_sheet, guess
from kerege.apps.aimak.workbooks.reader import read_heads
from kerege.apps.aimak.workbooks.sheets import Row
from kerege.apps.common.audit.record import record
from kerege.apps.common.staff.models import Office, User


def store(office: Office, actor: User, file_name: str, path: Path) -> Import:
    """Store a file with its best sheet and the columns that are guessed or remembered.

    Args:
        office: Whose book it is.
        actor: Who sends it.
        file_name: As it is called at their place.
        path: Where it lies now.

    Raises:
        WorkbookError: It cannot be read; nothing is stored.
    """
    book, heads = read_heads(path)
    place, mapping = best_sheet(heads) or (0, ColumnMapping(0, "", {}))
    content = path.read_bytes()
    with transaction.atomic():
        _forget_old_files(office)
        item = Import.objects.create(
            office=office,
            created_by=actor,
            created_at=timezone.now(),
            file_name=Path(file_name).name[-200:],
            content=content,
            size=len(content),
            kind=book.kind,
            encoding=book.encoding,
            sheets=[sheet.name for sheet in book.sheets],
            sheet=place,
            epoch_1904=book.epoch_1904,
            mapping=remembered(office, mapping).to_json(),
            unit_code=office.unit_code,
            state=State.UPLOADED,
        )
        record(actor, "import uploaded", item.public_id)
    return item


def remembered(office: Office, mapping: ColumnMapping) -> ColumnMapping:
    """Return the mapping with the columns that the office chose for this header before."""
    saved = SavedMapping.objects.filter(
        office=office, fingerprint=mapping.fingerprint
    ).first()
    if saved is None:
        return mapping
    data = {**mapping.to_json(), "columns": saved.columns}
    return ColumnMapping.from_json(data)


def remember(office: Office, mapping: ColumnMapping) -> None:
    """Remember the columns of a header for the office's next book."""
    if mapping.fingerprint:
        SavedMapping.objects.update_or_create(
            office=office,
            fingerprint=mapping.fingerprint,
            defaults={"columns": mapping.to_json()["columns"]},
        )


def mapping_of_sheet(office: Office, rows: list[Row]) -> ColumnMapping:
    """Return what is guessed or remembered of a sheet's columns; none without a header."""
    return remembered(office, guess(rows) or ColumnMapping(0, "", {}))


def _forget_old_files(office: Office) -> None:
    before = timezone.now() - timedelta(days=KEEP_DAYS)
    kept = (State.UPLOADED, State.CHECKED, State.REFUSED)
    Import.objects.filter(
        office=office, created_at__lt=before, state__in=kept, content__isnull=False
    ).update(content=None)
