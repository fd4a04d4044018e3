"""OCSP responses that are old, missing, forged, or about something else.

The consumer asks the provider's port 5577 for those of its TLS certificate; the
provider gets the consumer's in the message; those of a signing certificate are inside
the signature.
"""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.x509.ocsp import load_der_ocsp_response

from kerege.exchange.fetching import Patience
from kerege.exchange.ocsp.query import OCSP_RESPONSE_TYPE
from kerege.trust.ocsp_responder import OcspAuthority, ocsp_response
from kerege.xroad.ocsp import ocsp_request
from tests.attacks.messages import OCSP, Author, Piece
from tests.attacks.stage import Stage, impostor
from tests.instances import sandbox_instance
from tests.servers import Pair
from tests.wire import RawServer, answer

BY_CONSUMER = "server.clientproxy.ssl_authentication_failed"
BY_PROVIDER = "server.serverproxy.service_failed.ssl_authentication_failed"
BAD = "invalid_cert_path.incorrect_validation_info"
NONE_FITS = "invalid_cert_path.cert_validation"


def too_old(instance, certificate):
    hours = timedelta(hours=1, seconds=1)
    return instance.ocsp_response(certificate, instance.at - hours, validity=None)


def past_its_next_update(instance, certificate):
    minutes = timedelta(minutes=10)
    return instance.ocsp_response(
        certificate, instance.at - minutes, validity=minutes / 2
    )


def signed_by_a_stranger(instance, certificate):
    """Everything is right but who signed: another CA's responder."""
    stranger = sandbox_instance("OTHER").ca
    return signed_by(instance, certificate, stranger.ocsp)


def signed_by_a_namesake(instance, certificate):
    """The responder has the name of the true one, and another key."""
    forger = sandbox_instance(instance.name, fresh="a CA that takes another's name")
    return signed_by(instance, certificate, forger.ca.ocsp)


def signed_by_the_tsa(instance, certificate):
    """Issued by the right CA, for another purpose."""
    return signed_by(instance, certificate, instance.ca.tsa)


def with_a_broken_signature(instance, certificate):
    good = instance.ocsp_response(certificate, instance.at)
    value = load_der_ocsp_response(good).signature
    return good.replace(value, value[:-1] + bytes([value[-1] ^ 1]))


def about_another(instance, certificate):
    """A good response about a certificate of the same CA."""
    del certificate
    return instance.ocsp_response(instance.ca.tsa.certificate, instance.at)


def of_someone_unknown(instance, certificate):
    """The right responder says that it does not know the certificate."""
    issuer = instance.ca.intermediate.certificate
    request = ocsp_request(certificate, issuer)
    authority = OcspAuthority(issuer, {}, instance.ca.ocsp)
    return ocsp_response(request, [authority], at=instance.at)


def refused(instance, certificate):
    """An OCSPResponse that has only a status: internalError."""
    del instance, certificate
    return bytes.fromhex("30030a0102")


FORGED = [
    pytest.param(too_old, BAD, id="too old"),
    pytest.param(past_its_next_update, BAD, id="past its nextUpdate"),
    pytest.param(signed_by_a_stranger, BAD, id="by a stranger"),
    pytest.param(signed_by_a_namesake, BAD, id="by a namesake"),
    pytest.param(signed_by_the_tsa, BAD, id="by the TSA"),
    pytest.param(with_a_broken_signature, BAD, id="broken"),
    pytest.param(about_another, NONE_FITS, id="about another"),
    pytest.param(of_someone_unknown, NONE_FITS, id="unknown to the responder"),
    pytest.param(refused, BAD, id="only a status"),
]


@pytest.mark.parametrize(("make", "code"), FORGED)
async def test_a_provider_without_good_ocsp_gets_nothing(tmp_path, logs, make, code):
    pair = Pair(tmp_path)
    certificate = pair.provider.identity.certificates[0]
    pair.provider.ocsp.instead[certificate] = make(pair.instance, certificate)
    async with pair:
        stage = Stage(pair, logs)
        pair.offer("echo")
        await stage.refuses(f"{BY_CONSUMER}.{code}")
        assert pair.provider.exchanges == []
        pair.provider.ocsp.instead.clear()
        await stage.succeeds()


