"""Asking a peer's port 5577, over real sockets on the loopback."""

import asyncio
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import hashes

from kerege.exchange.fetching import Patience
from kerege.exchange.http import ClientPool
from kerege.exchange.ocsp import answer_ocsp_query, fetch_peer_ocsp
from kerege.exchange.ocsp.peer import MAX_ANSWER_BYTES
from kerege.xroad.certificates import certificate_sha256
from kerege.xroad.faults import XRoadError
from tests.trust.authorities import SERVER, leaf_key, shared_ca

CA = shared_ca()
CHAIN = (CA.issue_authentication(leaf_key().public_key(), SERVER), *CA.chain)
SHA1 = [one.fingerprint(hashes.SHA1()) for one in CHAIN]  # noqa: S303 - the protocol's


@asynccontextmanager
async def peer(handler):
    """Serve one handler; yields a function that asks it for the responses of CHAIN."""
    runner = web.ServerRunner(web.Server(handler, handler_cancellation=True))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    async with ClientPool() as pool:

        async def ask(**named):
            return await fetch_peer_ocsp(pool, host, port, CHAIN, **named)

        yield ask
    await runner.cleanup()


async def refusal(handler, **named) -> XRoadError:
    async with peer(handler) as ask:
        with pytest.raises(XRoadError) as refused:
            await ask(**named)
    assert refused.value.code == "internal_error"
    return refused.value


def responder(known):
    async def handler(request: web.BaseRequest) -> web.Response:
        status, headers, body = answer_ocsp_query(
            request.query_string, known.get, boundary="xyz", method=request.method
        )
        return web.Response(status=status, headers=dict(headers), body=body)

    return handler


async def test_a_peer_is_asked_by_both_hashes_and_its_answer_is_read():
    asked = []
    known = dict(zip(SHA1, [b"of the leaf", b"of the CA"], strict=True))

    async def handler(request: web.BaseRequest) -> web.Response:
        asked.append(request)
        return await responder(known)(request)

    async with peer(handler) as ask:
        assert await ask() == (b"of the leaf", b"of the CA")
    (request,) = asked
    assert (request.method, request.path) == ("GET", "/")
    assert request.headers["Accept"] == "multipart/related"
    assert parse_qs(request.query_string) == {
        "cert": [digest.hex() for digest in SHA1],
        "cert_hash": [certificate_sha256(one).hex() for one in CHAIN],
    }


async def test_a_peer_that_lacks_a_response_is_told():
    error = await refusal(responder({SHA1[0]: b"of the leaf"}))
    assert "Could not find OCSP response" in error.message
    assert "OCSP port" in error.advice


async def test_fewer_responses_than_certificates_are_refused():
    async def handler(_: web.BaseRequest) -> web.Response:
        query = f"cert={SHA1[0].hex()}"
        _, headers, body = answer_ocsp_query(query, lambda _: b"x", boundary="b")
        return web.Response(headers=dict(headers), body=body)

    assert "expected 2, but got 1" in (await refusal(handler)).message


async def test_a_redirect_is_not_followed():
    async def handler(_: web.BaseRequest) -> web.Response:
        raise web.HTTPFound("http://169.254.169.254/")

    assert "status 302" in (await refusal(handler)).message


async def test_an_endless_answer_is_cut():
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(MAX_ANSWER_BYTES // 1024 + 2):
            await response.write(b"x" * 1024)
        return response

    assert "longer than" in (await refusal(handler)).message


async def test_a_peer_that_does_not_answer_is_given_up():
    async def handler(_: web.BaseRequest) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    failed = await refusal(handler, patience=Patience(0.05))
    assert "it takes too long" in failed.message


async def test_a_peer_that_is_not_there_is_told():
    async with ClientPool() as pool:
        with pytest.raises(XRoadError) as refused:
            await fetch_peer_ocsp(pool, "127.0.0.1", 1, CHAIN)
    assert refused.value.code == "internal_error"


@pytest.mark.parametrize("host", ["", "a b", "ex ample/..", "[::1"])
async def test_an_address_that_is_none_is_told(host):
    async with ClientPool() as pool:
        with pytest.raises(XRoadError) as refused:
            await fetch_peer_ocsp(pool, host, 1, CHAIN)
    assert refused.value.code == "internal_error"
