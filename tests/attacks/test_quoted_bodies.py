"""Faults that quote a body: callers get the piece, which helps them, and logs do not.

Names of elements are no personal data, unless somebody makes them of some.
"""

import re

import pytest

from kerege.xroad import soap
from kerege.xroad.identifiers import ServiceId
from tests.attacks.messages import Author
from tests.attacks.stage import CONSUMER, PROVIDER, Stage, impostor
from tests.servers import Pair
from tests.soap_parts import TEXT_XML, ask, envelope, fault_code, offer
from tests.wire import answer

PIN = "p20101199012345"


def envelope_with(pair: Pair, service: ServiceId, body: str) -> bytes:
    content = envelope(pair.client, service, is_answer=True)
    changed = re.sub(
        rb"(<[\w-]+:Body>).*(</[\w-]+:Body>)",
        rb"\1" + body.encode() + rb"\2",
        content,
        flags=re.DOTALL,
    )
    assert changed != content
    return changed


def reason(logs: list, code: str) -> str:
    assert PIN not in str(logs)
    lines = [line for line in logs if line["event"] == "message failed"]
    (said,) = {
        line["reason"] for line in lines if line["code"] == code and line["reason"]
    }
    return said


ANSWERS = {
    "another element than the service's": (
        f"<{PIN}/>",
        "inconsistent_headers",
        "The body's element ? does not start with the service code 'getState'",
    ),
    "tags that do not match": (f"<{PIN}><a></{PIN}>", "invalid_soap", None),
    "two elements": (f"<a/><{PIN}/>", "invalid_body", None),
}


@pytest.mark.parametrize("what", ANSWERS)
async def test_a_services_answer_is_quoted_to_the_client_only(stage: Stage, what):
    body, code, said = ANSWERS[what]
    service = offer(stage.pair)
    content = envelope_with(stage.pair, service, body)
    stage.pair.service.answer = answer(headers={"Content-Type": TEXT_XML}, body=content)
    got = await ask(stage.pair, service)
    code = f"{PROVIDER}.service_failed.{code}"
    assert fault_code(got) == code
    told = reason(stage.logs, code)
    if said is not None:
        assert told == said
        assert PIN.encode() in got.body


async def test_a_services_content_type_is_quoted_to_the_client_only(stage: Stage):
    service = offer(stage.pair)
    odd = answer(headers={"Content-Type": f"text/{PIN}"}, body=b"")
    stage.pair.service.answer = odd
    got = await ask(stage.pair, service)
    code = f"{PROVIDER}.service_failed.invalid_content_type"
    assert fault_code(got) == code
    assert PIN.encode() in got.body
    assert reason(stage.logs, code) == "? is not a Content-Type of SOAP messages"


async def test_a_peers_answer_is_quoted_to_the_client_only(tmp_path, logs):
    pair = Pair(tmp_path)
    provider = Author.of(pair.instance, pair.instance.provider)

    def answered(asked):
        sent = re.search(rb"<\?xml.*?</SOAP-ENV:Envelope>\n", asked.body, re.DOTALL)
        assert sent is not None
        content = envelope(pair.client, service, is_answer=True)
        made = soap.add_request_hash(content, TEXT_XML, soap.request_hash(sent[0]))
        return provider.soap([], made.content.replace(b"getStateResponse", next(names)))

    names = iter((b"getStateResponse", PIN.encode()))
    async with impostor(pair, answered) as stranger:
        pair.consumer.peer_port = stranger.port
        async with pair:
            service = offer(pair)
            first = await ask(pair, service)  # now its code may be told
            assert b"faultcode" not in first.body, first.body
            got = await ask(pair, service)
    code = f"{CONSUMER}.service_failed.inconsistent_headers"
    assert fault_code(got) == code
    assert PIN.encode() in got.body
    assert reason(logs, code).startswith("The body's element ? does not start with")
