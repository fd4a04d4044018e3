"""Large envelopes pass as small ones do, and do not hold up the other messages."""

import threading

import pytest

from kerege.exchange.security_server.received import LARGE_ENVELOPE_BYTES
from kerege.xroad import soap
from tests.servers import Pair
from tests.soap_parts import TEXT_XML, ask, envelope, offer, posted
from tests.wire import answer

ROW = b"<row><a>x &amp; y</a><b/></row>\n"


def with_rows(content: bytes, size: int) -> bytes:
    """Return an envelope with so many bytes of data in it."""
    return content.replace(b"<data>1</data>", ROW * (size // len(ROW) + 1), 1)


@pytest.mark.parametrize(
    ("size", "is_aside"), [(1_000, False), (2 * LARGE_ENVELOPE_BYTES, True)]
)
async def test_what_takes_long_is_read_in_another_thread(
    tmp_path, monkeypatch, size, is_aside
):
    threads = {name: set() for name in ("read", "add_request_hash")}

    def noting(name):
        real = getattr(soap, name)

        def work(*arguments):
            threads[name].add(threading.get_ident())
            return real(*arguments)

        return work

    async with Pair(tmp_path) as pair:
        service = offer(pair)
        asked = with_rows(envelope(pair.client, service), size)
        made = with_rows(envelope(pair.client, service, is_answer=True), size)
        pair.service.answer = answer(headers={"Content-Type": TEXT_XML}, body=made)
        for name in threads:
            monkeypatch.setattr(soap, name, noting(name))
        got = await pair.consumer.client_call(posted(asked))
        monkeypatch.undo()
        assert pair.service.requests[0].body == asked
        answered = soap.read(got.body, TEXT_XML)
        assert answered.request_hash == soap.request_hash(asked)
        here = {threading.get_ident()}
        assert all(seen for seen in threads.values())
        for seen in threads.values():
            assert (seen & here == set()) if is_aside else (seen == here)


async def test_a_large_envelope_that_is_wrong_gets_its_fault(tmp_path):
    async with Pair(tmp_path) as pair:
        service = offer(pair)
        wrong = with_rows(envelope(pair.client, service), 2 * LARGE_ENVELOPE_BYTES)
        wrong = wrong.replace(b"</row>\n<row>", b"</rwo>\n<row>", 1)
        got = await pair.consumer.client_call(posted(wrong))
        assert soap.read_fault(got.body).code == "client.invalid_soap"
        pair.service.answer = answer(headers={"Content-Type": TEXT_XML}, body=wrong)
        got = await ask(pair, service)
        code = "server.serverproxy.service_failed.invalid_soap"
        assert soap.read_fault(got.body).code == code
