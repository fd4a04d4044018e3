"""The fetcher keeps a server's OCSP responses fresh, come what may."""

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from kerege.exchange.fetching import Patience
from kerege.exchange.http import ClientPool
from kerege.exchange.ocsp import OcspFetcher, OcspStore, Schedule, http_transport
from kerege.trust.ca import SandboxCA
from kerege.trust.key_kinds import KeyKind
from kerege.trust.ocsp_responder import (
    ocsp_application,
    ocsp_authorities,
    ocsp_response,
)
from kerege.xroad.certificates import Trust, certificate_sha256
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf.extensions import Extensions
from tests.trust.authorities import AIMAK, NOW, SERVER, leaf_key, new_ca

FIRST, SECOND = "http://first.example/", "http://second.example/"
DOWN = XRoadError("ocsp_connection_error", "down")


@dataclass
class World:
    """An instance with one CA, a clock, and responders that do as they are told."""

    ca: SandboxCA
    store: OcspStore
    now: datetime = NOW
    urls: tuple[str, ...] = (FIRST, SECOND)
    asked: list[str] = field(default_factory=list)
    answers: dict[str, Callable[[bytes], bytes]] = field(default_factory=dict)
    own: list[x509.Certificate] = field(default_factory=list)
    instance: str = "central-server"
    extensions: Extensions = field(default_factory=Extensions)
    is_configured: bool = True
    _trust: Trust | None = None

    def trust(self, instance: str) -> Trust:
        assert instance == self.instance
        if self._trust is None:
            self._trust = self.ca.trust()
        return self._trust

    def set_trust(self, **changes: object) -> None:
        self._trust = replace(self.ca.trust(), **changes)

    def issuer_of(self, certificate: x509.Certificate) -> x509.Certificate:
        for issuer in (self.ca.intermediate.certificate, self.ca.root.certificate):
            if certificate.issuer == issuer.subject:
                return issuer
        raise XRoadError("internal_error", "unknown issuer")

    def ocsp_urls_for(self, certificate: x509.Certificate) -> tuple[str, ...]:
        assert certificate is not None
        return self.urls

    def good(self, request: bytes) -> bytes:
        return ocsp_response(request, ocsp_authorities(self.ca), at=self.now)

    async def transport(self, url: str, request: bytes) -> bytes:
        self.asked.append(url)
        await asyncio.sleep(0)
        return self.answers.get(url, self.good)(request)

    def fetcher(self, **named: object) -> OcspFetcher:
        def sources() -> "World":
            if not self.is_configured:
                raise XRoadError("global_conf_outdated", "none yet")
            return self

        options = {
            "sources": sources,
            "certificates": lambda: self.own,
            "transport": self.transport,
            "store": self.store,
            "clock": lambda: self.now,
        }
        return OcspFetcher(**(options | named))


def fails(_: bytes) -> bytes:
    raise DOWN


@pytest.fixture
def world(tmp_path) -> World:
    ca = new_ca()
    ca.clock = lambda: NOW
    made = World(ca, OcspStore(tmp_path / "ocsp"))
    key = leaf_key().public_key()
    made.own.append(ca.issue_authentication(key, SERVER))
    made.own.append(ca.issue_signing(key, AIMAK, SERVER))
    return made


async def test_leaves_and_intermediates_have_responses_and_the_root_has_none(world):
    fetcher = world.fetcher()
    await fetcher.refresh()
    for certificate in (*world.own, *world.ca.chain):
        assert fetcher.responses_for(certificate)
    assert fetcher.responses_for(world.ca.root.certificate) is None
    assert world.asked == [FIRST] * 3


async def test_peers_find_them_by_either_hash(world):
    fetcher = world.fetcher()
    await fetcher.refresh()
    certificate = world.own[0]
    response = fetcher.responses_for(certificate)
    sha1 = certificate.fingerprint(hashes.SHA1())  # noqa: S303 - the protocol's
    assert fetcher.response_by_hash(sha1) == response
    assert fetcher.response_by_hash(certificate_sha256(certificate)) == response
    assert fetcher.response_by_hash(b"?" * 20) is None


