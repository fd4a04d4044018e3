"""The backup of a portal on PostgreSQL, put back into an empty database."""

import os
from pathlib import Path

import pytest

from tests.portal_folder import PortalFolder, new_portal
from tests.postgres import PostgresServer, binaries, needs_postgres

pytestmark = [pytest.mark.postgres, needs_postgres]

WRITE = """
from kerege.apps.common.audit.record import record
for number in range(30):
    record(None, "view person", f"{number}")
"""


def test_a_portal_on_postgresql_goes_on_from_its_backup(
    postgres_server: PostgresServer, postgres_url: str, tmp_path: Path, monkeypatch
):
    monkeypatch.setenv("PATH", f"{binaries()}{os.pathsep}{os.environ['PATH']}")
    folder = PortalFolder(tmp_path / "portal")
    folder.path.mkdir()
    settings = folder.path / "portal.toml"
    settings.write_text(f'database = "{postgres_url}"\n', encoding="utf-8")
    new_portal(folder.path)
    assert folder.python(WRITE).returncode == 0
    (tmp_path / "words").write_text("five old apple trees in bloom\n")
    words = ("--passphrase-file", str(tmp_path / "words"))
    made = folder.kerege("portal", "backup", str(tmp_path / "file"), *words)
    assert made.returncode == 0, made.stderr

    again = PortalFolder(tmp_path / "new machine")
    refused = again.kerege("portal", "restore", str(tmp_path / "file"), *words)
    assert (refused.returncode, "is not empty" in refused.stderr) == (1, True)
    assert not again.path.exists()

    postgres_server.drop_database(postgres_url)
    name = postgres_url.partition("@/")[2].partition("?")[0]
    with postgres_server._connect() as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 LOCALE 'C'")
    told = again.kerege("portal", "restore", str(tmp_path / "file"), *words)
    assert told.returncode == 0, told.stderr
    assert "30 entries in the audit log" in told.stdout
    assert sorted(path.name for path in again.path.iterdir()) == [
        "audit-head.json",
        "portal.toml",
        "secret.key",
    ]
