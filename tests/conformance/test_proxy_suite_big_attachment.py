"""The case of the proxy test suite whose attachment has 650 MB."""

import asyncio

import pytest

from kerege.xroad import soap
from kerege.xroad.soap import SoapMessage
from tests.conformance.proxy_suite import (
    BOUNDARY,
    TEXT_XML,
    Case,
)
from tests.exchange.http.helpers import until
from tests.soap_parts import spooled
from tests.vectors import needs_vectors, rows
from tests.wire import Http

pytestmark = needs_vectors

BIG_BYTES = 650_000_000
BLOCK = bytes(range(256)) * 4
BLOCKS_AT_ONCE = 64
MOST_GROWTH = 60 * 1024 * 1024
"""Memory that both servers, client and service may take while it passes."""
PATIENCE_SECONDS = 900.0


@pytest.mark.slow
async def test_big_attachment(tmp_path):
    (parameter,) = [
        p for p in rows("proxy-testsuite") if p.values[0].case == "AttachmentBig"
    ]
    case = Case.of(parameter.values[0], tmp_path)
    content_type = f"multipart/related; charset=UTF-8; {BOUNDARY}"
    async with case.pair, asyncio.timeout(PATIENCE_SECONDS):
        received: list[int] = []
        server = await asyncio.start_server(
            lambda r, w: count_and_answer(r, w, case.answered(), received),
            "127.0.0.1",
            0,
        )
        async with server:
            port = server.sockets[0].getsockname()[1]
            case.offer(url=f"http://127.0.0.1:{port}")
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", case.pair.consumer.ports.client
            )
            peak = await write_big_request(writer, case.sent.content, content_type)
            got = Http.parse(await read_answer(reader))
            writer.close()
        assert got.status == 200
        message = soap.read(got.body, TEXT_XML)
        assert isinstance(message, SoapMessage)
        assert message.request_hash == soap.request_hash(case.sent.content)
        assert len(received) == 1
        assert received[0] > BIG_BYTES
        assert peak < MOST_GROWTH
        for side in (case.pair.consumer, case.pair.provider):
            assert len(side.log.records) == 2
        await until(lambda: spooled(case.pair) == [])


async def count_and_answer(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    made: bytes,
    received: list[int],
) -> None:
    """Be a service that reads a request of any size and keeps none of it."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(Http.parse(head).get("content-length") or 0)
    left = length
    while left:
        left -= len(await reader.read(min(left, 1 << 16)))
    received.append(length)
    writer.write(made)
    await writer.drain()
    writer.close()


async def write_big_request(
    writer: asyncio.StreamWriter, envelope: bytes, content_type: str
) -> int:
    """Write the request in chunks; return by how much memory grew."""
    mark = b"--" + BOUNDARY.removeprefix("boundary=").encode()
    start = b"%b\r\nContent-Type: text/xml; charset=UTF-8\r\n\r\n%b\r\n%b\r\n" % (
        *(mark, envelope, mark),
    )
    start += b"Content-Type: application/octet-stream\r\n"
    start += b"Content-Transfer-Encoding: binary\r\n\r\n"
    headers = f"Host: x\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked"
    writer.write(f"POST / HTTP/1.1\r\n{headers}\r\n\r\n".encode())
    writer.write(b"%x\r\n%b\r\n" % (len(start), start))
    piece = BLOCK * BLOCKS_AT_ONCE
    chunk = b"%x\r\n%b\r\n" % (len(piece), piece)
    before = peak = resident_bytes()
    for number in range(-(-BIG_BYTES // len(piece))):
        writer.write(chunk)
        await writer.drain()
        if number % 64 == 0:
            peak = max(peak, resident_bytes())
    end = b"\r\n%b--\r\n" % mark
    writer.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(end), end))
    await writer.drain()
    return max(peak, resident_bytes()) - before


async def read_answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(Http.parse(head).get("content-length") or 0)
    return head + await reader.readexactly(length)


def resident_bytes() -> int:
    """Return the memory of this process that is in use."""
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * 4096