async def test_nothing_is_asked_again_before_it_is_due(world):
    fetcher = world.fetcher()
    await fetcher.refresh()
    world.now += timedelta(seconds=1199)
    await fetcher.refresh()
    assert len(world.asked) == 3
    world.now += timedelta(seconds=1)
    await fetcher.refresh()
    assert len(world.asked) == 6


async def test_the_instance_says_how_often_it_is_asked(world):
    world.extensions = Extensions(ocsp_fetch_interval_seconds=300)
    fetcher = world.fetcher()
    await fetcher.refresh()
    assert {s.next_attempt for s in fetcher.states()} == {NOW + timedelta(seconds=300)}


async def test_responses_that_end_soon_are_renewed_at_half_their_time(world):
    world.set_trust(ocsp_freshness_seconds=600)
    fetcher = world.fetcher()
    await fetcher.refresh()
    assert {s.next_attempt for s in fetcher.states()} == {NOW + timedelta(seconds=300)}


async def test_the_next_responder_is_asked_when_the_first_fails(world):
    world.answers[FIRST] = fails
    fetcher = world.fetcher()
    await fetcher.refresh()
    assert fetcher.responses_for(world.own[0])
    assert world.asked.count(FIRST) == world.asked.count(SECOND) == 3


@pytest.mark.parametrize("answer", [b"", b"<html>", b"\x30\x03\x0a\x01\x06"])
async def test_an_answer_that_is_not_believed_is_like_none(world, answer):
    world.answers[FIRST] = lambda _: answer
    fetcher = world.fetcher()
    await fetcher.refresh()
    assert fetcher.responses_for(world.own[0])


async def test_an_answer_of_a_stranger_is_not_believed(world):
    stranger = new_ca()
    world.answers = dict.fromkeys(
        world.urls,
        lambda request: ocsp_response(request, ocsp_authorities(stranger), at=NOW),
    )
    fetcher = world.fetcher()
    await fetcher.refresh()
    assert fetcher.responses_for(world.own[0]) is None
    assert "incorrect_validation_info" in fetcher.states()[0].problem


async def test_a_failure_is_tried_again_after_a_minute(world):
    world.answers = dict.fromkeys(world.urls, fails)
    fetcher = world.fetcher()
    await fetcher.refresh()
    assert fetcher.responses_for(world.own[0]) is None
    states = fetcher.states()
    assert {s.next_attempt for s in states} == {NOW + timedelta(seconds=60)}
    assert all(FIRST in s.problem and SECOND in s.problem for s in states)
    world.answers = {}
    world.now += timedelta(seconds=60)
    await fetcher.refresh()
    assert fetcher.responses_for(world.own[0])
    assert {s.problem for s in fetcher.states()} == {""}


async def test_a_failure_keeps_the_old_response_while_it_is_valid(world):
    fetcher = world.fetcher()
    await fetcher.refresh()
    before = fetcher.responses_for(world.own[0])
    world.answers = dict.fromkeys(world.urls, fails)
    world.now += timedelta(minutes=30)
    await fetcher.refresh()
    assert fetcher.responses_for(world.own[0]) == before
    world.now += timedelta(minutes=30)
    assert fetcher.responses_for(world.own[0]) == before
    world.now += timedelta(seconds=1)
    assert fetcher.responses_for(world.own[0]) is None


async def test_unknown_is_a_failure_and_not_the_end(world):
    fetcher = world.fetcher()
    await fetcher.refresh()
    before = fetcher.responses_for(world.own[0])
    del world.ca.intermediate.register[world.own[0].serial_number]
    world.now += timedelta(minutes=30)
    await fetcher.refresh()
    assert fetcher.responses_for(world.own[0]) == before