@pytest.mark.parametrize(("make", "code"), FORGED)
async def test_a_consumer_without_good_ocsp_is_not_heard(stage, make, code):
    del code  # stays with the provider
    instance = stage.pair.instance
    certificate = instance.consumer.identity.certificates[0]
    bad = Piece(OCSP, make(instance, certificate))
    good = stage.author.request(stage.echo)
    letter = replace(good, pieces=(bad, *good.pieces[1:]))
    await stage.peer_refuses(BY_PROVIDER, letter)
    assert stage.pair.service.requests == []
    await stage.peer_accepts(good)
    await stage.succeeds()


@pytest.mark.parametrize(("make", "code"), FORGED)
async def test_a_signature_without_good_ocsp_is_refused(stage, make, code):
    instance = stage.pair.instance
    signing = instance.consumer.signer.certificate
    author = Author.of(instance, instance.consumer)
    forger = replace(
        author,
        ocsp=lambda c: make(instance, c) if c == signing else author.ocsp(c),
    )
    code = f"server.serverproxy.signature_verification.{code}"
    await stage.peer_refuses(code, forger.request(stage.echo))
    assert stage.pair.service.requests == []
    await stage.succeeds()


@pytest.mark.parametrize(("make", "code"), FORGED)
async def test_an_answers_signature_without_good_ocsp_is_refused(
    tmp_path, logs, make, code
):
    pair = Pair(tmp_path)
    instance = pair.instance
    signing = instance.provider.signer.certificate
    author = Author.of(instance, instance.provider)
    forger = replace(
        author,
        ocsp=lambda c: make(instance, c) if c == signing else author.ocsp(c),
    )
    async with impostor(pair, forger.answer) as stranger:
        pair.consumer.peer_port = stranger.port
        async with pair:
            stage = Stage(pair, logs)
            code = f"server.clientproxy.signature_verification.{code}"
            await stage.refuses(code)


async def test_a_message_without_ocsp_responses_is_refused(stage):
    letter = stage.author.request(stage.echo).without(OCSP)
    await stage.peer_refuses(BY_PROVIDER, letter)


async def test_a_message_without_the_response_for_the_intermediate_is_refused(stage):
    good = stage.author.request(stage.echo)
    letter = replace(good, pieces=(good.pieces[0], *good.pieces[2:]))
    await stage.peer_refuses(BY_PROVIDER, letter)
    await stage.peer_accepts(good)


async def test_an_ocsp_response_that_is_not_der_is_an_io_error(stage):
    good = stage.author.request(stage.echo)
    for junk in (b"", b"junk", good.of(OCSP)[:-1], good.of(OCSP) + b"\x00"):
        letter = replace(good, pieces=(Piece(OCSP, junk), *good.pieces[1:]))
        await stage.peer_refuses("server.serverproxy.service_failed.io_error", letter)
    await stage.peer_accepts(good)


async def test_a_server_without_ocsp_of_its_own_certificate_sends_nothing(stage):
    """It says so itself, and at once when there is one again."""
    ocsp = stage.pair.consumer.ocsp
    ocsp.instead[stage.pair.consumer.identity.certificates[0]] = None
    await stage.refuses("server.clientproxy.ssl_authentication_failed")
    assert stage.pair.provider.exchanges == []
    ocsp.instead.clear()
    await stage.succeeds()


async def test_a_server_without_ocsp_of_its_signing_certificate_signs_nothing(stage):
    for server, code in (
        (stage.pair.consumer, "server.clientproxy.cannot_create_signature"),
        (stage.pair.provider, "server.serverproxy.cannot_create_signature"),
    ):
        (signer,) = server.signers.values()
        server.ocsp.instead[signer.certificate] = None
        await stage.refuses(code)
        server.ocsp.instead.clear()
    await stage.succeeds()


