"""Settings: what a file may say, and what the server answers when it may not."""

from pathlib import Path

import pytest

from kerege.exchange.security_server.settings import (
    Settings,
    SettingsError,
    load_settings,
    parse_settings,
    split_address,
)
from kerege.exchange.storage import open_database
from kerege.xroad.identifiers import ClientId

GOOD = """
identifier = "TEST/GOV/1234/SS1"
[listen]
peer = "127.0.0.11:5500"
[message_log]
keep_records_days = 7
"""


def written(tmp_path, text):
    path = tmp_path / "server.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_with_little_in_it_is_enough(tmp_path):
    settings = load_settings(written(tmp_path, GOOD))
    assert str(settings.server_id) == "SERVER:TEST/GOV/1234/SS1"
    assert settings.listen.peer == "127.0.0.11:5500"
    assert settings.listen.ocsp == "0.0.0.0:5577"
    assert settings.message_log.keep_records_days == 7.0


def test_relative_paths_start_at_the_file(tmp_path):
    settings = load_settings(written(tmp_path, GOOD))
    assert settings.path("spool") == tmp_path / "spool"
    assert settings.database_url == f"sqlite:///{tmp_path}/security-server.db"


@pytest.mark.parametrize("name", ["a?b", "a%41b", "a b", "ss?timeout=x", "Ысык-Көл"])
def test_a_database_lies_beside_its_settings_whatever_the_folder_is_called(
    tmp_path, name
):
    folder = tmp_path / name
    folder.mkdir()
    settings = load_settings(written(folder, GOOD))
    open_database(settings.database_url).close()
    assert (folder / "security-server.db").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_absolute_address_of_a_database_stays_as_it_is(tmp_path):
    for url in ("sqlite:////srv/x.db", "sqlite:///", "postgresql://user@host/name"):
        settings = load_settings(written(tmp_path, f'database = "{url}"\n{GOOD}'))
        assert settings.database_url == url


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "setting 'identifier' is missing"),
        ("identifier = 'A/B'", "4 codes"),
        (GOOD + "[colour]\nx=1", "unknown setting 'colour'"),
        (GOOD + "[limits]\nidle_seconds='x'", "must be of type float"),
        (GOOD + "[limits]\nidle_seconds=-1", "must not be negative"),
        (GOOD + "timestamp_records_limit = 0", "at least 1"),  # it would stamp nothing
        (GOOD + "[configuration]\nupdate_interval_seconds = 0", "at least 1"),
        (GOOD + "archive_interval_seconds = nan", "must be a number"),
        (GOOD + "archive_interval_seconds = inf", "must be a number"),
        ("workers = 0\n" + GOOD, "at least 1"),
        ("workers = 1025\n" + GOOD, "must be at most 1024"),
        ("listen = 1\nidentifier='A/B/C/D'", "is a section"),
        ("identifier = ", "is not TOML"),
    ],
)
def test_a_wrong_file_is_explained(tmp_path, text, said):
    with pytest.raises(SettingsError, match=said):
        load_settings(written(tmp_path, text))


def test_a_missing_file_is_explained(tmp_path):
    with pytest.raises(SettingsError, match="Cannot read the settings file"):
        load_settings(tmp_path / "nowhere.toml")


def test_addresses_are_split():
    assert split_address("127.0.0.1:8080") == ("127.0.0.1", 8080)
    assert split_address("[::1]:8080") == ("::1", 8080)
    with pytest.raises(SettingsError, match="host:port"):
        split_address("8080")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:²", "is not of the form host:port"),
        ("127.0.0.1:٣", "is not of the form host:port"),
        ("127.0.0.1:65536", "is not of the form host:port"),
        ("127.0.0.1:" + "9" * 5000, "is not of the form host:port"),
        ("a" * 70 + ".example:80", "is neither a host's name nor its address"),
        ("é" + "x" * 80 + ":80", "is neither a host's name nor its address"),
        ("..:80", "is neither a host's name nor its address"),
        ("a\0b:80", "is neither a host's name nor its address"),
    ],
)
def test_an_address_that_no_socket_takes_is_refused(address, said):
    with pytest.raises(SettingsError, match=said):
        split_address(address)


def message_log(text: str) -> Settings:
    return parse_settings(
        f'identifier = "T/C/M/S"\n[message_log]\n{text}', Path("server.toml")
    )


def test_bodies_are_logged_but_for_listed_subsystems():
    assert message_log("").message_log.body_logging is None
    off = message_log("log_bodies = false").message_log.body_logging
    assert off == (False, frozenset(), frozenset())
    listed = message_log(
        'disabled_body_logging_local_producer_subsystems = "T/C/M/A, T/C/M/B,"'
    ).message_log.body_logging
    expected = {ClientId("T", "C", "M", "A"), ClientId("T", "C", "M", "B")}
    assert listed == (True, expected, frozenset())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'enabled_body_logging_remote_producer_subsystems = "T/C/M/A"',
            "has no effect with log_bodies = true",
        ),
        (
            (
                "log_bodies = false\n"
                'disabled_body_logging_local_producer_subsystems = "T/C/M/A"'
            ),
            "use enabled_body_logging_local",
        ),
        (
            'disabled_body_logging_local_producer_subsystems = "T/C/M"',
            "'T/C/M' is none",
        ),
        ('larger_bodies = "cut"', "one of: digest-only, truncate, refuse"),
        ('archive_grouping = "MEMBER"', "one of: none, member, subsystem"),
    ],
)
def test_a_list_without_effect_and_a_choice_that_is_none_are_named(text, said):
    with pytest.raises(SettingsError, match=said):
        message_log(text)