async def test_revoked_is_the_end_at_once(world):
    fetcher = world.fetcher()
    await fetcher.refresh()
    world.ca.revoke(world.own[0].serial_number)
    world.asked.clear()
    world.now += timedelta(minutes=30)
    await fetcher.refresh()
    assert fetcher.responses_for(world.own[0]) is None
    assert fetcher.responses_for(world.own[1])
    assert world.asked == [FIRST] * 3
    assert world.store.load(certificate_sha256(world.own[0])) is None
    again = world.fetcher()
    await again.refresh()
    assert again.responses_for(world.own[0]) is None


async def test_a_restart_needs_no_responder(world):
    await world.fetcher().refresh()
    world.answers = dict.fromkeys(world.urls, fails)
    world.now += timedelta(minutes=5)
    again = world.fetcher()
    await again.refresh()
    assert again.responses_for(world.own[0])
    assert len(world.asked) == 3


async def test_after_a_long_stop_old_responses_are_not_used(world):
    await world.fetcher().refresh()
    world.answers = dict.fromkeys(world.urls, fails)
    world.now += timedelta(hours=2)
    again = world.fetcher()
    await again.refresh()
    assert again.responses_for(world.own[0]) is None


@pytest.mark.parametrize("data", [b"", b"rubbish", b"\0" * 100_000])
async def test_a_damaged_file_is_like_none(world, tmp_path, data):
    await world.fetcher().refresh()
    for file in (tmp_path / "ocsp").iterdir():
        file.write_bytes(data)
    again = world.fetcher()
    await again.refresh()
    assert again.responses_for(world.own[0])
    assert len(world.asked) == 6


