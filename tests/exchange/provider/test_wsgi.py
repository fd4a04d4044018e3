"""Around WSGI applications: what they are told, and what never reaches them."""

import json
from wsgiref.util import setup_testing_defaults

import pytest

from kerege.exchange.provider import (
    LoopbackListener,
    MutualTLS,
    NoXRoadHeadersError,
    XRoadWSGI,
    headers_of,
)
from kerege.exchange.provider.wsgi import connection_of
from tests.exchange.client.certificates import self_signed

TOLD = {"HTTP_X_ROAD_CLIENT": "KG/GOV/1/portal", "HTTP_X_ROAD_ID": "q-1"}


class Service:
    """An application that keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict] = []

    def __call__(self, environ, start_response):
        self.asked.append(environ)
        start_response("200 OK", [])
        return [b"ok"]


def ask(application, **environ) -> tuple[str, bytes]:
    """Ask an application; return status and body."""
    given = {"REMOTE_ADDR": "127.0.0.1", "SERVER_PORT": "8001"} | environ
    setup_testing_defaults(given)
    said: list[str] = []
    body = b"".join(application(given, lambda status, headers: said.append(status)))
    return said[0], body


def test_the_application_gets_the_headers_as_one_value():
    service = Service()
    guarded = XRoadWSGI(service, LoopbackListener(port=8001))
    utf_8 = "Айгүл".encode().decode("latin-1")
    assert ask(guarded, **TOLD, HTTP_X_ROAD_USERID=utf_8) == ("200 OK", b"ok")
    found = headers_of(service.asked[0])
    assert (found.client.path, found.user_id) == ("KG/GOV/1/portal", "Айгүл")


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        (TOLD | {"REMOTE_ADDR": "192.0.2.7"}, "The connection is from 192.0.2.7"),
        (TOLD | {"SERVER_NAME": "192.0.2.1"}, "reached at 192.0.2.1"),
        (TOLD | {"SERVER_PORT": "80"}, "at port 80"),
        (TOLD | {"HTTP_X_FORWARDED_FOR": "127.0.0.1"}, "header x-forwarded-for"),
        ({}, "no X-Road-Client header"),
        (TOLD | {"HTTP_X_ROAD_CLIENT": "A/B/C/D,E/F/G/H"}, "X-Road-Client"),
    ],
)
def test_who_is_not_believed_gets_403_with_the_reason(environ, why):
    service = Service()
    status, body = ask(XRoadWSGI(service, LoopbackListener(port=8001)), **environ)
    assert status == "403 Forbidden"
    said = json.loads(body)
    assert why in said["error"]
    assert said["advice"]
    assert not service.asked


def test_elsewhere_nobody_is_judged_and_x_road_headers_are_taken_away():
    service = Service()
    guarded = XRoadWSGI(service, LoopbackListener(), prefix="/xroad")
    for path in ("/", "/xroads", "//xroad/a"):
        status, _ = ask(guarded, **TOLD, REMOTE_ADDR="192.0.2.7", PATH_INFO=path)
        assert status == "200 OK"
    for environ in service.asked:
        assert not [name for name in environ if "X_ROAD" in name]
        with pytest.raises(NoXRoadHeadersError, match="XRoadWSGI"):
            headers_of(environ)
    for path in ("/xroad", "/xroad/a"):
        status, _ = ask(guarded, **TOLD, REMOTE_ADDR="192.0.2.7", PATH_INFO=path)
        assert status == "403 Forbidden"


def test_a_mounted_application_is_judged_by_its_whole_path():
    guarded = XRoadWSGI(Service(), LoopbackListener(), prefix="/xroad")
    given = {"SCRIPT_NAME": "/xroad", "PATH_INFO": "/a", "REMOTE_ADDR": "192.0.2.7"}
    assert ask(guarded, **given)[0] == "403 Forbidden"


def test_soap_has_its_headers_in_the_envelope():
    service = Service()
    guarded = XRoadWSGI(service, LoopbackListener(), required=False)
    assert ask(guarded)[0] == "200 OK"
    assert ask(guarded, REMOTE_ADDR="192.0.2.7")[0] == "403 Forbidden"
    with pytest.raises(NoXRoadHeadersError):
        headers_of(service.asked[0])


def test_the_socket_of_gunicorn_is_believed_before_what_the_environment_says():
    class Socket:
        def getpeername(self):
            return ("192.0.2.7", 1234)

        def getsockname(self):
            return ("127.0.0.1", 8001)

    environ = {"REMOTE_ADDR": "127.0.0.1", "gunicorn.socket": Socket()}
    found = connection_of(environ)
    assert (found.peer, found.listener, found.port) == ("192.0.2.7", "127.0.0.1", 8001)


def test_a_unix_socket_has_no_addresses():
    class Socket:
        def getpeername(self):
            return ""

        def getsockname(self):
            return "/run/service.sock"

    found = connection_of({"REMOTE_ADDR": "127.0.0.1", "gunicorn.socket": Socket()})
    assert (found.peer, found.listener, found.port) == ("", "", None)


def test_a_socket_that_is_closed_has_no_addresses():
    class Socket:
        def getpeername(self):
            raise OSError

    assert connection_of({"werkzeug.socket": Socket()}).peer == ""


def test_apache_hands_the_certificate_on(tmp_path):
    for name in ("internal", "other"):
        self_signed(tmp_path, name)
    guarded = XRoadWSGI(Service(), MutualTLS([tmp_path / "internal.crt"]))

    def shown(name: str) -> str:
        pem = (tmp_path / f"{name}.crt").read_text()
        return ask(guarded, **TOLD, SSL_CLIENT_CERT=pem, REMOTE_ADDR="192.0.2.7")[0]

    assert shown("internal") == "200 OK"
    assert shown("other") == "403 Forbidden"
    assert ask(guarded, **TOLD)[0] == "403 Forbidden"