async def test_responses_grow_old_on_a_kept_connection_and_are_renewed(stage):
    """The responder is away for longer than responses are fresh, and comes back."""
    pair = stage.pair
    await stage.succeeds()
    stale = {
        c: pair.provider.ocsp.by_certificate(c) for c in pair.provider.ocsp.certificates
    }
    pair.provider.ocsp.instead.update(stale)
    pair.clock.now += timedelta(hours=1, seconds=1)
    await stage.refuses(f"{BY_CONSUMER}.{BAD}")
    pair.provider.ocsp.instead.clear()
    await stage.succeeds()


# Port 5577 of the provider.


RUBBISH = {
    "no HTTP": b"\x00\x01\x02\x03",
    "nothing": b"",
    "an error": answer("500 Server Error", body=b"no such certificate"),
    "a redirect": answer("302 Found", {"Location": "http://127.0.0.1:1/"}),
    "no multipart": answer(headers={"Content-Type": "text/html"}, body=b"<html>"),
    "no boundary": answer(headers={"Content-Type": "multipart/related"}, body=b"--"),
    "no end": answer(
        headers={"Content-Type": "multipart/related; boundary=b"},
        body=f"--b\r\nContent-Type: {OCSP_RESPONSE_TYPE}\r\n\r\nxx".encode(),
    ),
    "too few": answer(
        headers={"Content-Type": "multipart/related; boundary=b"},
        body=f"--b\r\nContent-Type: {OCSP_RESPONSE_TYPE}\r\n\r\nx\r\n--b--".encode(),
    ),
    "too much": answer(
        headers={"Content-Type": "multipart/related; boundary=b"}, body=bytes(300_000)
    ),
}


@pytest.mark.parametrize("what", RUBBISH)
async def test_rubbish_on_the_ocsp_port_is_an_internal_error(tmp_path, logs, what):
    pair = Pair(tmp_path)
    async with RawServer(RUBBISH[what]) as ocsp:
        pair.consumer.peer_ocsp_port = ocsp.port
        async with pair:
            stage = Stage(pair, logs)
            pair.offer("echo")
            await stage.refuses(f"{BY_CONSUMER}.internal_error")
            assert pair.provider.exchanges == []
            pair.consumer.runtime.peer_ocsp._port = pair.provider.ports.ocsp
            await stage.succeeds()


async def test_two_parts_of_junk_on_the_ocsp_port_are_no_validation(tmp_path, logs):
    part = f"--b\r\nContent-Type: {OCSP_RESPONSE_TYPE}\r\n\r\njunk\r\n"
    junk = answer(
        headers={"Content-Type": "multipart/related; boundary=b"},
        body=f"{part}{part}--b--".encode(),
    )
    pair = Pair(tmp_path)
    async with RawServer(junk) as ocsp:
        pair.consumer.peer_ocsp_port = ocsp.port
        async with pair:
            stage = Stage(pair, logs)
            pair.offer("echo")
            await stage.refuses(f"{BY_CONSUMER}.{BAD}")


async def test_an_ocsp_port_that_is_closed_is_an_internal_error(tmp_path, logs):
    async with RawServer() as gone:
        port = gone.port
    pair = Pair(tmp_path)
    pair.consumer.peer_ocsp_port = port
    async with pair:
        stage = Stage(pair, logs)
        pair.offer("echo")
        await stage.refuses(f"{BY_CONSUMER}.internal_error")


async def test_an_ocsp_port_that_is_silent_is_given_up(tmp_path, logs):
    pair = Pair(tmp_path)
    async with RawServer(None) as silent:
        pair.consumer.peer_ocsp_port = silent.port
        async with pair:
            stage = Stage(pair, logs)
            pair.offer("echo")
            pair.consumer.runtime.peer_ocsp._patience = Patience(0.05)
            await stage.refuses(f"{BY_CONSUMER}.internal_error")


def signed_by(instance, certificate, responder):
    """Return a response in which only the responder is not the true one."""
    intermediate = instance.ca.intermediate
    authority = OcspAuthority(
        intermediate.certificate, intermediate.register, responder
    )
    request = ocsp_request(certificate, intermediate.certificate)
    return ocsp_response(request, [authority], at=instance.at)
