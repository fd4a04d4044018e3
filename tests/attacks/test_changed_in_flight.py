"""Somebody with both servers' TLS keys sits between them and changes what passes.

TLS does not help here; signatures must. The first test shows that an idle relay is not
noticed, so that the others are about what it changed.
"""

import pytest

from kerege.exchange.tls import peer_server_context
from tests.attacks.stage import Stage
from tests.servers import Pair
from tests.wire import RawServer, answer

BROKEN_CHAIN = "signature_verification.malformed_signature.invalid_hash_chain"
BROKEN_VALUE = "signature_verification.invalid_signature_value"


class Relay:
    """Both servers, and between them a relay that changes messages.

    ``on_request`` and ``on_answer`` get the bytes that pass and return others.
    """

    def __init__(self, folder, logs, **changes):
        self.pair = Pair(folder)
        self.stage = Stage(self.pair, logs)
        self.on_request = changes.get("on_request", lambda data: data)
        self.on_answer = changes.get("on_answer", lambda data: data)
        self.answers: list[bytes] = []
        context = peer_server_context(self.pair.instance.provider.identity)
        self.server = RawServer(self._pass_on, ssl=context)

    async def __aenter__(self):
        await self.server.__aenter__()
        self.pair.consumer.peer_port = self.server.port
        await self.pair.__aenter__()
        self.pair.offer("echo")
        return self

    async def __aexit__(self, *exc):
        await self.pair.__aexit__(*exc)
        await self.server.__aexit__(*exc)

    async def _pass_on(self, http):
        identity = self.pair.instance.consumer.identity
        got = await self.pair.provider.peer_call(self.on_request(http.raw), identity)
        self.answers.append(got.raw)
        return self.on_answer(got.raw)


def change(old, new):
    """Return a change of bytes that must be there; the length stays."""
    assert len(old) == len(new)

    def changed(data):
        assert old in data
        return data.replace(old, new, 1)

    return changed


async def test_an_idle_relay_is_not_noticed(tmp_path, logs):
    async with Relay(tmp_path, logs) as relay:
        await relay.stage.succeeds()
        await relay.stage.succeeds(method="POST", body=b"hello")
        assert len(relay.answers) == 2


REQUEST_CHANGES = {
    "body": (BROKEN_CHAIN, change(b"\r\n100 som\r\n", b"\r\n900 som\r\n")),
    "user": (BROKEN_CHAIN, change(b"X-Road-UserId:KG1", b"X-Road-UserId:KG2")),
    "path": (BROKEN_CHAIN, change(b"/echo/pay", b"/echo/tax")),
}


@pytest.mark.parametrize("what", REQUEST_CHANGES)
async def test_a_request_that_was_changed_does_not_reach_the_service(
    tmp_path, logs, what
):
    code, on_request = REQUEST_CHANGES[what]
    async with Relay(tmp_path, logs, on_request=on_request) as relay:
        await relay.stage.refuses(
            f"server.serverproxy.{code}",
            "echo/pay",
            method="POST",
            headers={"X-Road-UserId": "KG1"},
            body=b"100 som",
        )
        assert relay.pair.service.requests == []
        assert relay.pair.provider.log.records == []
        relay.on_request = lambda data: data
        await relay.stage.succeeds()


async def test_a_request_to_another_service_of_the_same_length_is_noticed(
    tmp_path, logs
):
    async with Relay(
        tmp_path, logs, on_request=change(b"Service/echo", b"Service/sell")
    ) as relay:
        relay.pair.offer("sell")
        relay.pair.offer("echo")
        await relay.stage.refuses(f"server.serverproxy.{BROKEN_VALUE}")
        assert relay.pair.service.requests == []


ANSWER_CHANGES = {
    "body": (BROKEN_CHAIN, change(b"\r\n\r\nok\r\n", b"\r\n\r\nno\r\n")),
    "status": (BROKEN_CHAIN, change(b"\r\n200\r\nOK\r\n", b"\r\n404\r\nOK\r\n")),
    "header": (BROKEN_CHAIN, change(b"x-road-service:", b"y-road-service:")),
    "signature": (BROKEN_VALUE, lambda data: flip_after(data, b"<ds:SignatureValue")),
}


