"""`kerege security-server init`: a whole folder, or nothing."""

import stat
import tomllib

import pytest
from sqlalchemy import make_url

from kerege.cli.security_server.settings_file import sections, settings_file
from kerege.exchange.keys import SoftwareToken
from kerege.exchange.security_server.settings import Settings, load_settings
from kerege.exchange.storage import open_database
from kerege.exchange.storage.server_configuration import load_server_configuration
from kerege.xroad.identifiers import ClientId, SecurityServerId
from tests.postgres import needs_postgres


def init(kerege, folder, anchor, pin, *more, identifier="TEST/GOV/1/SS1"):
    return kerege(
        *("security-server", "init", folder, "--identifier", identifier),
        *("--anchor", anchor, "--pin-from", pin, *more),
    )


def test_a_new_server_has_everything_it_needs(server):
    settings = load_settings(server / "server.toml")
    assert settings.server_id == SecurityServerId("TEST", "GOV", "1", "SS1")
    token = SoftwareToken.open(settings.path(settings.token))
    token.login("Secret-pin-1")
    database = open_database(settings.database_url)
    clients = load_server_configuration(database).clients
    database.close()
    assert list(clients) == [ClientId("TEST", "GOV", "1")]
    assert (server / "configuration-anchor.xml").exists()
    assert (server / "internal.crt").exists()


def test_nobody_else_may_read_what_a_server_keeps(server):
    assert stat.S_IMODE(server.stat().st_mode) == 0o700
    for file in (*server.iterdir(), *(server / "token").iterdir()):
        assert not stat.S_IMODE(file.stat().st_mode) & 0o077, file


def test_it_says_what_is_next_and_the_hash_to_compare(
    kerege, tmp_path, anchor, pin_file
):
    made = init(kerege, tmp_path / "new", anchor, pin_file())
    assert "SHA-224" in made.output
    assert "keys generate authentication" in made.output


def test_every_option_stands_in_the_file_with_its_default(server):
    text = (server / "server.toml").read_text()
    uncommented = "\n".join(
        line.removeprefix("#") if " = " in line and line.startswith("#") else line
        for line in text.splitlines()
        if not line.startswith("# ")
    )
    table = tomllib.loads(uncommented)
    for section in sections():
        found = table[section.name] if section.name else table
        for option in section.options:
            if option.name != "identifier":
                assert found[option.name] == option.default
    assert all(len(line) <= 80 for line in text.splitlines() if line.startswith("# "))


def test_the_file_with_nothing_changed_means_the_defaults(tmp_path):
    file = tmp_path / "server.toml"
    file.write_text(settings_file({"identifier": "TEST/GOV/1/SS1"}))
    read = load_settings(file)
    assert read == Settings(identifier="TEST/GOV/1/SS1", directory=tmp_path)


@pytest.mark.parametrize(
    ("identifier", "message"),
    [
        ("OTHER/GOV/1/SS1", "of instance TEST"),
        ("TEST/GOV/SS1", "4 codes"),
        ("TEST/GOV/1/SS%3A1", "cannot be used"),
    ],
)
def test_a_wrong_identifier_makes_nothing(
    kerege, tmp_path, anchor, pin_file, identifier, message
):
    made = init(kerege, tmp_path / "new", anchor, pin_file(), identifier=identifier)
    assert made.exit_code == 1
    assert message in made.output
    assert not (tmp_path / "new").exists()


def test_a_missing_anchor_is_said(kerege, tmp_path, pin_file):
    made = init(kerege, tmp_path / "new", tmp_path / "nothing.xml", pin_file())
    assert made.exit_code == 1
    assert "anchor file" in made.output
    assert "operator of the instance" in made.output


def test_a_weak_pin_is_refused_unless_it_is_asked_for(
    kerege, tmp_path, anchor, pin_file
):
    made = init(kerege, tmp_path / "new", anchor, pin_file("1234"))
    assert "at least 10" in made.output
    assert not (tmp_path / "new").exists()
    made = init(kerege, tmp_path / "new", anchor, pin_file("1234"), "--any-pin")
    assert made.exit_code == 0


def test_a_server_is_not_made_over_another(kerege, server, anchor, pin_file):
    made = init(kerege, server, anchor, pin_file())
    assert made.exit_code == 1
    assert "already holds a server" in made.output


def test_a_database_that_cannot_be_opened_leaves_no_server(
    kerege, tmp_path, anchor, pin_file
):
    url = f"sqlite:///{tmp_path}/nowhere/x.db"
    made = init(kerege, tmp_path / "new", anchor, pin_file(), "--database", url)
    assert made.exit_code == 1
    assert "database_error" in made.output
    assert not (tmp_path / "new" / "server.toml").exists()


@pytest.mark.postgres
@needs_postgres
def test_a_databases_password_goes_into_the_settings_file_only(
    kerege, tmp_path, anchor, pin_file, postgres_url
):
    (tmp_path / "password").write_text("s/e:c@ret\n")
    words = ("--database", postgres_url, "--password-from")
    made = init(
        kerege,
        tmp_path / "new",
        anchor,
        pin_file(),
        *words,
        f"file:{tmp_path}/password",
    )
    assert made.exit_code == 0, made.output
    config = tmp_path / "new" / "server.toml"
    assert config.stat().st_mode & 0o077 == 0
    address = make_url(load_settings(config).database_url)
    assert address.password == "s/e:c@ret"
    assert "c@ret" not in made.output


def test_a_typed_pin_is_asked_twice(kerege, tmp_path, anchor, monkeypatch):
    typed = iter(["Secret-pin-1", "Secret-pin-2"])
    monkeypatch.setattr("getpass.getpass", lambda _text: next(typed))
    made = init(kerege, tmp_path / "new", anchor, "prompt")
    assert made.exit_code == 1
    assert "The two PINs differ" in made.output
    typed = iter(["Secret-pin-1", "Secret-pin-1"])
    assert init(kerege, tmp_path / "new", anchor, "prompt").exit_code == 0
