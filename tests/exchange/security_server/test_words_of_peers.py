"""What a peer says goes to the client, and never into this server's log."""

import pytest
from structlog.testing import capture_logs

from kerege.exchange.tls import peer_server_context
from kerege.xroad.faults import XRoadError, soap_fault
from tests.servers import Pair
from tests.wire import RawServer, answer

ID = "f00dbeef-0000-4000-8000-20101199abcd"
PIN = "20101199000001"
QUOTING_A_PATH = XRoadError(
    "server.serverproxy.internal_error",
    "Illegal character in path at index 31: http://10.1.1.1/people/20101199000001|",
    detail=ID,
)
"""As Java's exceptions have it."""


async def told(tmp_path, fault):
    """Have a peer answer with a fault; give the answer, the log's line, all else."""
    pair = Pair(tmp_path)
    whole = answer("200 OK", {"Content-Type": "text/xml"}, soap_fault(fault))
    context = peer_server_context(pair.instance.provider.identity)
    async with RawServer(whole, ssl=context) as stranger:
        pair.consumer.peer_port = stranger.port
        async with pair:
            with capture_logs() as logs:
                got = await pair.send("GET", f"people/{PIN}")
    assert PIN not in str(logs)
    (exchange,) = pair.consumer.exchanges
    assert PIN not in str(exchange)
    (line,) = (line for line in logs if line["event"] == "message failed")
    assert (line["code"], line["detail"]) == (exchange.verdict, exchange.fault_detail)
    return got, line


async def test_a_relayed_fault_may_quote_a_path_with_a_personal_code(tmp_path):
    got, line = await told(tmp_path, QUOTING_A_PATH)
    assert PIN.encode() in got.body
    assert (line["code"], line["detail"]) == (QUOTING_A_PATH.code, ID)


@pytest.mark.parametrize(
    ("code", "known"),
    [
        (
            f"server.serverproxy.service_failed.{PIN}",
            "server.serverproxy.service_failed.?",
        ),
        (f"Server.ServerProxy.{PIN}.AccessDenied", "Server.ServerProxy.?"),
        (PIN, "?"),
        (f"SOAP-ENV:Client {PIN}", "?"),
        ("server." * 8 + PIN, "server.server.server.server.server.server.?"),
    ],
)
async def test_of_a_peers_code_as_much_is_told_as_is_known(tmp_path, code, known):
    got, line = await told(tmp_path, XRoadError(code, "No", detail=ID))
    assert code.encode() in got.body
    assert (line["code"], line["detail"]) == (known, ID)


@pytest.mark.parametrize("detail", [PIN, f"{ID} {PIN}", "x" * 200])
async def test_of_a_peers_ids_only_a_uuid_is_told(tmp_path, detail):
    fault = XRoadError("server.serverproxy.access_denied", "No", detail=detail)
    got, line = await told(tmp_path, fault)
    assert detail.encode() in got.body
    assert line["detail"] == "?"
