"""The servers that mutants are sent to, and what they accept unchanged.

A `Target` is a running server with its originals: `ProviderTarget` takes requests on
port 5500, `ConsumerTarget` takes answers from whoever stands in the provider's place.
Originals are recordings of Java servers, and messages of our own making.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from kerege.exchange.http import Limits
from kerege.exchange.tls import Identity, peer_client_context, peer_server_context
from kerege.xroad.signature import Part
from tests.attacks.messages import Author, Letter, seal_pieces
from tests.attacks.mutants import Original
from tests.conformance import recordings as recorded
from tests.conformance.test_recorded_exchanges import ocsp_answer, recorded_ids
from tests.server_parts import registered, rights
from tests.servers import Pair, TestServer
from tests.vectors import LIVE
from tests.wire import Http, RawServer, _read, answer, call, request

QUICK = Limits(
    head_seconds=1.0,
    idle_seconds=1.0,
    body_stall_seconds=1.0,
    linger_seconds=0.5,
)
"""So that a mutant that is cut off does not wait for a minute."""
UNFRAMED = ("date", "content-length", "transfer-encoding", "connection")
OK = answer(headers={"Content-Type": "text/plain"}, body=b"ok")


@dataclass(frozen=True)
class Outcome:
    """What became of one message."""

    words: str
    is_forwarded: bool = False
    meaning: object = None
    """What was forwarded, without framing and dates."""


class ProviderTarget:
    """A provider's server: port 5500 is sent requests."""

    def __init__(self, server: TestServer, service: RawServer, who: Identity) -> None:
        self.server = server
        self.service = service
        self.originals: list[Original] = []
        self.accepted: dict[str, object] = {}
        """What the service got of each original."""
        self._context = peer_client_context(who)

    async def accept(self, offered: Sequence[Original]) -> None:
        """Keep the originals that reach the service unchanged."""
        for one in offered:
            before = len(self.service.requests)
            outcome = await self.send(one, one.raw)
            called = self.service.requests[before:]
            if outcome.is_forwarded and len(called) == 1:
                self.originals.append(one)
                self.accepted[one.name] = self.meaning_of(called[0])
        self.service.requests.clear()

    def meaning_of(self, called: Http) -> object:
        """Return what of a call to the service must be as it was."""
        return called.raw

    async def send(self, origin: Original, raw: bytes) -> Outcome:
        """Send a message."""
        del origin
        port = self.server.ports.peer
        got = await _answer(call(self.server.host, port, raw, ssl=self._context))
        if not isinstance(got, Http):
            return Outcome(got)
        if (got.get("content-type") or "").startswith("multipart/"):
            is_fault = b"<faultcode>" in got.body
            return Outcome("answered, fault inside" if is_fault else "answered", True)
        return Outcome(_fault(got.body) or f"HTTP {got.status}")

    def forwarded(self) -> list[object]:
        """Return what the service got since it was asked last."""
        got = [self.meaning_of(one) for one in self.service.requests]
        self.service.requests.clear()
        return got


