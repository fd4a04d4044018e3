"""`kerege call`, against a server that plays a Security Server."""

import json
from collections.abc import Iterator

import click
import pytest

from kerege.cli.call import target_of
from tests.exchange.client.servers import (
    FakeSecurityServer,
    answer,
    fault,
    running_in_thread,
)

PORTAL = "central-server/GOV/70000001/portal"
ADDRESS = "central-server/GOV/70000050/register/address"


@pytest.fixture
def fake() -> Iterator[FakeSecurityServer]:
    with running_in_thread() as server:
        yield server


@pytest.fixture
def call(kerege, fake):
    def run(*words: object, **more: object):
        options = ("--server", fake.url, "--client", PORTAL)
        return kerege("call", *options, *words, **more)

    return run


def test_the_body_is_printed_as_it_is(call, fake):
    fake.reply = answer(body=b"\xff\x00\n")
    done = call(f"{ADDRESS}/persons/7?full=1")
    assert (done.exit_code, done.stdout_bytes) == (0, b"\xff\x00\n")
    assert fake.last.line == f"GET /r1/{ADDRESS}/persons/7?full=1 HTTP/1.1"
    assert fake.last.headers["X-Road-Client"] == PORTAL


def test_status_and_headers_are_printed_when_asked_for(call):
    shown = call(ADDRESS, "-i").stdout
    assert shown.startswith("200 OK\n")
    assert "x-road-request-id: 5df2fa47" in shown
    assert shown.endswith("\n\n{}")


def test_everything_can_be_one_json_object(call, fake):
    fake.reply = answer(body='{"name": "Айгүл"}'.encode())
    document = json.loads(call(ADDRESS, "--json", "--query-id", "q-1").stdout)
    assert document["status"] == 200
    assert document["body"] == {"name": "Айгүл"}
    assert document["query_id"] == "q-1"
    assert document["request_hash"] == "aGFzaA=="
    assert document["headers"]["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("body", "field", "value"),
    [(b"text", "body", "text"), (b"\xff", "body_base64", "/w=="), (b"", "body", "")],
)
def test_a_body_that_is_no_json_is_text_or_base64(call, fake, body, field, value):
    fake.reply = answer(body=body)
    assert json.loads(call(ADDRESS, "--json").stdout)[field] == value


