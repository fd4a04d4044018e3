"""Clients that Python developers use, through two real Security Servers."""

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import zeep

from kerege.exchange.client import Attachment, ProviderServerFault
from kerege.exchange.client.zeep import XRoadTransport
from kerege.sandbox.testing.applications import serving
from kerege.sandbox.testing.exchange import Exchange
from kerege.xroad import soap
from tests.exchange.client.soap_servers import ANSWER, read

pytestmark = pytest.mark.slow
GUIDE = Path(__file__).parents[2] / "docs/how-to/call-a-soap-service.md"
WSDL = str(Path(__file__).parent / "villages.wsdl")
MEBIBYTE = 1 << 20
LONG = 64
"""Mebibytes: more than what any buffer on the way holds."""


def mirror(environ, start_response):
    """A REST service that tells what it was asked."""
    length = environ.get("CONTENT_LENGTH")
    body = environ["wsgi.input"].read(int(length)) if length else b""
    told = {
        "method": environ["REQUEST_METHOD"],
        "client": environ["HTTP_X_ROAD_CLIENT"],
        "user": environ.get("HTTP_X_ROAD_USERID"),
        "query": environ["QUERY_STRING"],
        "body": body.decode(),
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(told).encode()]


def villages(environ, start_response):
    """A SOAP service with one operation, and its WSDL."""
    if environ["REQUEST_METHOD"] == "GET":
        start_response("200 OK", [("Content-Type", "text/xml")])
        return [Path(WSDL).read_bytes()]
    content = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    asked = read(content, environ["CONTENT_TYPE"], environ["HTTP_SOAPACTION"])
    if asked.message.user_id == "nobody":
        fault = soap.write_fault("Server.Villages", "There is no such village")
        start_response("500 Server Error", [("Content-Type", "text/xml")])
        return [fault]
    answer = soap.answer_to(asked.envelope, ANSWER)
    if not asked.attachments:
        start_response("200 OK", [("Content-Type", "text/xml")])
        return [answer]
    sizes = b",".join(b"%d" % len(data) for _, data in asked.attachments)
    start_response("200 OK", [("Content-Type", "multipart/related; boundary=b")])
    return [
        b"--b\r\nContent-Type: text/xml\r\n\r\n" + answer + b"\r\n",
        b"--b\r\nContent-Type: text/plain\r\nContent-ID: <sizes>\r\n\r\n" + sizes,
        b"\r\n--b--\r\n",
    ]


@pytest.fixture(scope="module")
def rest(exchange: Exchange) -> str:
    return exchange.offer("mirror", mirror)


@pytest.fixture(scope="module")
def registers(exchange: Exchange) -> Iterator[str]:
    with serving(villages) as url:
        exchange.offer(
            "villageFact", url, soap=True, version="v1", description=f"{url}?wsdl"
        )
        yield exchange.provider


def test_httpx_calls_a_rest_service(exchange, rest):
    with httpx.Client(base_url=f"{exchange.consumer_url}/r1/") as client:
        answer = client.post(
            rest,
            params={"a": "1 2"},
            json={"name": "Айгүл"},
            headers={"X-Road-Client": exchange.consumer, "X-Road-UserId": "KG1"},
        )
    told = answer.json()
    assert json.loads(told.pop("body")) == {"name": "Айгүл"}
    assert told == {
        "method": "POST",
        "client": exchange.consumer,
        "user": "KG1",
        "query": "a=1+2",
    }
    assert answer.headers["x-road-request-hash"]


def test_httpx_reads_a_fault(exchange):
    url = f"{exchange.consumer_url}/r1/{exchange.provider}/nothing"
    answer = httpx.get(url, headers={"X-Road-Client": exchange.consumer})
    assert answer.status_code == 500
    assert answer.headers["x-road-error"] == "server.serverproxy.unknown_service"
    assert answer.json()["type"] == answer.headers["x-road-error"]


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl_calls_a_rest_service(exchange, rest, tmp_path):
    (tmp_path / "body").write_text("x" * 100_000)
    done = subprocess.run(
        [
            "curl",
            "--silent",
            "--show-error",
            "--fail-with-body",
            "--header",
            f"X-Road-Client: {exchange.consumer}",
            "--data-binary",
            "@body",
            f"{exchange.consumer_url}/r1/{rest}?b=2",
        ],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    told = json.loads(done.stdout)
    assert (told["method"], told["query"], len(told["body"])) == (
        "POST",
        "b=2",
        100_000,
    )


def test_a_long_body_streams_both_ways(exchange):
    def echo(environ, start_response):
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        length = int(environ["CONTENT_LENGTH"])
        while length:
            chunk = environ["wsgi.input"].read(min(length, MEBIBYTE))
            length -= len(chunk)
            yield chunk

    sent, received = hashlib.sha256(), hashlib.sha256()

    def chunks() -> Iterator[bytes]:
        for number in range(LONG):
            chunk = number.to_bytes(4, "big") * (MEBIBYTE // 4)
            sent.update(chunk)
            yield chunk

    service = exchange.offer("echo", echo)
    with (
        exchange.client() as xroad,
        xroad.stream("POST", service, data=chunks(), timeout=300) as answer,
    ):
        for chunk in answer.chunks():
            received.update(chunk)
    assert received.digest() == sent.digest()


def test_zeep_calls_a_soap_service(exchange, registers):
    with exchange.client() as xroad:
        transport = XRoadTransport(xroad, registers, version="v1", user_id="KG1")
        wsdl = transport.wsdl("villageFact")
        service = zeep.Client(wsdl, transport=transport).service
        village = service.villageFact(code="41704210830020")
        assert (village.name, village.households) == ("Kek-Djar", 24)
        with (
            transport.asking(user_id="nobody"),
            pytest.raises(zeep.exceptions.Fault, match="no such village"),
        ):
            service.villageFact(code="0")
        exchange.deny("villageFact", "v1")
        with pytest.raises(ProviderServerFault, match="access_denied"):
            service.villageFact(code="0")
        exchange.allow("villageFact", "v1")


def test_attachments_go_through_both_servers_and_come_back(exchange, registers):
    body = '<v:villageFact xmlns:v="urn:villages"><v:code>1</v:code></v:villageFact>'
    large = (b"y" * 65536 for _ in range(64))
    with exchange.client() as xroad:
        answer = xroad.soap(
            f"{registers}/villageFact/v1",
            body,
            attachments=[Attachment(b"\r\n--\r\n"), Attachment(large)],
        )
    assert answer.attachments == (
        Attachment(f"6,{64 * 65536}".encode(), "text/plain", "sizes"),
    )


def programs() -> list[str]:
    text = GUIDE.read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("program", programs(), ids=["zeep", "soap"])
def test_a_program_of_the_guide_runs(
    program, exchange, registers, tmp_path, monkeypatch, capsys
):
    shutil.copy(WSDL, tmp_path)
    monkeypatch.chdir(tmp_path)
    for there, here in (
        ("http://127.0.0.11:8080", exchange.consumer_url),
        ("central-server/GOV/70000001/portal", exchange.consumer),
        ("central-server/GOV/70000050/sanaripaymak-service", registers),
    ):
        program = program.replace(there, here)
    exec(compile(program, str(GUIDE), "exec"), {"__name__": "__main__"})  # noqa: S102 - our own document
    said = capsys.readouterr().out
    assert "Kek-Djar 24" in said or "villageFactResponse" in said
