"""SOAP services that a server answers itself, on the way of any other message."""

from dataclasses import dataclass, field

from kerege.exchange.security_server.built_in import BuiltInAnswer
from kerege.exchange.security_server.soap_request import SoapRequest
from kerege.xroad import soap
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId, ServiceId
from tests.servers import Pair
from tests.soap_parts import (
    RELATED,
    TEXT_XML,
    ask,
    binary,
    envelope,
    fault_code,
    multipart,
    parts_of,
    spooled,
)

CODE = "listMethods"


@dataclass
class Listing:
    """Answers `CODE` of anybody, to whom it may."""

    allowed: ClientId
    attachments: list = field(default_factory=list)
    asked: list[SoapRequest] = field(default_factory=list)

    def handles(self, request: SoapRequest) -> bool:
        return request.service_id.service_code == CODE

    def require_right(self, request: SoapRequest) -> None:
        if request.client_id != self.allowed:
            raise XRoadError("access_denied", "Not for you")

    async def answer(self, request: SoapRequest) -> BuiltInAnswer:
        self.asked.append(request)
        content = envelope(request.client_id, request.service_id, is_answer=True)
        if not self.attachments:
            return BuiltInAnswer(TEXT_XML, content)
        return BuiltInAnswer(RELATED, multipart(content, self.attachments))


def list_methods(pair: Pair) -> ServiceId:
    owner = pair.provider_client
    codes = (owner.instance, owner.member_class, owner.member_code)
    return ServiceId(*codes, owner.subsystem_code, CODE)


async def test_it_is_answered_signed_and_logged_without_a_service(tmp_path):
    async with Pair(tmp_path) as pair:
        listing = Listing(pair.client)
        pair.provider.runtime.built_in_services = (listing,)
        got = await ask(pair, list_methods(pair))
        answer = soap.read(got.body, TEXT_XML)
        assert answer.is_response
        assert answer.request_hash == listing.asked[0].hash
        assert pair.service.requests == []
        for server in (pair.consumer, pair.provider):
            assert len(server.log.records) == 2


async def test_it_may_answer_with_attachments(tmp_path):
    async with Pair(tmp_path) as pair:
        listing = Listing(pair.client, [binary(b"\0wsdl\r\n")])
        pair.provider.runtime.built_in_services = (listing,)
        got = await ask(pair, list_methods(pair))
        (_, first), (_, second) = parts_of(got)
        assert soap.read(first, TEXT_XML).is_response
        assert second == b"\0wsdl\r\n"
        assert spooled(pair) == []


async def test_its_own_rule_says_who_may_ask(tmp_path):
    async with Pair(tmp_path) as pair:
        listing = Listing(pair.provider_client)
        pair.provider.runtime.built_in_services = (listing,)
        got = await ask(pair, list_methods(pair))
        assert fault_code(got) == "server.serverproxy.access_denied"
        assert listing.asked == []
        assert pair.provider.log.records == []


async def test_what_it_cannot_answer_is_a_fault_of_the_providers_server(tmp_path):
    class Broken(Listing):
        async def answer(self, request: SoapRequest) -> BuiltInAnswer:
            raise XRoadError("invalid_request", "No such service")

    async with Pair(tmp_path) as pair:
        pair.provider.runtime.built_in_services = (Broken(pair.client),)
        got = await ask(pair, list_methods(pair))
        assert fault_code(got) == "server.serverproxy.invalid_request"


async def test_without_it_the_code_is_a_service_like_any_other(tmp_path):
    async with Pair(tmp_path) as pair:
        pair.provider.runtime.built_in_services = ()
        got = await ask(pair, list_methods(pair))
        assert fault_code(got) == "server.serverproxy.unknown_service"
