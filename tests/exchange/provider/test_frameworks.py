"""FastAPI, Flask and Django behind real Security Servers: the programs of the guide."""

import importlib
import re
import socket
import ssl
import sys
import threading
from pathlib import Path

import pytest
import uvicorn
from django.test import override_settings

from kerege.exchange.client import ServiceFault
from kerege.exchange.provider import MutualTLS, XRoadASGI, headers_of
from kerege.sandbox.testing.applications import serving
from tests.exchange.client.certificates import self_signed

pytestmark = pytest.mark.slow
PAGE = Path(__file__).parents[3] / "docs/how-to/read-x-road-headers.md"
MODULES = (
    "xroad",
    "settings",
    "urls",
    "service_fastapi",
    "service_flask",
    "service_soap",
)


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """The programs of the guide as modules; any port instead of 8001."""
    text = PAGE.read_text(encoding="utf-8")
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        name = block.split("\n")[0].removeprefix("# ")
        (tmp_path / name).write_text(block.replace("port=8001", ""), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield importlib.import_module
    for name in MODULES:
        sys.modules.pop(name, None)


def who_asked(exchange, service: str, path: str) -> dict[str, str]:
    with exchange.client() as xroad:
        answer = xroad.get(service, path, user_id="clerk-17")
    assert answer.status == 200, answer.text
    return answer.json()


ASKED = {"client": "TEST/GOV/10000001/consumer", "user": "clerk-17"}


def test_fastapi_learns_who_asks(exchange, programs):
    service = exchange.offer("fastapi", programs("service_fastapi").app)
    assert who_asked(exchange, service, "/address/1") == ASKED


def test_flask_learns_who_asks(exchange, programs):
    service = exchange.offer("flask", programs("service_flask").app)
    assert who_asked(exchange, service, "/address/1") == ASKED


def test_a_soap_service_reads_who_asks_from_the_envelope(exchange, programs):
    with serving(programs("service_soap").app) as url:
        service = exchange.offer("whoAmI", f"{url}/registers", soap=True)
        with exchange.client() as xroad:
            answer = xroad.soap(service, "<whoAmI/>")
    answer.raise_for_status()
    assert b"<whoAmIResponse>TEST/GOV/10000001/consumer<" in answer.envelope


@pytest.fixture
def django_of_the_guide(programs):
    """Django has one configuration in a process, and here that is the portal's."""
    told = vars(programs("settings"))
    with override_settings(**{name: told[name] for name in told if name.isupper()}):
        yield


@pytest.mark.usefixtures("django_of_the_guide")
def test_django_learns_who_asks_under_wsgi_and_under_asgi(exchange, programs):
    wsgi = programs("django.core.wsgi").get_wsgi_application()
    asgi = programs("django.core.asgi").get_asgi_application()
    for code, application in (("django-wsgi", wsgi), ("django-asgi", asgi)):
        service = exchange.offer(code, application)
        assert who_asked(exchange, service, "/xroad/address/1") == ASKED
    client = programs("django.test").Client(headers={"X-Road-Client": "A/B/C/D"})
    refused = client.get("/xroad/address/1", REMOTE_ADDR="192.0.2.7")
    assert refused.status_code == 403
    assert "is from 192.0.2.7" in refused.json()["error"]
    assert client.get("/elsewhere", REMOTE_ADDR="192.0.2.7").status_code == 404


async def by_certificate(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    body = headers_of(scope).client.path.encode()
    await send({"type": "http.response.body", "body": body})


def test_mutual_tls_lets_the_own_security_server_in_and_nobody_else(
    exchange, programs, tmp_path
):
    self_signed(tmp_path, "service")
    own = exchange.internal_certificate
    files = {
        "ssl_certfile": str(tmp_path / "service.crt"),
        "ssl_keyfile": str(tmp_path / "service.key"),
        "ssl_ca_certs": str(own),
    }
    application = XRoadASGI(by_certificate, MutualTLS([own]))
    tls = programs("run_with_tls").TLS | files
    config = uvicorn.Config(application, log_level="critical", lifespan="off", **tls)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = listening.getsockname()
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        try:
            url = f"https://127.0.0.1:{address[1]}"
            service = exchange.offer("by-certificate", url)
            with exchange.client() as xroad:
                answer = xroad.get(service)
            assert answer.text == "TEST/GOV/10000001/consumer"
            assert not stranger_is_answered(address)
        finally:
            server.should_exit = True
            thread.join()


def stranger_is_answered(address: tuple[str, int]) -> bool:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection(address) as plain,
            context.wrap_socket(plain) as connection,
        ):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            return bool(connection.recv(100))
    except OSError:
        return False


def test_a_service_that_is_away_is_said_to_be(exchange):
    service = exchange.offer("away", "http://127.0.0.1:1")
    with exchange.client() as xroad, pytest.raises(ServiceFault):
        xroad.get(service)