def not_json(name: str) -> None:
    raise AssertionError(name)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"[NaN, -Infinity]", "[NaN, -Infinity]"),
        (b"[" * 100_000, "[" * 100_000),
        (b"[" * 5000 + b"]" * 5000, "[" * 5000 + "]" * 5000),
        (rb'"half \ud800"', "half \ud800"),
    ],
    ids=["no number", "no end", "deep", "half a pair"],
)
def test_whatever_a_service_answers_what_is_printed_is_json(call, fake, body, found):
    fake.reply = answer(body=body, headers="X-Odd: ?\r\n").replace(b"?", b"\xff", 1)
    done = call(ADDRESS, "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout, parse_constant=not_json)
    assert document["body"] == found
    assert document["headers"]["X-Odd"] == "\udcff"


def test_that_there_is_no_answer_is_json_for_a_program(kerege):
    words = ("--server", "http://127.0.0.1:1", "--client", PORTAL, "--query-id", "q-1")
    done = kerege("call", *words, ADDRESS, "--json")
    assert done.exit_code == 4
    document = json.loads(done.stdout)
    assert document["query_id"] == "q-1"
    assert document["no_answer"]["kind"] == "SecurityServerUnreachable"
    assert "cannot be reached" in done.stderr


def test_data_is_posted_as_json_if_it_is_json(call, fake):
    assert call(ADDRESS, "-d", '{"a": 1}').exit_code == 0
    assert fake.last.line.startswith("POST ")
    assert fake.last.headers["Content-Type"] == "application/json"
    assert fake.last.body == b'{"a": 1}'


def test_other_data_goes_with_the_type_that_is_given(call, fake):
    call("PUT", ADDRESS, "-d", "a=1", "-H", "Content-Type: text/x-mine")
    assert fake.last.line.startswith("PUT ")
    assert fake.last.headers["Content-Type"] == "text/x-mine"
    assert fake.last.body == b"a=1"


def test_data_can_come_from_a_file_or_standard_input(call, fake, tmp_path):
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(b"%PDF" * 50_000)
    call(ADDRESS, "-d", f"@{scan}")
    assert fake.last.body == b"%PDF" * 50_000
    document = tmp_path / "document.json"
    document.write_bytes(b"[1]")
    call(ADDRESS, "-d", f"@{document}")
    assert fake.last.headers["Content-Type"] == "application/json"
    call(ADDRESS, "-d", "@-", stdin=b"[2]")
    assert fake.last.body == b"[2]"


def test_every_header_of_x_road_has_an_option(call, fake):
    call(
        *(ADDRESS, "--user-id", "KG1", "--issue", "case 5"),
        *("--represented-party", "COM/6001", "--query-id", "q-1"),
        *("--security-server", "central-server/GOV/70000050/SS2"),
        *("-H", "Accept: text/xml"),
    )
    got = fake.last.headers
    assert got["X-Road-UserId"] == "KG1"
    assert got["X-Road-Issue"] == "case 5"
    assert got["X-Road-Represented-Party"] == "COM/6001"
    assert got["X-Road-Id"] == "q-1"
    assert got["X-Road-Security-Server"] == "central-server/GOV/70000050/SS2"
    assert got["Accept"] == "text/xml"


def test_an_error_of_the_service_prints_its_body_and_exits_22(call, fake):
    fake.reply = answer("404 Not Found", b'{"error": "nobody"}')
    done = call(ADDRESS)
    assert (done.exit_code, done.stdout) == (22, '{"error": "nobody"}')


def test_a_fault_is_three_lines_with_advice_and_exits_3(call, fake):
    fake.reply = fault("server.serverproxy.access_denied", "Request is not allowed")
    done = call(ADDRESS, "--query-id", "q-1")
    assert (done.exit_code, done.stdout) == (3, "")
    first, second, third = done.stderr.splitlines()
    assert "the provider's security server refused" in first
    assert "server.serverproxy.access_denied" in first
    assert "Request is not allowed (query id q-1, detail d-1)" in second
    assert "Ask the provider to grant" in third


def test_a_fault_is_json_for_a_program(call, fake):
    fake.reply = fault("server.clientproxy.unknown_member")
    done = call(ADDRESS, "--json", "--query-id", "q-1")
    assert done.exit_code == 3
    document = json.loads(done.stdout)
    assert document["query_id"] == "q-1"
    assert document["fault"]["kind"] == "OwnServerFault"
    assert document["fault"]["code"] == "server.clientproxy.unknown_member"


def test_no_answer_exits_4(kerege):
    done = kerege("call", "--server", "http://127.0.0.1:1", "--client", PORTAL, ADDRESS)
    assert done.exit_code == 4
    assert "cannot be reached: Connection refused" in done.stderr
    assert "Query id" in done.stderr


def test_the_time_can_be_over(call, fake):
    whole = answer()
    fake.reply = whole.replace(b"Content-Length: 2", b"Content-Length: 3")
    done = call(ADDRESS, "--timeout", "0.05")
    assert done.exit_code == 4
    assert "No answer within 0.05 seconds" in done.stderr


def test_a_large_answer_goes_into_a_file(call, fake, tmp_path):
    fake.reply = answer(body=b"x" * 300_000)
    done = call(ADDRESS, "-o", tmp_path / "out")
    assert (done.exit_code, done.stdout) == (0, "")
    assert (tmp_path / "out").read_bytes() == b"x" * 300_000


def test_a_fault_leaves_an_older_file_as_it_was(call, fake, tmp_path):
    (tmp_path / "out").write_text("old")
    fake.reply = fault("server.serverproxy.unknown_service")
    assert call(ADDRESS, "-o", tmp_path / "out").exit_code == 3
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out").read_text() == "old"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("a/b/c",), "A service is"),
        ((f"{ADDRESS}/100%",), "no escape"),
        (("GET", ADDRESS, "more"), "only a service"),
        (("GET IT", ADDRESS), "METHOD is one of GET, POST"),
        (("GETT", ADDRESS), "METHOD is one of GET, POST"),
        ((ADDRESS, "--client", "portal"), "is not INSTANCE/CLASS/MEMBER"),
        ((ADDRESS, "--security-server", "ss1"), "INSTANCE/CLASS/MEMBER/SERVERCODE"),
        ((ADDRESS, "--timeout", "0"), "not in the range"),
        ((ADDRESS, "-H", "nonsense"), "'Name: value'"),
        ((ADDRESS, "-H", "X-Road-Client: a/b/c"), "set by an argument"),
        ((ADDRESS, "--server", "127.0.0.1"), "not of the form"),
    ],
)
def test_a_wrong_command_line_exits_2(call, words, message):
    done = call(*words)
    assert done.exit_code == 2
    assert message in done.stderr


def test_a_file_that_cannot_be_written_is_named_before_anything_is_sent(
    call, fake, tmp_path
):
    done = call(ADDRESS, "-o", tmp_path / "nowhere" / "out")
    assert done.exit_code == 1
    assert f"{tmp_path}/nowhere/out cannot be written" in done.stderr
    assert not fake.received


def test_a_file_that_is_no_certificate_is_named(kerege, tmp_path):
    (tmp_path / "internal.crt").write_text("nonsense")
    server = ("--server", "https://127.0.0.1:9", "--client", PORTAL)
    done = kerege(
        "call", ADDRESS, *server, "--server-certificate", tmp_path / "internal.crt"
    )
    assert done.exit_code == 1
    assert f"--server-certificate {tmp_path}/internal.crt" in done.stderr
    assert "BEGIN CERTIFICATE" in done.stderr


def test_a_client_is_needed(kerege):
    done = kerege("call", ADDRESS)
    assert done.exit_code == 2
    assert "KEREGE_CLIENT" in done.stderr


def test_client_and_server_may_come_from_the_environment(kerege, fake, monkeypatch):
    monkeypatch.setenv("KEREGE_CLIENT", PORTAL)
    monkeypatch.setenv("KEREGE_SERVER", fake.url)
    assert kerege("call", ADDRESS).exit_code == 0


@pytest.mark.parametrize(
    ("words", "has_body", "target"),
    [
        ((ADDRESS,), False, ("GET", ADDRESS, "")),
        ((ADDRESS,), True, ("POST", ADDRESS, "")),
        (("DELETE", ADDRESS), True, ("DELETE", ADDRESS, "")),
        ((f"/r1/{ADDRESS}/a/b?c/d",), False, ("GET", ADDRESS, "/a/b?c/d")),
        ((f"{ADDRESS}?q",), False, ("GET", ADDRESS, "?q")),
        ((f"{ADDRESS}/",), False, ("GET", ADDRESS, "/")),
    ],
)
def test_the_words_say_method_service_and_path(words, has_body, target):
    assert target_of(words, has_body=has_body) == target


def test_a_service_with_an_empty_code_is_refused():
    with pytest.raises(click.UsageError):
        target_of(("a//c/d/e",), has_body=False)
