"""A request whose method HTTP does not know: who sent it is told what is wrong with it."""

import json

import pytest
from structlog.testing import capture_logs

from tests.servers import Pair


@pytest.mark.parametrize("method", ["BREW", "get"])
async def test_the_application_and_the_operator_are_told(tmp_path, method):
    async with Pair(tmp_path) as pair:
        pair.offer("echo")
        with capture_logs() as logs:
            got = await pair.send(method, "echo/20101199000001")
    fault = json.loads(got.body)
    assert (got.status, fault["type"]) == (500, "server.clientproxy.internal_error")
    assert "GET, POST, PUT, PATCH, DELETE and the like, in capital" in fault["message"]
    (line,) = (line for line in logs if line["event"] == "message failed")
    assert (line["code"], line["detail"]) == (fault["type"], fault["detail"])
    assert line["reason"] == fault["message"]
    assert line["advice"].startswith("Correct the application")
    assert "20101199000001" not in str(logs)
