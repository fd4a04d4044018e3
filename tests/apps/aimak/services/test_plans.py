"""No service walks a table, however many people there are."""

import re
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.apps.aimak.conftest import USEN_PIN, Family
from tests.apps.aimak.services.asker import ask

pytestmark = pytest.mark.django_db

PATHS = (
    f"/address-fact/{USEN_PIN}",
    f"/family-members/{USEN_PIN}",
    f"/livestock/{USEN_PIN}",
    f"/household-card/{USEN_PIN}",
    f"/changes?after={quote('2026-01-01T00:00:00Z')}",
)


@pytest.mark.parametrize("path", PATHS)
def test_every_statement_finds_its_rows_by_an_index(path, asanovs: Family, units):
    ask(path)
    with CaptureQueriesContext(connection) as asked:
        assert ask(path).status == 200
    statements = [
        one["sql"]
        for one in asked
        if one["sql"].lstrip().upper().startswith(("SELECT", "WITH"))
        and "aimak_" in one["sql"]
    ]
    assert statements
    for statement in statements:
        assert walked(statement) == [], statement


def walked(statement: str) -> list[str]:
    """Return the tables of the register that a statement reads from end to end."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
            steps = [str(row[-1]) for row in cursor.fetchall()]
            pattern = r"^SCAN (\w+)(?! USING)"
        else:
            # Tables of a test are so small that walking them would be right.
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {statement}")
            steps = [str(row[0]) for row in cursor.fetchall()]
            pattern = r"Seq Scan on (aimak_\w+)"
    return [found[1] for step in steps if (found := re.search(pattern, step))]


def test_a_walk_would_be_seen(asanovs: Family):
    statement = "SELECT * FROM aimak_personfacts WHERE surname = 'Асанов'"
    assert walked(statement) == ["aimak_personfacts"]
