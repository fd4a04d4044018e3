"""`kerege security-server settings`, and the document that is made from it."""

import json
from pathlib import Path

import pytest

from kerege.cli.security_server.settings_file import reference

DOCUMENT = Path(__file__).parents[2] / "docs/reference/settings.md"


def test_the_document_of_settings_is_up_to_date():
    assert DOCUMENT.read_text(encoding="utf-8") == reference(), (
        "make it anew: kerege security-server settings reference "
        "> docs/reference/settings.md"
    )


def test_the_reference_is_printed(kerege):
    shown = kerege("security-server", "settings", "reference")
    assert shown.output == reference()
    assert "proxy.client-http-port" in shown.output


def test_show_prints_what_a_server_uses(ss):
    assert "TEST/GOV/1/SS1" in ss("settings", "show").output
    values = json.loads(ss("settings", "show", "--json").output)
    assert values["peers.port"] == 5500
    assert values["identifier"] == "TEST/GOV/1/SS1"


def test_a_password_of_the_database_is_not_shown(ss, server):
    file = server / "server.toml"
    url = "postgresql+psycopg://user:secret@host/name"
    text = file.read_text().replace("sqlite:///security-server.db", url)
    file.write_text(text)
    shown = ss("settings", "show").output
    assert "secret" not in shown
    assert "postgresql+psycopg://user:***@host/name" in shown


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("#port = 5500", "prot = 5500", "unknown setting 'prot'"),
        ("#port = 5500", "port = '5500'", "must be of type int"),
        ("#port = 5500", "port = -1", "must not be negative"),
        ("identifier", "[[[", "is not TOML"),
    ],
)
def test_a_wrong_settings_file_is_explained(ss, server, old, new, message):
    file = server / "server.toml"
    file.write_text(file.read_text().replace(old, new))
    shown = ss("settings", "show")
    assert shown.exit_code == 1
    assert message in shown.output
    assert "settings reference" in shown.output


def test_without_a_settings_file_it_says_where_to_look(kerege, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = kerege("security-server", "client", "list")
    assert shown.exit_code == 1
    assert "There is no settings file server.toml" in shown.output
    assert "--config" in shown.output
