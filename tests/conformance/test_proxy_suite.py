"""All cases of the reference's proxy test suite, over two of our servers.

The message, the answer and the code are the table's; what a case arranges beyond them is
in `proxy_arrangements`, what it asserts in `proxy_checks`.
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
