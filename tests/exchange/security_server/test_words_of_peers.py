"""What a peer says goes to the client, and never into this server's log."""

from structlog.testing import capture_logs

from kerege.exchange.tls import peer_server_context
from kerege.xroad.faults import XRoadError, soap_fault
from tests.servers import Pair
from tests.wire import RawServer, answer

QUOTING_A_PATH = XRoadError(
    "server.serverproxy.internal_error",
    "Illegal character in path at index 31: http://10.1.1.1/people/20101199000001|",
    detail="f00d",
)
"""As Java's exceptions have it."""


async def test_a_relayed_fault_may_quote_a_path_with_a_personal_code(tmp_path):
    pair = Pair(tmp_path)
    fault = answer("200 OK", {"Content-Type": "text/xml"}, soap_fault(QUOTING_A_PATH))
    context = peer_server_context(pair.instance.provider.identity)
    async with RawServer(fault, ssl=context) as stranger:
        pair.consumer.peer_port = stranger.port
        async with pair:
            with capture_logs() as logs:
                got = await pair.send("GET", "people/20101199000001")
    assert b"20101199000001" in got.body
    (line,) = (line for line in logs if line["event"] == "message failed")
    assert (line["code"], line["detail"]) == (QUOTING_A_PATH.code, "f00d")
    assert "20101199000001" not in str(logs)
