"""A database is opened: its schema, its locks, its refusals."""

import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from kerege.exchange.storage import Database, database as module, open_database
from kerege.exchange.storage.migrations import HEAD, current, upgrade
from kerege.exchange.storage.migrations.runner import configuration
from kerege.exchange.storage.tables import metadata
from kerege.xroad.faults import XRoadError
from tests.postgres import PostgresServer, needs_postgres


def test_the_migrations_make_exactly_the_tables_that_the_program_uses(
    database: Database,
):
    with database.read() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)

    assert differences == []


def test_the_newest_step_is_the_one_that_alembic_finds(database: Database):
    with database.read() as connection:
        config = configuration(connection)
        assert ScriptDirectory.from_config(config).get_current_head() == HEAD
        assert current(connection) == HEAD


def test_a_database_that_is_up_to_date_is_opened_without_alembic(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'server.db'}"
    open_database(url).close()
    program = (
        "import sys; from kerege.exchange.storage import open_database; "
        f"open_database({url!r}).close(); assert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_partial_indexes_exist_on_both_databases(database: Database):
    with database.read() as connection:
        names = {
            index["name"]
            for index in inspect(connection).get_indexes("message_log_records")
        }

    assert "ix_message_log_records_unstamped" in names
    assert "ix_message_log_records_to_archive" in names


@pytest.mark.parametrize(
    ("question", "index"),
    [
        ("timestamp_id IS NULL ORDER BY id LIMIT 9", "unstamped"),
        (
            "timestamp_id IS NOT NULL AND archived IS 0 AND id > 1 ORDER BY id",
            "to_archive",
        ),
        ("timestamp_id = 7", "timestamp_id"),
        ("query_id = 'q'", "query_id"),
    ],
)
def test_the_jobs_find_their_records_by_an_index(
    sqlite_database: Database, question: str, index: str
):
    with sqlite_database.read() as connection:
        asked = f"SELECT id FROM message_log_records WHERE {question}"  # noqa: S608 - the table above
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}").all()

    assert f"ix_message_log_records_{index}" in str(plan)


def test_every_step_can_be_taken_back_and_again(database: Database):
    with database.write() as connection:
        command.downgrade(configuration(connection), "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
        upgrade(connection)
    with database.read() as connection:
        assert "clients" in inspect(connection).get_table_names()


def test_opening_again_changes_nothing_and_keeps_the_data(database_url: str):
    first = open_database(database_url)
    with first.write() as connection:
        connection.execute(text("INSERT INTO settings VALUES ('a', 'ң ө ү')"))
    first.close()

    second = open_database(database_url)
    with second.read() as connection:
        assert connection.execute(text("SELECT value FROM settings")).scalar() == (
            "ң ө ү"
        )
    second.close()


def test_two_processes_may_open_a_new_database_at_once(database_url: str):
    opened: list[Database] = []
    threads = [
        threading.Thread(target=lambda: opened.append(open_database(database_url)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(opened) == 4
    for one in opened:
        one.close()


def test_a_failed_write_leaves_nothing(database: Database):
    def fail() -> None:
        with database.write() as connection:
            connection.execute(text("INSERT INTO settings VALUES ('a', 'b')"))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM settings")).scalar() == 0


def test_a_reader_does_not_wait_for_a_writer(database: Database):
    with database.write() as writing:
        writing.execute(text("INSERT INTO settings VALUES ('a', 'b')"))
        with database.read() as reading:
            count = reading.execute(text("SELECT count(*) FROM settings")).scalar()
            assert count == 0


def test_a_database_of_a_later_program_is_refused(database_url: str):
    opened = open_database(database_url)
    with opened.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    opened.close()

    with pytest.raises(XRoadError) as caught:
        open_database(database_url)
    assert caught.value.code == "database_error"
    assert "another version" in caught.value.message


def test_sqlite_commits_reach_the_disk(tmp_path: Path):
    opened = open_database(f"sqlite:///{tmp_path / 'kerege.db'}")
    with opened.read() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    opened.close()

    assert all(
        stat.S_IMODE(path.stat().st_mode) == 0o600 for path in tmp_path.iterdir()
    )
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_second_sqlite_writer_waits_at_the_beginning_and_then_gives_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "BUSY_TIMEOUT_SECONDS", 0.01)
    opened = open_database(f"sqlite:///{tmp_path / 'kerege.db'}")
    with (
        opened.write(),
        pytest.raises(Exception, match="database is locked"),
        opened.write(),
    ):
        pytest.fail("two writers at once")
    opened.close()


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://host/db", "sqlite+aiosqlite:///x", "postgresql:/"]
)
def test_other_databases_are_refused(url: str):
    with pytest.raises(XRoadError) as caught:
        open_database(url)
    assert caught.value.code == "database_error"
    assert caught.value.advice


def test_a_folder_that_does_not_exist_is_an_error_that_says_so(tmp_path: Path):
    with pytest.raises(XRoadError, match="unable to open database file"):
        open_database(f"sqlite:///{tmp_path / 'nowhere' / 'kerege.db'}")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path):
    (tmp_path / "text").write_text("This is not a database, it is a long sentence.")
    with pytest.raises(XRoadError, match="file is not a database"):
        open_database(f"sqlite:///{tmp_path / 'text'}")


def test_the_password_is_in_no_message(tmp_path: Path):
    with pytest.raises(XRoadError) as caught:
        open_database(f"postgresql://user:s3cret@/db?host={tmp_path}")
    assert caught.value.code == "database_error"
    assert "s3cret" not in caught.value.message + caught.value.advice


@needs_postgres
@pytest.mark.postgres
def test_a_postgresql_database_that_is_not_utf8_is_refused(
    postgres_server: PostgresServer,
):
    url = postgres_server.create_database(encoding="SQL_ASCII")
    with pytest.raises(XRoadError) as caught:
        open_database(url)
    postgres_server.drop_database(url)

    assert caught.value.code == "database_error"
    assert "SQL_ASCII" in caught.value.message


@needs_postgres
@pytest.mark.postgres
def test_an_old_postgresql_is_refused(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "MIN_POSTGRESQL", 990000)
    with pytest.raises(XRoadError, match="has version") as caught:
        open_database(postgres_url)
    assert "99" in caught.value.advice
