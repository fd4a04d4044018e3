"""Clients, services, rights, groups and time-stamping, one command after another."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from kerege.exchange.processes import only_process
from kerege.exchange.security_server.settings import load_settings
from tests.cli.configurations import instance_now, save

REGISTER = "TEST/GOV/1/register"
BANK = "TEST/COM/2/bank"
ADDRESS = f"{REGISTER}/address"


def done(result) -> str:
    assert result.exit_code == 0, result.output
    return result.output


def listed(ss, *words: str):
    return json.loads(done(ss(*words, "list", "--json")))


@pytest.fixture
def register(ss):
    """A server with a client that provides a service."""
    done(ss("client", "add", REGISTER, "--connection", "http"))
    done(ss("service", "add", ADDRESS, "http://127.0.0.1:9001/address"))
    return ss


@pytest.fixture
def certificate_file(tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "portal")])
    now = datetime.now(UTC)
    value = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "portal.crt"
    file.write_bytes(value.public_bytes(Encoding.PEM))
    return file


def test_a_client_is_added_changed_and_removed(ss):
    shown = done(ss("client", "add", BANK))
    assert "certificate add TEST/COM/2/bank FILE" in shown
    assert {
        "client": BANK,
        "connection": "SSLAUTH",
        "status": "registered",
        "certificates": [],
    } in listed(ss, "client")
    done(ss("client", "change", BANK, "--connection", "http", "--status", "disabled"))
    assert f"{BANK}  http" in done(ss("client", "list"))
    assert "disabled" in done(ss("client", "list"))
    done(ss("client", "remove", BANK, "--yes"))
    assert BANK not in done(ss("client", "list"))


def test_a_client_is_added_only_once(ss):
    done(ss("client", "add", BANK))
    again = ss("client", "add", BANK)
    assert again.exit_code == 1
    assert "already exists" in again.output
    assert "duplicate_entry" in again.output


def test_removing_asks_first(ss):
    done(ss("client", "add", BANK))
    assert ss("client", "remove", BANK).exit_code == 1
    assert BANK in done(ss("client", "list"))


def test_a_change_of_nothing_is_a_usage_error(ss):
    assert ss("client", "change", BANK).exit_code == 2


@pytest.mark.parametrize("identifier", ["TEST/COM", "a/b/c/d/e", "TEST//2/x", ""])
def test_what_is_no_client_is_a_usage_error(ss, identifier):
    shown = ss("client", "add", identifier)
    assert shown.exit_code == 2
    assert "is not INSTANCE/CLASS/MEMBER" in shown.output


def test_an_identifier_may_be_written_with_colons(ss):
    done(ss("client", "add", "TEST:COM:2:bank"))
    assert BANK in done(ss("client", "list"))


def test_certificates_let_information_systems_in(ss, certificate_file):
    done(ss("client", "add", BANK))
    assert "may speak for" in done(
        ss("client", "certificate", "add", BANK, certificate_file)
    )
    shown = done(ss("client", "certificate", "list", BANK))
    assert "CN=portal" in shown
    (found,) = json.loads(done(ss("client", "certificate", "list", BANK, "--json")))
    digest = found["sha256"]
    assert ss("client", "certificate", "remove", BANK, "xyz").exit_code == 2
    done(ss("client", "certificate", "remove", BANK, digest))
    gone = ss("client", "certificate", "remove", BANK, digest)
    assert (gone.exit_code, "does not exist" in gone.output) == (1, True)
    assert "No certificates" in done(ss("client", "certificate", "list", BANK))


def test_what_is_no_certificate_is_refused(ss, anchor):
    done(ss("client", "add", BANK))
    shown = ss("client", "certificate", "add", BANK, anchor)
    assert shown.exit_code == 1
    assert f"{anchor} is not a certificate" in shown.output
    assert "incorrect_certificate" in shown.output


def test_a_service_is_added_changed_and_removed(register):
    (found,) = listed(register, "service")
    assert found["service"] == "TEST:GOV:1:register:address"
    assert (found["type"], found["timeout_seconds"], found["verify_tls"]) == (
        "REST",
        60,
        True,
    )
    done(register("service", "change", ADDRESS, "--timeout", "5", "--no-verify-tls"))
    (found,) = listed(register, "service")
    assert (found["timeout_seconds"], found["verify_tls"], found["url"]) == (
        5,
        False,
        "http://127.0.0.1:9001/address",
    )
    done(register("client", "add", BANK, "--connection", "http"))
    assert "No services" in done(register("service", "list", BANK))
    done(register("service", "remove", ADDRESS, "--yes"))
    assert "No services" in done(register("service", "list"))


def test_a_service_is_switched_off_with_a_notice_and_on_again(register):
    done(register("service", "disable", ADDRESS, "--notice", "Back at 18:00"))
    assert "off Back at 18:00" in done(register("service", "list"))
    done(register("service", "enable", ADDRESS))
    assert listed(register, "service")[0]["disabled_notice"] is None


@pytest.mark.parametrize(
    "words", [("disable",), ("enable",), ("change", "--timeout", "5")]
)
def test_a_service_that_is_not_there_cannot_be_changed(register, words):
    shown = register("service", words[0], f"{REGISTER}/nothing", *words[1:])
    assert shown.exit_code == 1
    assert "There is no service" in shown.output


@pytest.mark.parametrize(
    ("url", "code"), [("ftp://x", "invalid_url"), ("http://", "invalid_url")]
)
def test_a_service_needs_an_address(register, url, code):
    shown = register("service", "add", f"{REGISTER}/other", url)
    assert (shown.exit_code, code in shown.output) == (1, True)


def test_a_service_of_a_client_that_is_not_served_is_refused(ss):
    shown = ss("service", "add", ADDRESS, "http://127.0.0.1:9001/")
    assert (shown.exit_code, "does not exist" in shown.output) == (1, True)


def test_a_new_service_says_that_nobody_may_call_it(ss):
    done(ss("client", "add", REGISTER))
    shown = done(ss("service", "add", ADDRESS, "http://127.0.0.1:9001/"))
    assert f"access grant {ADDRESS}" in shown
    assert "nobody may call anything" in done(ss("access", "list"))


def test_rights_are_granted_listed_and_taken_back(register):
    done(register("access", "grant", ADDRESS, "--client", BANK))
    done(register("access", "grant", ADDRESS, "--global-group", "TEST/banks"))
    shown = done(
        register(
            *("access", "grant", ADDRESS, "--local-group", "friends"),
            *("--endpoint", "get", "/persons/*"),
        )
    )
    assert (
        "LOCALGROUP:friends may call TEST/GOV/1/register/address, GET /persons/*"
        in shown
    )
    table = done(register("access", "list", ADDRESS))
    assert "the whole service  SUBSYSTEM:TEST/COM/2/bank" in table
    assert "no such group: nobody" in table
    rights = listed(register, "access")
    assert {(r["subject_type"], r["method"], r["path"]) for r in rights} == {
        ("SUBSYSTEM", "*", "**"),
        ("GLOBALGROUP", "*", "**"),
        ("LOCALGROUP", "GET", "/persons/*"),
    }
    done(register("access", "revoke", ADDRESS, "--client", BANK))
    assert BANK not in done(register("access", "list"))
    again = register("access", "revoke", ADDRESS, "--client", BANK)
    assert (again.exit_code, "does not exist" in again.output) == (1, True)


def test_rights_of_another_service_are_not_listed(register):
    done(register("service", "add", f"{REGISTER}/other", "http://127.0.0.1:9001/"))
    done(register("access", "grant", ADDRESS, "--client", BANK))
    assert BANK not in done(register("access", "list", f"{REGISTER}/other"))


def test_the_same_endpoint_may_be_granted_to_several(register):
    endpoint = ("--endpoint", "GET", "/x")
    done(register("access", "grant", ADDRESS, "--client", BANK, *endpoint))
    done(register("access", "grant", ADDRESS, "--client", "TEST/COM/3", *endpoint))
    assert len(listed(register, "access")) == 2


def test_all_subjects_get_a_right_or_none(register):
    done(register("access", "grant", ADDRESS, "--client", BANK))
    both = ("--client", "TEST/COM/3", "--client", BANK)
    assert register("access", "grant", ADDRESS, *both).exit_code == 1
    assert "TEST/COM/3" not in done(register("access", "list"))


@pytest.mark.parametrize(
    ("words", "exit_code"),
    [
        ((), 2),
        (("--global-group", "banks"), 2),
        (("--client", "x"), 2),
        (("--client", BANK, "--endpoint", "NONE", "/x"), 1),
        (("--client", BANK, "--endpoint", "GET", "x"), 1),
    ],
)
def test_a_right_needs_somebody_and_something(register, words, exit_code):
    assert register("access", "grant", ADDRESS, *words).exit_code == exit_code


def test_a_right_to_a_service_that_is_not_there_is_told(register):
    shown = register("access", "grant", f"{REGISTER}/nothing", "--client", BANK)
    assert shown.exit_code == 1
    assert f"no such service or endpoint of {REGISTER}/nothing" in shown.output
    assert "endpoint_not_found" in shown.output


def test_groups_are_kept_by_their_owner(register):
    done(register("group", "add", REGISTER, "friends", "--description", "Good ones"))
    done(register("group", "add-member", REGISTER, "friends", BANK))
    assert listed(register, "group") == [
        {
            "owner": REGISTER,
            "code": "friends",
            "description": "Good ones",
            "members": [BANK],
        }
    ]
    assert "Good ones" in done(register("group", "list"))
    done(register("access", "grant", ADDRESS, "--local-group", "friends"))
    assert "nobody" not in done(register("access", "list"))
    done(register("group", "remove-member", REGISTER, "friends", BANK))
    done(register("group", "remove", REGISTER, "friends", "--yes"))
    assert "No local groups" in done(register("group", "list"))
    assert listed(register, "access") == []


def test_time_stamps_come_from_services_in_their_order(ss):
    assert "No time-stamping services" in done(ss("timestamping", "list"))
    done(ss("timestamping", "add", "http://one/", "--name", "One"))
    done(ss("timestamping", "add", "http://two/"))
    assert [one["url"] for one in listed(ss, "timestamping")] == [
        "http://one/",
        "http://two/",
    ]
    done(ss("timestamping", "remove", "http://one/"))
    gone = ss("timestamping", "remove", "http://one/")
    assert (gone.exit_code, "does not exist" in gone.output) == (1, True)


def test_a_password_in_an_address_is_not_listed(ss):
    secret = "http://us%40er:pass@tsa/a?b=c@d"
    said = done(ss("timestamping", "add", secret))
    said += done(ss("timestamping", "list")) + done(
        ss("timestamping", "list", "--json")
    )
    said += ss("timestamping", "add", secret).output
    said += ss("timestamping", "remove", secret + "x").output
    assert "pass@" not in said
    (found,) = listed(ss, "timestamping")
    assert (found["name"], found["url"]) == ("http://***@tsa/a?b=c@d",) * 2
    assert found["url"] in done(ss("timestamping", "remove", found["url"]))
    assert listed(ss, "timestamping") == []


def test_nor_is_one_in_the_address_of_a_service(register):
    secret = "https://user:pass@db.internal/x"
    said = done(register("service", "add", f"{REGISTER}/other", secret))
    for words in (("list",), ("list", "--json"), ("describe", f"{REGISTER}/other")):
        said += done(register("service", *words))
    said += register("service", "add", f"{REGISTER}/third", f"{secret}\t").output
    assert "pass@" not in said
    assert "https://***@db.internal/x" in said


def test_archives_are_listed(ss, server):
    assert "No archives" in done(ss("archive", "list"))
    (server / "archive").mkdir(exist_ok=True)
    (server / "archive" / "mlog-1.zip").write_bytes(b"1234")
    (found,) = json.loads(done(ss("archive", "list", "--json")))
    assert found["file"].endswith("mlog-1.zip")
    assert found["bytes"] == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("client", "certificate", "list", BANK), "is not served here"),
        (("service", "list", BANK), "is not served here"),
        (("access", "list", f"{BANK}/accounts"), "is not served here"),
        (("access", "list", f"{REGISTER}/adress"), "There is no service"),
    ],
)
def test_what_is_mistyped_does_not_look_empty(ss, register, words, said):
    for more in ((), ("--json",)):
        refused = ss(*words, *more)
        assert refused.exit_code == 1
        assert said in refused.stderr
        assert refused.stdout == ""


def test_nothing_is_archived_beside_a_running_server(ss, server):
    with only_process(load_settings(server / "server.toml").lock_file):
        refused = ss("archive", "run")
    assert refused.exit_code == 1
    assert "A server runs with these settings already" in refused.output


def test_archiving_nothing_archives_nothing(ss):
    shown = done(ss("archive", "run"))
    assert "0 records archived, 0 removed" in shown


def test_only_approved_time_stamps_are_taken_unless_told_otherwise(ss, server):
    save(instance_now(), server / "globalconf")
    refused = ss("timestamping", "add", "http://other/")
    assert refused.exit_code == 1
    assert "Approved are: http://127.0.0.1:1/" in refused.output
    done(ss("timestamping", "add", "http://127.0.0.1:1/"))
    done(ss("timestamping", "add", "http://other/", "--unapproved"))
    first, second = listed(ss, "timestamping")
    assert (first["name"], first["used"], first["approved"]) == ("TSA", True, True)
    assert (second["used"], second["approved"]) == (True, False)


def test_a_client_that_is_not_registered_is_told_about(ss, server):
    save(instance_now(), server / "globalconf")
    shown = done(ss("client", "add", BANK))
    assert "register it at the central server" in shown
