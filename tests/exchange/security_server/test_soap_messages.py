"""SOAP messages from end to end, over real sockets: envelopes, attachments, faults."""

import pytest

from kerege.exchange.security_server.outgoing import WHOLE_BYTES
from kerege.exchange.security_server.settings import Limits, Settings
from kerege.exchange.spool import MEMORY_LIMIT
from kerege.exchange.storage.server_configuration import WHOLE_SERVICE, Endpoint
from kerege.xroad import soap
from kerege.xroad.faults import XRoadError
from kerege.xroad.soap import MAX_SOAP_BYTES
from tests.exchange.http.helpers import until
from tests.servers import Pair
from tests.soap_parts import (
    BOUNDARY,
    RELATED,
    TEXT_XML,
    answering,
    ask,
    binary,
    envelope,
    fault_code,
    multipart,
    offer,
    parts_of,
    posted,
    spooled,
)
from tests.wire import answer

SIZES = [
    0,
    1,
    WHOLE_BYTES,
    WHOLE_BYTES + 1,
    MEMORY_LIMIT,
    MEMORY_LIMIT + 1,
    5_000_000,
]


def octets(size: int, salt: int = 0) -> bytes:
    """Return bytes with line ends, dashes, NUL and something like a delimiter."""
    start = b"\r\n--xattxtop\r\n--%b\0" % bytes([salt])
    return (start + bytes(range(256)) * (size // 256 + 1))[:size]


# --- Envelopes ---


async def test_a_client_calls_a_soap_service_and_gets_its_answer(tmp_path):
    async with Pair(tmp_path) as pair:
        service = offer(pair)
        got = await ask(pair, service)
        assert (got.status, got.get("content-type")) == (200, TEXT_XML)
        (called,) = pair.service.requests
        sent = envelope(pair.client, service)
        assert called.start == "POST / HTTP/1.1"
        assert called.body == sent
        assert called.get("content-type") == TEXT_XML
        assert called.get("content-length") == str(len(sent))
        answered = soap.read(got.body, TEXT_XML)
        assert answered.request_hash == soap.request_hash(sent)
        for server in (pair.consumer, pair.provider):
            logged = [one.record.message for one in server.log.records]
            assert logged == [sent, got.body]
            (exchange,) = server.exchanges
            assert exchange.verdict == "200"
            assert exchange.request_bytes == len(sent)
            assert exchange.response_bytes == len(got.body)


@pytest.mark.parametrize("target", ["/", "/cgi-bin/consumer_proxy", "/any?wsdl"])
async def test_any_path_but_that_of_rest_takes_soap(tmp_path, target):
    async with Pair(tmp_path) as pair:
        service = offer(pair)
        content = envelope(pair.client, service)
        got = await pair.consumer.client_call(posted(content, target=target))
        assert soap.read(got.body, TEXT_XML).is_response


@pytest.mark.parametrize("path", ["/soap/v1?x=%20", "", "?wsdl"])
async def test_the_service_is_called_at_its_address_as_it_is(tmp_path, path):
    async with Pair(tmp_path) as pair:
        service = offer(pair, url=f"{pair.service.url}{path}")
        await ask(pair, service)
        wanted = path if path.startswith("/") else f"/{path}"
        assert pair.service.requests[0].target == wanted


@pytest.mark.parametrize("action", ['""', "", '"http://example.org/a"', None])
async def test_the_soap_action_reaches_the_service(tmp_path, action):
    async with Pair(tmp_path) as pair:
        service = offer(pair)
        content = envelope(pair.client, service)
        await pair.consumer.client_call(posted(content, action=action))
        (called,) = pair.service.requests
        assert called.all("soapaction") == [action or ""]


async def test_a_soap_service_needs_a_right_to_the_whole_service(tmp_path):
    async with Pair(tmp_path) as pair:
        service = offer(pair, endpoint=Endpoint("POST", "/part"))
        assert fault_code(await ask(pair, service)) == (
            "server.serverproxy.access_denied"
        )
        offer(pair, endpoint=WHOLE_SERVICE)
        assert (await ask(pair, service)).get("content-type") == TEXT_XML


async def test_soap_does_not_reach_a_rest_service_nor_rest_a_soap_service(tmp_path):
    async with Pair(tmp_path) as pair:
        rest = pair.offer("echo")
        assert fault_code(await ask(pair, rest)) == "server.serverproxy.service_type"
        offer(pair)
        got = await pair.send("GET", "getState")
        assert got.get("x-road-error") == "server.serverproxy.service_type"
        assert pair.service.requests == []


async def test_a_client_may_choose_the_server_of_the_provider(tmp_path):
    async with Pair(tmp_path) as pair:
        service = offer(pair)
        server = pair.instance.provider.server_id
        got = await ask(pair, service, server=server)
        assert soap.read(got.body, TEXT_XML).is_response
        other = pair.instance.consumer.server_id
        got = await ask(pair, service, server=other)
        assert fault_code(got) == "server.clientproxy.invalid_security_server"


async def test_a_server_refuses_what_was_meant_for_another(tmp_path):
    async with Pair(tmp_path) as pair:
        service = offer(pair)
        chosen = pair.instance.provider.server_id
        pair.provider.runtime.settings = Settings(identifier=f"{chosen.path}-2")
        got = await ask(pair, service, server=chosen)
        code = "server.serverproxy.service_failed.invalid_security_server"
        assert fault_code(got) == code
        assert pair.service.requests == []


async def test_a_server_that_is_too_old_is_refused_in_soap_too(tmp_path):
    pair = Pair(tmp_path)
    pair.provider.settings = Settings(minimum_client_version="7.9.0")
    async with pair:
        got = await ask(pair, offer(pair))
        code = "server.serverproxy.client_proxy_version_not_supported"
        assert fault_code(got) == code
        assert pair.service.requests == []


async def test_an_answer_to_another_request_is_refused(tmp_path):
    async with Pair(tmp_path) as pair:
        service = offer(pair)
        got = await ask(pair, service, query_id="q-2")
        code = "server.clientproxy.service_failed.inconsistent_response"
        assert fault_code(got) == code
        assert len(pair.consumer.log.records) == 1


@pytest.mark.parametrize(
    ("content_type", "code"),
    [
        (None, "client.invalid_request"),
        ("application/json", "client.invalid_content_type"),
        ("multipart/mixed; boundary=x", "client.invalid_content_type"),
        ("multipart/related", "client.invalid_content_type"),
    ],
)
async def test_a_content_type_that_is_not_soaps_is_the_clients_fault(
    tmp_path, content_type, code
):
    async with Pair(tmp_path) as pair:
        raw = posted(envelope(pair.client, offer(pair)), content_type or "x")
        if content_type is None:
            raw = raw.replace(b"Content-Type: x\r\n", b"")
        assert fault_code(await pair.consumer.client_call(raw)) == code


async def test_an_envelope_is_bounded_on_both_sides(tmp_path):
    async with Pair(tmp_path) as pair:
        service = offer(pair)
        large = envelope(pair.client, service) + b" " * MAX_SOAP_BYTES
        got = await pair.consumer.client_call(posted(large))
        assert fault_code(got) == "client.invalid_soap"
        made = answering(pair, service).partition(b"\r\n\r\n")[2]
        pair.service.answer = answer(
            headers={"Content-Type": TEXT_XML}, body=made + b" " * MAX_SOAP_BYTES
        )
        got = await ask(pair, service)
        assert fault_code(got) == "server.serverproxy.service_failed.invalid_soap"


# --- Attachments ---


@pytest.mark.parametrize("size", SIZES)
async def test_an_attachment_arrives_and_comes_back(tmp_path, size):
    async with Pair(tmp_path) as pair:
        asked, answered = binary(octets(size)), binary(octets(size, 1), "b")
        service = offer(pair, attachments=[answered])
        got = await ask(pair, service, [asked])
        (called,) = pair.service.requests
        sent = envelope(pair.client, service)
        assert called.get("content-type") == RELATED
        assert [content for _, content in parts_of(called)] == [sent, asked[1]]
        (_, first), (headers, second) = parts_of(got)
        assert soap.read(first, TEXT_XML).request_hash == soap.request_hash(sent)
        assert second == answered[1]
        assert headers["content-id"] == "<b>"
        for server in (pair.consumer, pair.provider):
            (exchange,) = server.exchanges
            assert exchange.request_bytes == len(sent) + size
            assert exchange.response_bytes == len(first) + size
        await until(lambda: not spooled(pair))


async def test_many_attachments_keep_their_order_and_their_headers(tmp_path):
    attachments = [
        (
            {
                "Content-Type": f"text/plain; name={number}",
                "X-Part": f"{number}",
                "Content-Transfer-Encoding": "base64",
            },
            octets(number * 3, number % 100),
        )
        for number in range(200)
    ]
    async with Pair(tmp_path) as pair:
        service = offer(pair, attachments=attachments)
        got = await ask(pair, service, attachments)
        for http in (pair.service.requests[0], got):
            _, *found = parts_of(http)
            assert [content for _, content in found] == [c for _, c in attachments]
            assert [headers["x-part"] for headers, _ in found] == [
                str(number) for number in range(200)
            ]
            assert found[7][0]["content-type"] == "text/plain; name=7"
            assert found[7][0]["content-transfer-encoding"] == "base64"


async def test_attachments_share_the_memory_of_one_message(tmp_path):
    """Three of 0.9 MiB: one stays in memory, the others go to files, then away."""
    parts = [binary(octets(MEMORY_LIMIT * 9 // 10, n), str(n)) for n in range(3)]
    async with Pair(tmp_path) as pair:
        held = []

        def look(_):
            held.append(len(spooled(pair)))
            return answering(pair, service)

        service = offer(pair)
        pair.service.answer = look
        await ask(pair, service, parts)
        assert held == [2]
        _, *found = parts_of(pair.service.requests[0])
        assert [content for _, content in found] == [content for _, content in parts]
        await until(lambda: not spooled(pair))


async def test_a_multipart_of_an_envelope_alone_stays_one(tmp_path):
    async with Pair(tmp_path) as pair:
        service = offer(pair)
        got = await ask(pair, service, [])
        ((_, content),) = parts_of(pair.service.requests[0])
        assert content == envelope(pair.client, service)
        assert got.get("content-type") == TEXT_XML
        assert pair.consumer.log.records[0].record.hash_chain is None


async def test_attachments_together_are_bounded_by_a_setting(tmp_path):
    pair = Pair(tmp_path)
    pair.consumer.settings = Settings(limits=Limits(body_bytes=100_000))
    async with pair:
        service = offer(pair)
        got = await ask(pair, service, [binary(octets(60_000)), binary(octets(60_000))])
        assert fault_code(got) == "client.invalid_message"
        assert pair.service.requests == []
        large = [binary(octets(200_000))]
        pair.service.answer = answering(pair, service, large)
        got = await ask(pair, service)
        code = "server.clientproxy.service_failed.invalid_message"
        assert fault_code(got) == code
        await until(lambda: not spooled(pair))


async def test_the_provider_bounds_them_too(tmp_path):
    pair = Pair(tmp_path)
    pair.provider.settings = Settings(limits=Limits(body_bytes=100_000))
    async with pair:
        service = offer(pair)
        got = await ask(pair, service, [binary(octets(200_000))])
        assert fault_code(got) == "server.serverproxy.service_failed.invalid_message"
        pair.service.answer = answering(pair, service, [binary(octets(200_000))])
        got = await ask(pair, service)
        assert fault_code(got) == "server.serverproxy.service_failed.invalid_message"
        await until(lambda: not spooled(pair))


# --- Messages that end in the middle ---


@pytest.mark.parametrize("size", [10, 3 * MEMORY_LIMIT])
@pytest.mark.parametrize("cut", [1, 5, 200])
async def test_a_request_whose_multipart_breaks_off_is_the_clients_fault(
    tmp_path, size, cut
):
    async with Pair(tmp_path) as pair:
        service = offer(pair)
        whole = multipart(envelope(pair.client, service), [binary(octets(size))])
        end = len(f"--{BOUNDARY}--\r\n")
        broken = whole[: -(end + cut)]
        got = await pair.consumer.client_call(posted(broken, RELATED))
        assert fault_code(got) == "client.mime_parsing_failed"
        assert pair.service.requests == []
        await until(lambda: not spooled(pair))


@pytest.mark.parametrize("size", [10, 3 * MEMORY_LIMIT])
async def test_an_answer_whose_multipart_breaks_off_is_the_services_fault(
    tmp_path, size
):
    async with Pair(tmp_path) as pair:
        service = offer(pair)
        content = envelope(pair.client, service, is_answer=True)
        broken = multipart(content, [binary(octets(size))])[:-30]
        pair.service.answer = answer(headers={"Content-Type": RELATED}, body=broken)
        got = await ask(pair, service)
        code = "server.serverproxy.service_failed.mime_parsing_failed"
        assert fault_code(got) == code
        assert len(pair.provider.log.records) == 1
        assert pair.provider.exchanges[0].verdict == code
        await until(lambda: not spooled(pair))


async def test_a_service_that_hangs_up_in_an_attachment_is_at_fault(tmp_path):
    async with Pair(tmp_path) as pair:
        service = offer(pair, attachments=[binary(octets(3 * MEMORY_LIMIT))])
        whole = pair.service.answer
        pair.service.answer = whole[: len(whole) // 2]
        offer(pair, timeout_seconds=1)
        pair.service.answer = whole[: len(whole) // 2]
        got = await ask(pair, service)
        assert fault_code(got) == "server.serverproxy.service_failed.io_error"
        await until(lambda: not spooled(pair))


# --- Faults ---


async def test_a_fault_of_the_service_passes_byte_for_byte_unsigned(tmp_path):
    fault = (
        b'<?xml version="1.0"?>\r\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/'
        b'soap/envelope/">\n<s:Body><s:Fault><faultcode>s:Server</faultcode>'
        b"<faultstring>No &lt;such&gt; thing</faultstring><detail><x><!-- y --></x>"
        b"</detail></s:Fault></s:Body></s:Envelope>\n\n"
    )
    async with Pair(tmp_path) as pair:
        service = offer(pair)
        for status in ("200 OK", "500 Internal Server Error"):
            headers = {"Content-Type": "text/xml"}
            pair.service.answer = answer(status, headers, fault)
            got = await ask(pair, service)
            assert fault_code(got) == "s:Server"
            assert got.body == fault
        for server in (pair.consumer, pair.provider):
            assert len(server.log.records) == 2
            # A code that X-Road does not know is not told in logs and metrics.
            assert {one.verdict for one in server.exchanges} == {"?"}


async def test_an_answer_that_cannot_be_logged_is_not_given(tmp_path):
    async with Pair(tmp_path) as pair:
        service = offer(pair, attachments=[binary(octets(2 * MEMORY_LIMIT))])
        pair.consumer.log.error = XRoadError("database_error", "full")
        got = await ask(pair, service)
        assert fault_code(got) == "server.clientproxy.logging_failed.database_error"
        await until(lambda: not spooled(pair))
