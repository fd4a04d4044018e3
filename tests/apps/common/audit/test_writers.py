"""Many write the audit log at once; commands check it from outside."""

import threading
from pathlib import Path

import pytest
from django.db import connection, transaction

from kerege.apps.common.audit.models import Entry, Lane
from kerege.apps.common.audit.record import record
from kerege.apps.common.audit.verifying import verify
from tests.portal_folder import PortalFolder, new_portal

WRITE = """
from kerege.apps.common.audit.record import record
for number in range(25):
    record(None, "view person", f"{number}")
"""
CUT = """
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("DELETE FROM audit_entry WHERE sequence > 70")
    cursor.execute(
        "UPDATE audit_lane SET sequence = 70,"
        " hash = (SELECT hash FROM audit_entry WHERE sequence = 70)"
    )
"""


@pytest.fixture
def folder(tmp_path: Path) -> PortalFolder:
    return new_portal(tmp_path / "portal")


def test_processes_write_one_chain_and_a_cut_tail_is_told_to_people(
    folder: PortalFolder, tmp_path: Path
):
    writers = [folder.start_python(WRITE) for _ in range(3)]
    assert [folder.ended(one).returncode for one in writers] == [0, 0, 0]
    told = folder.kerege("audit", "verify")
    assert told.stdout == "75 entries, nothing removed, cut or rewritten.\n"
    head = tmp_path / "head.json"
    assert folder.kerege("audit", "head", str(head)).returncode == 0
    assert head.stat().st_mode & 0o777 == 0o600
    assert folder.python(CUT).returncode == 0
    assert folder.kerege("audit", "verify").returncode == 0
    refused = folder.kerege("audit", "verify", "--head", str(head))
    assert refused.returncode == 1
    assert refused.stderr == (
        "Error: The audit log was tampered with\n"
        "  Lane 1, entry 71: it is missing, and all up to 75: the tail was cut.\n"
        "  Keep the database as it is, and compare it with a backup.\n"
    )


@pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite has one writer at a time"
)
@pytest.mark.django_db(transaction=True)
def test_transactions_at_the_same_time_do_not_wait_for_each_other():
    """On PostgreSQL: the second writes and commits while the first is still open."""

    def second() -> None:
        try:
            record(None, "second")
        finally:
            connection.close()

    with transaction.atomic():
        record(None, "first")
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
        assert [entry.action for entry in Entry.objects.order_by("pk")] == [
            "first",
            "second",
        ]
    assert Lane.objects.count() == 2
    record(None, "third")
    assert Lane.objects.count() == 2
    assert verify() == 3
