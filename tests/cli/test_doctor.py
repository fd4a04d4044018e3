"""`kerege doctor`: what a person and a program see of it."""

import json

import pytest

from kerege.cli.doctor_output import WIDTH
from kerege.exchange.doctor.catalogue import CHECKS

LEFT_ALONE = ("certificates", "keys", "database", "files", "settings")


def test_words_for_people(kerege, server):
    shown = kerege("doctor", "--config", server / "server.toml", "--only", "keys")
    assert shown.exit_code == 0
    assert shown.output.splitlines()[0].startswith("Security server TEST/GOV/1/SS1, ")
    assert "Good: keys" in shown.output
    assert "Everything is good." in shown.output


def test_what_is_wrong_comes_first_with_what_to_do(kerege, server):
    shown = kerege(
        *("doctor", "--config", server / "server.toml", "--only", "certificates"),
        *("--only", "keys"),
    )
    assert shown.exit_code == 2
    lines = shown.output.splitlines()
    assert lines[2] == "ERROR  D-AUTH-CERT-NONE  server TEST/GOV/1/SS1"
    assert any(line.startswith("  So: The server does not start") for line in lines)
    assert any(
        line.startswith("  Do: kerege security-server keys generate") for line in lines
    )
    assert lines[-1] == "2 errors."
    assert all(len(line) <= WIDTH for line in lines[3:])


def test_json_for_programs(kerege, server):
    config = server / "server.toml"
    shown = kerege("doctor", "--config", config, "--only", "certificates", "--json")
    assert shown.exit_code == 2
    report = json.loads(shown.output)
    assert report["server"] == "TEST/GOV/1/SS1"
    assert report["settings"] == str(config)
    assert report["verdict"] == "error"
    first = report["findings"][0]
    assert set(first) == {
        *("code", "severity", "area", "subject", "what", "follows", "advice")
    }
    assert first["code"] == "D-AUTH-CERT-NONE"
    assert first["area"] == "certificates"


def test_good_is_shown_if_asked_for(kerege, server):
    shown = kerege(
        *("doctor", "--config", server / "server.toml", "--only", "keys", "-v")
    )
    assert "good  keys  0 keys, their files are there" in shown.output


def test_warnings_alone_have_an_exit_code_of_their_own(kerege, server):
    log = server / "security-server.db"
    for step in (server, *server.parents):
        if step.stat().st_mode & 0o011 != 0o011:
            step.chmod(0o755)
        if step.name.startswith("pytest-of"):
            break
    log.chmod(0o644)
    shown = kerege("doctor", "--config", server / "server.toml", "--only", "files")
    assert shown.exit_code == 1
    assert "WARNING  D-FILE-OPEN" in shown.output
    assert shown.output.endswith("1 warning.\n")


def test_a_missing_settings_file_is_a_finding_too(kerege, tmp_path):
    shown = kerege("doctor", "--config", tmp_path / "server.toml")
    assert shown.exit_code == 2
    assert "ERROR  D-SETTINGS-MISSING" in shown.output
    assert "Traceback" not in shown.output


def test_a_wrong_name_lists_the_checks(kerege):
    shown = kerege("doctor", "--only", "everything")
    assert shown.exit_code == 2
    for check in CHECKS:
        assert f"'{check.name}'" in shown.output


def test_a_pin_that_is_not_given_is_not_good(kerege, server, pin_file):
    config = server / "server.toml"
    shown = kerege("doctor", "--config", config, "--only", "PIN")
    assert shown.exit_code == 2
    assert "give --pin-from" in shown.output
    given = kerege(
        *("doctor", "--config", config, "--only", "PIN", "--pin-from", pin_file())
    )
    assert "Good: PIN" in given.output
    assert given.exit_code == 0


def test_words_of_strangers_cannot_steer_a_terminal(kerege, server):
    config = server / "server.toml"
    config.write_text('spool = "sp\\u001b[31mool"\n' + config.read_text())
    shown = kerege("doctor", "--config", config, "--only", "server")
    assert "\x1b[31mool" not in shown.output
    assert "\N{REPLACEMENT CHARACTER}[31mool" in shown.output


def test_nothing_is_changed(kerege, server):
    before = {p: p.read_bytes() for p in server.rglob("*") if p.is_file()}
    for check in CHECKS:
        if check.name in LEFT_ALONE:
            kerege("doctor", "-c", server / "server.toml", "--only", check.name)
    assert {p: p.read_bytes() for p in server.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_whole_examination_ends_without_a_traceback(kerege, server, more):
    """A server that was only just made: much is wrong, and all of it is said."""
    shown = kerege("doctor", "--config", server / "server.toml", *more)
    assert shown.exit_code == 2
    for code in (
        *("D-SERVER-DOWN", "D-AUTH-CERT-NONE", "D-CONF-MISSING"),
        *("D-CONF-SOURCE", "D-TSA-NONE", "D-SIGN-CERT-NONE"),
    ):
        assert code in shown.output, shown.output
    if not more:
        last = shown.output.partition("Not looked at, for want of")[2]
        assert "OCSP" in last
        assert "other servers" in last.replace("\n", " ")
    assert "CRASHED" not in shown.output
    assert "Traceback" not in shown.output