async def test_a_folder_that_cannot_be_written_does_not_stop_it(world, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    world.store = OcspStore(tmp_path / "file")
    fetcher = world.fetcher()
    await fetcher.refresh()
    assert fetcher.responses_for(world.own[0])
    world.ca.revoke(world.own[0].serial_number)
    world.now += timedelta(minutes=30)
    await fetcher.refresh()
    assert fetcher.responses_for(world.own[0]) is None


async def test_a_new_trust_judges_old_responses_again(world):
    fetcher = world.fetcher()
    await fetcher.refresh()
    world.answers = dict.fromkeys(world.urls, fails)
    world.now += timedelta(minutes=10)
    world.set_trust(ocsp_freshness_seconds=7200)
    await fetcher.refresh()
    assert fetcher.states()[0].valid_until == NOW + timedelta(seconds=7200)
    world.set_trust(ocsp_freshness_seconds=60)
    await fetcher.refresh()
    assert fetcher.responses_for(world.own[0]) is None


async def test_certificates_come_and_go(world):
    fetcher = world.fetcher()
    await fetcher.refresh()
    gone = world.own.pop()
    added = world.ca.issue_authentication(leaf_key().public_key(), SERVER)
    world.own.append(added)
    await fetcher.refresh()
    assert fetcher.responses_for(gone) is None
    assert fetcher.responses_for(added)
    assert len(fetcher.states()) == 3


async def test_without_a_configuration_it_waits(world):
    world.is_configured = False
    fetcher = world.fetcher()
    await fetcher.refresh()
    assert world.asked == []
    world.is_configured = True
    await fetcher.refresh()
    assert fetcher.responses_for(world.own[0])


async def test_without_a_responder_it_says_so(world):
    world.urls = ()
    fetcher = world.fetcher()
    await fetcher.refresh()
    assert {s.problem for s in fetcher.states()} == {"no OCSP responder is configured"}


async def test_a_certificate_of_an_unknown_ca_does_not_disturb_the_others(world):
    elsewhere = SandboxCA.create("elsewhere", kind=KeyKind.EC_P256, clock=lambda: NOW)
    stranger = elsewhere.issue_authentication(leaf_key().public_key(), SERVER)
    world.own.append(stranger)
    fetcher = world.fetcher()
    await fetcher.refresh()
    assert fetcher.responses_for(world.own[0])
    assert fetcher.responses_for(stranger) is None


async def test_it_runs_until_it_is_cancelled_and_asks_again_after_failures(world):
    world.answers = dict.fromkeys(world.urls, fails)
    failed = asyncio.Event()
    worked = asyncio.Event()

    async def transport(url: str, request: bytes) -> bytes:
        try:
            response = await world.transport(url, request)
        except XRoadError:
            failed.set()
            raise
        worked.set()
        return response

    soon = timedelta(milliseconds=10)
    schedule = Schedule(retry=soon, shortest=soon)
    fetcher = world.fetcher(transport=transport, schedule=schedule)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(fetcher.run())
        await asyncio.wait_for(failed.wait(), 30)
        await asyncio.wait_for(until(lambda: len(world.asked) == 6), 30)
        world.answers = {}
        world.now += timedelta(seconds=1)
        await asyncio.wait_for(worked.wait(), 30)
        await asyncio.wait_for(until(lambda: fetcher.responses_for(world.own[0])), 30)
        running.cancel()


async def test_a_clock_that_was_ahead_at_the_start_does_not_keep_it_from_asking(world):
    right = world.now
    world.answers = dict.fromkeys(
        world.urls,
        lambda request: ocsp_response(request, ocsp_authorities(world.ca), at=right),
    )
    world.now = right + timedelta(days=1)
    fetcher = world.fetcher()
    await fetcher.refresh()
    assert fetcher.responses_for(world.own[0]) is None

    world.now = right + timedelta(seconds=30)
    await fetcher.refresh()
    assert fetcher.responses_for(world.own[0])


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 - it has no event for everything
        await asyncio.sleep(0)


async def test_it_looks_again_by_itself(world):
    schedule = Schedule(timedelta(milliseconds=10), timedelta(milliseconds=1))
    world.answers = dict.fromkeys(world.urls, fails)
    fetcher = world.fetcher(schedule=schedule)
    task = asyncio.ensure_future(fetcher.run())
    await asyncio.wait_for(until(lambda: len(world.asked) == 6), 60)
    world.answers = {}
    world.now += timedelta(seconds=1)
    await asyncio.wait_for(until(lambda: fetcher.responses_for(world.own[1])), 60)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


# The real transport


@asynccontextmanager
async def serving(application: web.Application):
    """Serve on the loopback; yields the URL and a client session."""
    runner = web.AppRunner(application, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with ClientPool() as pool:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/", pool
    await runner.cleanup()


async def test_over_http_a_sandbox_responder_is_asked(world):
    application = ocsp_application(ocsp_authorities(world.ca), clock=lambda: world.now)
    async with serving(application) as (url, pool):
        world.urls = (url,)
        fetcher = world.fetcher(transport=http_transport(pool))
        await fetcher.refresh()
    assert {s.problem for s in fetcher.states()} == {""}
    assert fetcher.responses_for(world.own[0])


@pytest.mark.parametrize("case", ["status", "redirect", "long", "silent"])
async def test_over_http_a_broken_responder_is_told(case):
    async def handler(_: web.Request) -> web.Response:
        if case == "redirect":
            raise web.HTTPFound("http://169.254.169.254/")
        if case == "silent":
            await asyncio.Event().wait()
        body = b"x" * 70_000 if case == "long" else b""
        return web.Response(status=503 if case == "status" else 200, body=body)

    application = web.Application()
    application.router.add_post("/", handler)
    patience = Patience(0.05 if case == "silent" else 5)
    async with serving(application) as (url, pool):
        with pytest.raises(XRoadError) as refused:
            await http_transport(pool, patience=patience)(url, b"request")
    assert refused.value.code == "ocsp_connection_error"


@pytest.mark.parametrize(
    "url", ["", "not a url", "ftp://x/", "http://", "http://127.0.0.1:1/"]
)
async def test_over_http_an_address_that_is_none_is_told(url):
    async with ClientPool() as pool:
        with pytest.raises(XRoadError) as refused:
            await http_transport(pool)(url, b"request")
    assert refused.value.code == "ocsp_connection_error"
