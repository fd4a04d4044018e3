"""The client without asyncio: the same answers, from any thread."""

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from kerege.exchange.client import (
    Client,
    NoAnswer,
    ProviderServerFault,
    SecurityServerUnreachable,
)
from kerege.xroad.faults import XRoadError
from tests.exchange.client.servers import FakeSecurityServer, fault, running_in_thread

PORTAL = "central-server/GOV/70000001/portal"
ADDRESS = "central-server/GOV/70000050/register/address"


@pytest.fixture
def server() -> Iterator[FakeSecurityServer]:
    """A fake server in a thread of its own."""
    with running_in_thread() as fake:
        yield fake


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_every_method_calls_the_service(server, method):
    with Client(server.url, PORTAL) as xroad:
        got = getattr(xroad, method)(ADDRESS, "/7", query_id="q-1")
    assert (got.status, got.query_id) == (200, "q-1")
    assert server.last.line == f"{method.upper()} /r1/{ADDRESS}/7 HTTP/1.1"


def test_faults_are_raised_in_the_calling_thread(server):
    server.reply = fault("server.serverproxy.access_denied")
    with Client(server.url, PORTAL) as xroad, pytest.raises(ProviderServerFault):
        xroad.get(ADDRESS)


def test_wrong_arguments_are_refused_at_once():
    with pytest.raises(XRoadError):
        Client("http://127.0.0.1", "nobody")
    with pytest.raises(ValueError, match="not of the form"):
        Client("127.0.0.1", PORTAL)


def test_a_refused_connection_is_said_to_be_unreachable(server):
    with (
        Client("http://127.0.0.1:1", PORTAL) as xroad,
        pytest.raises(SecurityServerUnreachable),
    ):
        xroad.get(ADDRESS)


def test_many_threads_share_one_client(server):
    with Client(server.url, PORTAL) as xroad, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: xroad.get(ADDRESS, f"/{n}"), range(40)))
    assert [one.status for one in answers] == [200] * 40
    targets = {one.target for one in server.received}
    assert targets == {f"/r1/{ADDRESS}/{n}" for n in range(40)}


def test_it_works_inside_a_running_event_loop(server):
    async def inside() -> int:
        with Client(server.url, PORTAL) as xroad:
            return xroad.get(ADDRESS).status

    assert asyncio.run(inside()) == 200


def test_closing_ends_the_thread_and_a_later_call_starts_anew(server):
    before = threading.active_count()
    xroad = Client(server.url, PORTAL)
    xroad.get(ADDRESS)
    assert threading.active_count() == before + 1
    xroad.close()
    xroad.close()
    assert threading.active_count() == before
    assert xroad.get(ADDRESS).status == 200
    xroad.close()


@pytest.mark.parametrize("phase", ["answer", "connection"])
def test_closing_ends_calls_that_are_on_their_way(phase):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as silent:
        port = silent.getsockname()[1]
        others = [socket.socket() for _ in range(3)] if phase == "connection" else []
        for other in others:  # they fill what the system accepts by itself
            other.setblocking(False)
            other.connect_ex(("127.0.0.1", port))
        xroad = Client(f"http://127.0.0.1:{port}", PORTAL)
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(xroad.get, ADDRESS)
            while xroad._worker is None or not asyncio.all_tasks(xroad._worker._loop):
                assert not call.done()
            xroad.close()
            with pytest.raises(NoAnswer):
                call.result(10)
        for other in others:
            other.close()


def test_a_call_whose_thread_has_ended_says_so(server):
    xroad = Client(server.url, PORTAL)
    worker = xroad._open_worker()
    xroad.close()
    work = worker.client.get(ADDRESS)
    with pytest.raises(NoAnswer, match="was closed"):
        worker.run(work)


def test_a_client_that_is_forgotten_ends_its_thread(server):
    before = threading.active_count()
    xroad = Client(server.url, PORTAL)
    xroad.get(ADDRESS)
    del xroad
    assert threading.active_count() == before


def test_a_client_that_was_made_before_a_fork_works_after_it(server, monkeypatch):
    with Client(server.url, PORTAL) as xroad:
        xroad.get(ADDRESS)
        parents = xroad._worker
        monkeypatch.setattr(os, "getpid", lambda: -1)
        assert xroad.get(ADDRESS).status == 200
        assert xroad._worker is not parents
        xroad.close()
        monkeypatch.undo()
        assert parents is not None
        parents.close()