@pytest.mark.parametrize("what", ANSWER_CHANGES)
async def test_an_answer_that_was_changed_does_not_reach_the_application(
    tmp_path, logs, what
):
    code, on_answer = ANSWER_CHANGES[what]
    async with Relay(tmp_path, logs, on_answer=on_answer) as relay:
        await relay.stage.refuses(f"server.clientproxy.{code}")
        (asked,) = relay.pair.consumer.log.records
        assert asked.record.direction.name == "REQUEST"
        relay.on_answer = lambda data: data
        await relay.stage.succeeds()


async def test_every_single_bit_of_an_answer_counts(tmp_path, logs):
    """One bit in each of many places: a fault, or the very answer, never another."""
    flips: list[int] = []

    def flip_next(data):
        head = data.index(b"\r\n\r\n") + 4
        step = (len(data) - head) // 60
        at = head + flips[-1] * step
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    async with Relay(tmp_path, logs, on_answer=flip_next) as relay:
        for number in range(60):
            flips.append(number)
            got = await relay.pair.send("GET", "echo")
            if got.get("x-road-error") is None:
                assert (got.status, got.body) == (200, b"ok")
            else:
                assert got.get("x-road-error").startswith("server.clientproxy.")
                assert got.status == 500
        relay.on_answer = lambda data: data
        await relay.stage.succeeds()


async def test_every_single_bit_of_a_request_counts(tmp_path, logs):
    """The same the other way: the service gets what was sent, or nothing."""
    flips: list[int] = []

    def flip_next(data):
        head = data.index(b"\r\n\r\n") + 4
        start, end = data.index(b"--xtop", head), data.rindex(b"\r\n0\r\n")
        at = start + flips[-1] * ((end - start) // 60)
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    async with Relay(tmp_path, logs, on_request=flip_next) as relay:
        for number in range(60):
            flips.append(number)
            before = len(relay.pair.service.requests)
            got = await relay.pair.send("POST", "echo/pay", body=b"100 som")
            called = relay.pair.service.requests[before:]
            if got.get("x-road-error") is None:
                (one,) = called
                assert (one.target, one.body) == ("/pay", b"100 som")
            else:
                assert called == []
        relay.on_request = lambda data: data
        await relay.stage.succeeds()


async def test_an_answer_that_is_replayed_is_inconsistent(tmp_path, logs):
    """Signed by the right provider, about an earlier question."""
    async with Relay(tmp_path, logs) as relay:
        await relay.stage.succeeds()
        relay.on_answer = lambda _: relay.answers[0]
        await relay.stage.refuses("server.clientproxy.inconsistent_response")
        same = {"X-Road-Id": "the same id"}
        await relay.stage.refuses(
            "server.clientproxy.inconsistent_response", headers=same
        )
        assert len(relay.pair.consumer.log.records) == 2 + 1 + 1
        relay.on_answer = lambda data: data
        await relay.stage.succeeds()


async def test_a_request_that_is_replayed_is_logged_like_any_other(tmp_path, logs):
    """The protocol has no defence but the log: both are in it, under one id."""
    requests = []

    def keep(data):
        requests.append(data)
        return requests[0]

    async with Relay(tmp_path, logs, on_request=keep) as relay:
        await relay.stage.succeeds()
        await relay.stage.refuses("server.clientproxy.inconsistent_response")
        ids = [one.record.x_request_id for one in relay.pair.provider.log.records]
        assert len(ids) == 4
        assert len(set(ids)) == 1


async def test_a_fault_may_come_from_anybody_in_between_but_nothing_else(
    tmp_path, logs
):
    """Faults are not signed: a relay can refuse, as it could cut the line."""
    fault = answer("500 Server Error", {"Content-Type": "text/html"}, b"<h1>no</h1>")
    async with Relay(tmp_path, logs, on_answer=lambda _: fault) as relay:
        await relay.stage.refuses(
            "server.clientproxy.service_failed.invalid_content_type"
        )
        relay.on_answer = lambda data: data
        await relay.stage.succeeds()


def flip_after(data, needle):
    """Change one character of the text of an element."""
    at = data.index(b">", data.index(needle)) + 12
    other = b"A" if data[at : at + 1] != b"A" else b"B"
    return data[:at] + other + data[at + 1 :]
