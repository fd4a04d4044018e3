"""Around ASGI applications: what they are told, and what never reaches them."""

import json

import pytest

from kerege.exchange.provider import (
    LoopbackListener,
    MutualTLS,
    NoXRoadHeadersError,
    XRoadASGI,
    headers_of,
)
from tests.exchange.client.certificates import self_signed

TOLD = [(b"x-road-client", b"KG/GOV/1/portal"), (b"x-road-id", b"q-1")]


class Service:
    """An application that keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict] = []

    async def __call__(self, scope, receive, send):
        self.asked.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})


def scope(headers=TOLD, **changed):
    here = {"client": ("127.0.0.1", 4000), "server": ("127.0.0.1", 8001)}
    return {"type": "http", "path": "/", "headers": headers} | here | changed


async def ask(application, asked) -> tuple[int, bytes]:
    sent = []

    async def send(message):
        sent.append(message)

    await application(asked, None, send)
    return sent[0]["status"], sent[1]["body"]


async def test_the_application_gets_the_headers_as_one_value():
    service = Service()
    guarded = XRoadASGI(service, LoopbackListener(port=8001))
    headers = [*TOLD, (b"X-Road-UserId", "Айгүл".encode())]
    assert await ask(guarded, scope(headers)) == (200, b"ok")
    found = headers_of(service.asked[0])
    assert (found.client.path, found.user_id) == ("KG/GOV/1/portal", "Айгүл")


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (scope(client=("192.0.2.7", 1)), "The connection is from 192.0.2.7"),
        (scope(client=None), "from an unknown address"),
        (scope(server=("192.0.2.1", 8001)), "reached at 192.0.2.1"),
        (scope(server=("127.0.0.1", 80)), "at port 80"),
        (scope([*TOLD, (b"Forwarded", b"for=1")]), "header forwarded"),
        (scope([]), "no X-Road-Client header"),
        (scope([*TOLD, (b"x-road-client", b"KG/GOV/2/x")]), "is there twice"),
    ],
)
async def test_who_is_not_believed_gets_403_with_the_reason(asked, why):
    service = Service()
    status, body = await ask(XRoadASGI(service, LoopbackListener(port=8001)), asked)
    assert status == 403
    assert why in json.loads(body)["error"]
    assert not service.asked


async def test_elsewhere_nobody_is_judged_and_x_road_headers_are_taken_away():
    service = Service()
    guarded = XRoadASGI(service, LoopbackListener(), prefix="/xroad")
    headers = [*TOLD, (b"accept", b"*/*")]
    outside = scope(headers, path="/public", client=("192.0.2.7", 1))
    assert (await ask(guarded, outside))[0] == 200
    assert service.asked[0]["headers"] == [(b"accept", b"*/*")]
    with pytest.raises(NoXRoadHeadersError):
        headers_of(service.asked[0])


async def test_soap_has_its_headers_in_the_envelope():
    guarded = XRoadASGI(Service(), LoopbackListener(), required=False)
    assert (await ask(guarded, scope([])))[0] == 200
    assert (await ask(guarded, scope([], client=("192.0.2.7", 1))))[0] == 403


async def test_a_websocket_is_closed_and_a_lifespan_is_passed_on():
    service, sent = Service(), []

    async def send(message):
        sent.append(message)

    guarded = XRoadASGI(service, LoopbackListener())
    await guarded(scope(type="websocket"), None, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]
    await guarded({"type": "lifespan"}, None, send)
    assert service.asked == [{"type": "lifespan"}]


async def test_the_certificate_comes_by_the_tls_extension(tmp_path):
    for name in ("internal", "other"):
        self_signed(tmp_path, name)
    guarded = XRoadASGI(Service(), MutualTLS([tmp_path / "internal.crt"]))

    async def shown(name: str) -> int:
        chain = [(tmp_path / f"{name}.crt").read_text()]
        extensions = {"tls": {"client_cert_chain": chain}}
        asked = scope(client=("192.0.2.7", 1), extensions=extensions)
        return (await ask(guarded, asked))[0]

    assert await shown("internal") == 200
    assert await shown("other") == 403
    assert (await ask(guarded, scope()))[0] == 403
