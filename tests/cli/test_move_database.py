"""`kerege security-server move-database`, as an operator uses it."""

import os
import re
from pathlib import Path

import pytest
from sqlalchemy import make_url

from kerege.cli.security_server import move_database as module
from kerege.cli.security_server.common import changing
from kerege.cli.security_server.database_password import with_password
from kerege.cli.security_server.move_database import how_to_use
from kerege.exchange.processes import only_process
from kerege.exchange.security_server.settings import load_settings
from kerege.exchange.storage import open_database
from kerege.exchange.storage.server_configuration import load_server_configuration
from kerege.xroad.identifiers import ClientId
from tests.postgres import needs_postgres

CLIENT = "TEST/GOV/1/portal"


@pytest.mark.postgres
@needs_postgres
def test_a_stopped_server_moves_to_postgresql(ss, server: Path, postgres_url: str):
    assert ss("client", "add", CLIENT, "--connection", "http").exit_code == 0
    done = ss("move-database", postgres_url)
    assert done.exit_code == 0, done.output
    assert "  clients: 2\n" in done.output
    assert f'database = "{postgres_url}"' in done.output
    again = ss("move-database", postgres_url)
    assert again.exit_code == 1
    assert "The new database is not empty: " in again.output

    config = server / "server.toml"
    text = re.sub(
        r"(?m)^database = .*$", f'database = "{postgres_url}"', config.read_text()
    )
    config.write_text(text)
    assert CLIENT in ss("client", "list").output
    moved = open_database(postgres_url)
    assert load_server_configuration(moved).client(ClientId.from_path(CLIENT))
    moved.close()
    same = ss("move-database", postgres_url)
    assert "uses this database already" in same.output


def test_not_while_the_server_runs(ss, server: Path, tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'new.db'}"
    with only_process(load_settings(server / "server.toml").lock_file):
        refused = ss("move-database", url)
    assert refused.exit_code == 1
    assert "stop it first" in refused.output
    assert not (tmp_path / "new.db").exists()


def test_nothing_is_changed_while_the_database_moves(
    ss, server: Path, tmp_path: Path, monkeypatch
):
    url = f"sqlite:///{tmp_path / 'new.db'}"
    copy, said = module.copy_database, []

    def copying(*arguments):
        said.append(ss("client", "add", CLIENT, "--connection", "http"))
        said.append(ss("client", "list"))
        said.append(ss("message-log", "accept-lost-bodies", "--yes"))
        return copy(*arguments)

    monkeypatch.setattr(module, "copy_database", copying)
    assert ss("move-database", url).exit_code == 0
    refused, listed, lost = said
    assert refused.exit_code == 1
    assert "The database is being moved; what is changed now would be lost" in (
        refused.output
    )
    assert listed.exit_code == 0, "looking is not changing"
    assert "The database is being moved" in lost.output
    added = ss("client", "add", CLIENT, "--connection", "http")
    assert added.exit_code == 0, added.output


def test_the_database_does_not_move_while_a_command_changes_it(
    ss, server: Path, tmp_path: Path
):
    url = f"sqlite:///{tmp_path / 'new.db'}"
    with changing(server / "server.toml"):
        refused = ss("move-database", url)
    assert refused.exit_code == 1
    assert "Another command is changing the database" in refused.output
    assert not (tmp_path / "new.db").exists()


NOBODY = "postgresql+psycopg://kerege@127.0.0.1:9/none"


def test_an_address_with_a_password_is_not_shown_again(ss, tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'new.db'}"
    assert ss("move-database", url).exit_code == 0
    tried = ss("move-database", NOBODY.replace("kerege@", "kerege:secret@"))
    assert "could see the password in this command" in tried.output
    assert "secret" not in tried.output


@pytest.mark.parametrize("kind", ["file", "env", "fd"])
def test_a_password_need_not_stand_in_the_command(tmp_path, monkeypatch, kind, capsys):
    kept = tmp_path / "password"
    kept.write_text("s/e:c@ret\n")
    monkeypatch.setenv("DATABASE_PASSWORD", "s/e:c@ret")
    sources = {
        "file": lambda: f"file:{kept}",
        "env": lambda: "env:DATABASE_PASSWORD",
        "fd": lambda: f"fd:{os.open(kept, os.O_RDONLY)}",
    }
    address = make_url(with_password(NOBODY, sources[kind]()))
    assert (address.password, address.username) == ("s/e:c@ret", "kerege")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("file:/no/such/file", "No password can be read from file:/no/such/file"),
        ("env:NO_SUCH_NAME", "There is no password in env:NO_SUCH_NAME"),
        ("fd:999999", "No password can be read from fd:999999"),
        ("secret", "--password-from takes fd:N, file:PATH, env:NAME or prompt"),
    ],
)
def test_where_no_password_is_nothing_is_copied(ss, server: Path, source, said):
    tried = ss("move-database", NOBODY, "--password-from", source)
    assert (tried.exit_code, said in tried.output) == (1, True), tried.output


def test_the_last_line_can_be_copied_and_says_what_is_missing():
    url = "postgresql+psycopg://kerege@db.example/kerege?sslmode=require"
    line = f'  database = "{url}"'
    assert how_to_use(url) == line
    shown = how_to_use(url.replace("kerege@", "kerege:secret@"))
    assert shown.startswith(f"{line}\nand add the password to the address")
    assert "~/.pgpass" in shown
    assert "secret" not in shown