class ConsumerTarget:
    """A consumer's server: it asks, and gets what the test wants for an answer."""

    def __init__(
        self, server: TestServer, questions: dict[str, tuple[bytes, list[str]]]
    ) -> None:
        self.server = server
        self.originals: list[Original] = []
        self.accepted: dict[str, object] = {}
        self._questions = questions
        """For each original: what the application asks, and the ids that go with it."""
        self._answer: Callable[[Http], bytes] = lambda _: b""
        self._lock = asyncio.Lock()

    async def reply(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Be the provider's server for one question."""
        try:
            asked = await _read(reader, to_end=False)
            writer.write(self._answer(asked))
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        except (ConnectionError, OSError, asyncio.IncompleteReadError):
            writer.transport.abort()

    async def accept(self, offered: Sequence[Original]) -> None:
        """Keep the originals that reach the application."""
        for one in offered:
            outcome = await self.send(one, one.raw)
            if outcome.is_forwarded:
                self.originals.append(one)
                self.accepted[one.name] = outcome.meaning

    async def first_answer(
        self, name: str, author: Author, body: bytes | None
    ) -> bytes:
        """Hear a question once, and write the answer that fits it."""
        written: list[bytes] = []

        def write(asked: Http) -> bytes:
            letter = author.answer(asked, body=body)
            if name == BATCH:
                letter = _as_batch(author, letter)
            written.append(letter.answered())
            return written[0]

        await self._ask(name, write)
        return written[0]

    async def _ask(self, name: str, answering: Callable[[Http], bytes]) -> Http | str:
        question, ids = self._questions[name]
        async with self._lock:
            self._answer = answering
            self.server.ids.first = list(ids)
            return await _answer(self.server.client_call(question))

    async def send(self, origin: Original, raw: bytes) -> Outcome:
        """Ask, and be answered ``raw``."""
        got = await self._ask(origin.name, lambda _: raw)
        return self.outcome_of(got)

    def outcome_of(self, got: Http | str) -> Outcome:
        """Return what the application's answer says."""
        if not isinstance(got, Http):
            return Outcome(got)
        code = got.get("x-road-error")
        if code is not None:
            return Outcome(code)
        headers = tuple(h for h in got.headers if h[0].lower() not in UNFRAMED)
        return Outcome(f"HTTP {got.status}", True, (got.status, headers, got.body))

    def forwarded(self) -> list[object]:
        """Return nothing: outcomes say it all."""
        return []


Target = ProviderTarget | ConsumerTarget


async def _answer(waiting) -> Http | str:
    try:
        got: Http = await waiting
    except asyncio.IncompleteReadError as error:
        return "cut off" if error.partial else "closed"
    except ConnectionError:
        return "closed"
    return got


def _fault(body: bytes) -> str:
    _, _, rest = body.partition(b"<faultcode>")
    return rest.partition(b"</faultcode>")[0].decode()


# Recordings.


def _recordings(having: str) -> list[recorded.Recording]:
    found = [p.values[0] for p in recorded.recordings(having=having)]
    return [r for r in found if r.set == "recordings" and r.has("proxy-response")]


def _name(recording: recorded.Recording) -> str:
    """Return the case; those of a batch have a number."""
    return str(recording.folder.relative_to(LIVE / "recordings"))


async def recorded_provider(stack: AsyncExitStack, folder: Path) -> ProviderTarget:
    """Start our server in the place of the recorded provider's."""
    service = await stack.enter_async_context(RawServer(OK))
    cases = _recordings("proxy-request")
    server = recorded.producer(folder / "recorded", cases[0], service.url)
    parts = [recorded._services(case, service.url) for case in cases]
    server.rights = rights(
        [registered(recorded.PROVIDER)],
        [one for part in parts for one in part.services.values()],
        [right for part in parts for right in part.access_rights],
    )
    server.limits = QUICK
    await stack.enter_async_context(server)
    target = ProviderTarget(server, service, recorded.live_identity("ss1-auth"))
    await target.accept([Original(_name(r), r.raw("proxy-request")) for r in cases])
    return target


async def recorded_consumer(stack: AsyncExitStack, folder: Path) -> ConsumerTarget:
    """Start our server in the place of the recorded client's."""
    cases = [r for r in _recordings("proxy-request") if r.has("client-request")]
    server = recorded.consumer(folder / "recorded", cases[0])
    identity = recorded.live_identity("ss2-auth")
    questions = {_name(r): (r.raw("client-request"), recorded_ids(r)) for r in cases}
    target = ConsumerTarget(server, questions)
    host = recorded.SS2_ADDRESS
    ocsp = RawServer(ocsp_answer(cases[0]), host=host)
    await stack.enter_async_context(ocsp)
    server.peer_ocsp_port = ocsp.port
    server.peer_port = await _listen(stack, target, identity, host)
    server.limits = QUICK
    await stack.enter_async_context(server)
    offered = [
        Original(_name(r), r.raw("proxy-response"), is_answer=True) for r in cases
    ]
    await target.accept(offered)
    return target


async def _listen(
    stack: AsyncExitStack, target: ConsumerTarget, identity: Identity, host: str
) -> int:
    context = peer_server_context(identity)
    listening = await asyncio.start_server(target.reply, host, 0, ssl=context)
    stack.callback(listening.close)
    port: int = listening.sockets[0].getsockname()[1]
    return port


# Our own messages.


BATCH = "own, of a batch"
BODIES: dict[str, bytes | None] = {
    "own, plain": None,
    "own, with a body": b"hello",
    "own, with an empty body": b"",
    "own, with a body of lines": b"--xtopAttacker\r\n\r\n--\r\n" * 20,
    "own, with a large body": bytes(range(256)) * 160,
}


def own_requests(author: Author, path: str) -> list[Original]:
    """Write requests, alone and as a batch."""
    letters = {
        name: author.request(f"{path}/a%20b/%D2%A3", method="POST", body=body)
        for name, body in BODIES.items()
    }
    plain = letters["own, plain"]
    letters[BATCH] = _as_batch(author, plain)
    return [Original(name, letter.posted()) for name, letter in letters.items()]


def _as_batch(author: Author, letter: Letter) -> Letter:
    kinds = ("ocsp-response", "x-road-rest-request", "x-road-rest-response")
    kept = [p for p in letter.pieces if p.media_type.endswith(kinds)]
    parts = [Part.of("/message.xml", kept[-1].content)]
    others = [[Part.of("/message.xml", b"other %d" % n)] for n in range(3)]
    return Letter((*kept, *seal_pieces(author.sign(parts, *others))))


async def own_provider(stack: AsyncExitStack, folder: Path) -> ProviderTarget:
    """Start a pair; its provider takes our own messages."""
    pair = _pair(folder)
    await stack.enter_async_context(pair)
    pair.offer("echo")
    signing = pair.instance.consumer
    target = ProviderTarget(pair.provider, pair.service, signing.identity)
    path = f"/r1/{pair.provider_client.path}/echo"
    await target.accept(own_requests(Author.of(pair.instance, signing), path))
    return target


async def own_consumer(stack: AsyncExitStack, folder: Path) -> ConsumerTarget:
    """Start a pair; its consumer takes our own answers."""
    pair = _pair(folder)
    questions: dict[str, tuple[bytes, list[str]]] = {}
    target = ConsumerTarget(pair.consumer, questions)
    identity = pair.instance.provider.identity
    pair.consumer.peer_port = await _listen(stack, target, identity, "127.0.0.1")
    await stack.enter_async_context(pair)
    author = Author.of(pair.instance, pair.instance.provider)
    for number, (name, body) in enumerate([*BODIES.items(), (BATCH, None)]):
        headers = {"X-Road-Client": pair.client.path, "X-Road-Id": f"own-{number}"}
        path = f"/r1/{pair.provider_client.path}/echo/{number}"
        questions[name] = (request("GET", path, headers), [f"{number:036}"])
        raw = await target.first_answer(name, author, body)
        await target.accept([Original(name, raw, is_answer=True)])
    return target


def _pair(folder: Path) -> Pair:
    (folder / "own").mkdir()
    pair = Pair(folder / "own", service_answer=OK)
    pair.consumer.limits = pair.provider.limits = QUICK
    return pair
