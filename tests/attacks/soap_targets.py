"""Servers that mutants of SOAP messages are sent to; see `targets`.

What is forwarded must have the envelope and the attachments of an original, byte for
byte. The heads of their parts are not signed by anybody and go on as they came.
"""

import re
from contextlib import AsyncExitStack
from pathlib import Path

from kerege.xroad import soap
from kerege.xroad.identifiers import ServiceId
from tests.attacks.messages import Author, Letter
from tests.attacks.mutants import Original
from tests.attacks.targets import (
    QUICK,
    ConsumerTarget,
    Outcome,
    ProviderTarget,
    _fault,
    _listen,
    _name,
    _pair,
)
from tests.conformance import recordings as recorded
from tests.conformance.test_recorded_exchanges import ocsp_answer
from tests.server_parts import registered, rights
from tests.servers import Pair
from tests.soap_parts import (
    RELATED,
    TEXT_XML,
    envelope,
    offer,
    posted,
)
from tests.wire import Http, RawServer

ATTACHED: dict[str, tuple[bytes, ...]] = {
    "own SOAP": (),
    "own SOAP, one attachment": (b"one",),
    "own SOAP, an empty one": (b"",),
    "own SOAP, three": (b"--xattAttacker\r\n", b"\r\n" * 40, bytes(range(256))),
    "own SOAP, large ones": (bytes(range(256)) * 200, b"x" * 70_000),
}
_BOUNDARY = re.compile(rb'boundary="?([^";]+)')


def contents(http: Http) -> tuple[bytes, ...]:
    """Return envelope and attachments of a message to a service or a client."""
    content_type = (http.get("content-type") or "").encode("latin-1")
    found = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith(b"multipart/") or found is None:
        return (http.body,)
    pieces = (b"\r\n" + http.body).split(b"\r\n--" + found[1])
    return tuple([piece.partition(b"\r\n\r\n")[2] for piece in pieces[1:-1]])


class SoapProviderTarget(ProviderTarget):
    """A provider's server with SOAP services."""

    def meaning_of(self, called: Http) -> object:
        """Return envelope and attachments; part heads are nobody's word."""
        return contents(called)


class SoapConsumerTarget(ConsumerTarget):
    """A consumer's server whose application asks in SOAP."""

    def outcome_of(self, got: Http | str) -> Outcome:
        """Return the fault's code, or what was answered."""
        if not isinstance(got, Http):
            return Outcome(got)
        if b":Fault>" in got.body and b"<faultcode>" in got.body:
            return Outcome(_fault(got.body))
        return Outcome("answered", True, contents(got))


# Recordings.

ANSWERED_IN = "recordings"


def _recordings() -> list[recorded.Recording]:
    """Return the cases that were answered and that ours can answer."""
    offered = recorded.recordings(having="proxy-request", prefix="soap-")
    found = [parameter.values[0] for parameter in offered]
    return [r for r in found if r.set == ANSWERED_IN and r.has("provider-response")]


async def recorded_soap_provider(
    stack: AsyncExitStack, folder: Path
) -> SoapProviderTarget:
    """Start our server in the place of the recorded provider's."""
    cases = _recordings()
    simple = next(case for case in cases if case.name == "soap-simple")
    service = RawServer(simple.raw("provider-response"))
    await stack.enter_async_context(service)
    server = recorded.producer(folder / "recorded", simple, service.url)
    parts = [recorded._services(case, service.url) for case in cases]
    server.rights = rights(
        [registered(recorded.PROVIDER)],
        [one for part in parts for one in part.services.values()],
        [right for part in parts for right in part.access_rights],
    )
    server.limits = QUICK
    await stack.enter_async_context(server)
    target = SoapProviderTarget(server, service, recorded.live_identity("ss1-auth"))
    await target.accept([Original(_name(r), r.raw("proxy-request")) for r in cases])
    return target


async def recorded_soap_consumer(
    stack: AsyncExitStack, folder: Path
) -> SoapConsumerTarget:
    """Start our server in the place of the recorded client's."""
    cases = _recordings()
    server = recorded.consumer(folder / "recorded", cases[0])
    questions = {_name(r): (r.raw("client-request"), list[str]()) for r in cases}
    target = SoapConsumerTarget(server, questions)
    host = recorded.SS2_ADDRESS
    ocsp = RawServer(ocsp_answer(cases[0]), host=host)
    await stack.enter_async_context(ocsp)
    server.peer_ocsp_port = ocsp.port
    identity = recorded.live_identity("ss2-auth")
    server.peer_port = await _listen(stack, target, identity, host)
    server.limits = QUICK
    await stack.enter_async_context(server)
    await target.accept(
        [Original(_name(r), r.raw("proxy-response"), is_answer=True) for r in cases]
    )
    return target


# Our own messages.


async def own_soap_provider(stack: AsyncExitStack, folder: Path) -> SoapProviderTarget:
    """Start a pair; its provider takes our own messages."""
    pair = _pair(folder)
    await stack.enter_async_context(pair)
    service = offer(pair)
    signing = pair.instance.consumer
    author = Author.of(pair.instance, signing)
    target = SoapProviderTarget(pair.provider, pair.service, signing.identity)
    content = envelope(pair.client, service)
    for name, attached in ATTACHED.items():
        letter = author.soap_request(content, attached)
        await target.accept([Original(name, _posted(letter))])
    return target


async def own_soap_consumer(stack: AsyncExitStack, folder: Path) -> SoapConsumerTarget:
    """Start a pair; its consumer takes our own answers."""
    pair = _pair(folder)
    questions: dict[str, tuple[bytes, list[str]]] = {}
    target = SoapConsumerTarget(pair.consumer, questions)
    identity = pair.instance.provider.identity
    pair.consumer.peer_port = await _listen(stack, target, identity, "127.0.0.1")
    await stack.enter_async_context(pair)
    service = offer(pair)
    author = Author.of(pair.instance, pair.instance.provider)
    for number, (name, attached) in enumerate(ATTACHED.items()):
        question = envelope(pair.client, service, f"own-{number}")
        questions[name] = (posted(question), [])
        raw = _answered(author, pair, service, question, attached)
        await target.accept([Original(name, raw, is_answer=True)])
    return target


def _posted(letter: Letter) -> bytes:
    return letter.posted(x_road_message_type=None, x_original_content_type=RELATED)


def _answered(
    author: Author,
    pair: Pair,
    service: ServiceId,
    question: bytes,
    attached: tuple[bytes, ...],
) -> bytes:
    asked = soap.read(question, TEXT_XML)
    assert isinstance(asked, soap.SoapMessage)
    made = envelope(pair.client, service, asked.query_id, is_answer=True)
    found = soap.add_request_hash(made, TEXT_XML, soap.request_hash(question))
    assert isinstance(found, soap.Answer)
    letter = author.soap([], found.content, attached)
    return letter.answered(x_original_content_type=RELATED)
