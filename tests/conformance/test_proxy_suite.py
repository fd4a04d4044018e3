"""All cases of the reference's proxy test suite, over two of our servers.

The message, the answer and the code are the table's; what a case arranges beyond them is
in `proxy_arrangements`, what it asserts in `proxy_checks`. The cases of metadata services
and of monitoring are in `test_metaservices` and `test_op_monitoring_requests`.

Arranged otherwise than upstream, with the same verdict:

* There is TLS between the servers in every case, for emulated and aborting ones too.
* A message that goes straight to the provider's server has an OCSP response before it;
  without one it would be refused for that.
* SigningFails...: the signing certificate has no OCSP response, so a real signer fails.
* SslAuthTrustManagerError: both sides find no server for any certificate, as upstream;
  ours judges after the handshake, the reference in it. The code is the same.
* AttachmentSmallMantis: the lost request is made anew from its description.
* AttachmentBig: see `test_proxy_suite_big_attachment`; it is ``slow``.

Done otherwise than the reference: an attachment that is a multipart itself goes on as it
is (Attachment); mime4j takes it apart and hands on what was inside. Requests to services
have a Content-Length, not chunks.
"""

from contextlib import AsyncExitStack

import pytest

from tests.conformance.proxy_arrangements import ARRANGE, BEFORE, nothing
from tests.conformance.proxy_checks import LOOK, require_fault, require_reply
from tests.conformance.proxy_suite import Case
from tests.exchange.http.helpers import until
from tests.soap_parts import spooled
from tests.vectors import Row, needs_vectors, rows

pytestmark = needs_vectors

BY_ITSELF = {"AttachmentBig"}
"""See `test_big_attachment`."""


@pytest.mark.parametrize(
    "row", [p for p in rows("proxy-testsuite") if p.values[0].case not in BY_ITSELF]
)
async def test_proxy_suite(row: Row, tmp_path):
    case = Case.of(row, tmp_path)
    async with AsyncExitStack() as stack:
        await BEFORE.get(row.case, nothing)(case, stack)
        if case.emulator is not None:
            await stack.enter_async_context(case.emulator)
            case.pair.consumer.peer_port = case.emulator.port
        await stack.enter_async_context(case.pair)
        case.offer()
        if case.answer is not None:
            case.pair.service.answer = case.answered()
        await ARRANGE.get(row.case, nothing)(case, stack)
        straight = "straight to the server proxy" in row.setup
        got = await (case.straight() if straight else case.send())
        if row.expected == "fault":
            require_fault(case, got)
        else:
            require_reply(case, got)
        LOOK.get(row.case, lambda _case, _got: None)(case, got)
        await until(lambda: spooled(case.pair) == [])
