"""An audit log from before there were chains is chained when it is upgraded."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from kerege.apps.common.audit.models import Entry
from kerege.apps.common.audit.record import record
from kerege.apps.common.audit.verifying import verify

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
OLD = ("audit", "0001_initial")


@pytest.fixture
def old_tables() -> Iterator[MigrationExecutor]:
    MigrationExecutor(connection).migrate([OLD])
    yield MigrationExecutor(connection)
    newest()


def newest() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def test_old_entries_come_into_the_chain_in_their_order(old_tables: MigrationExecutor):
    entries = old_tables.loader.project_state([OLD]).apps.get_model("audit", "Entry")
    for number in range(3):
        entries.objects.create(
            recorded_at=NOON, action="view person", subject=f"p{number}",
            outcome="done", details={"reason": "кезек"},
        )  # fmt: skip
    newest()
    record(None, "sign in")
    assert verify() == 4
    assert [e.subject for e in Entry.objects.order_by("sequence")] == [
        "p0", "p1", "p2", "",
    ]  # fmt: skip
